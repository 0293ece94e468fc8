"""Exceptions of the codec, one class for each kind of error."""


class OipError(Exception):
    """A request that cannot be answered; the message names the place and the broken rule."""


class InvalidError(OipError):
    """A request that contradicts itself or does not fit the model."""


class TooLargeError(OipError):
    """A body that exceeds the size limit."""


class UnsupportedError(OipError):
    """A request for a feature of the protocol that this service does not have."""
