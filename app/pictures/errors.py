"""Exceptions of pictures that cannot be used."""


class PictureTooLargeError(ValueError):
    """A picture with too many pixels; the message names the limits."""


class UnsupportedFormatError(ValueError):
    """A file of a known format that is not supported; the message names the format."""


class UndecodableError(ValueError):
    """A file that is damaged or is not a picture."""
