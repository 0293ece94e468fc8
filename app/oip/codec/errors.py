"""Exceptions of the codec, one class for each kind of error; a message names the place and the broken rule."""


class InvalidError(Exception):
    """A request that contradicts itself or does not fit the model."""


class UnsupportedError(Exception):
    """A request for a feature of the protocol that this service does not have."""
