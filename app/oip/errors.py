"""What can be wrong with a request of the protocol, one class a kind of refusal."""


class OipError(Exception):
    """A request that cannot be answered; the message names the place and what must hold."""


class InvalidError(OipError):
    """A request that contradicts itself or the model."""


class TooLargeError(OipError):
    """A body that holds more than a body may."""


class UnsupportedError(OipError):
    """A request for something that the protocol knows and this service does not do."""
