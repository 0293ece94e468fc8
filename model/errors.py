"""What can go wrong in the model, one class a fault.

DigitsError
├── ArtefactError        a file of weights that cannot be used, and why
├── WeightsError         arrays that are not the parameters of this network
├── CardError            a card that does not describe a network of this format
├── PixelsError          an input that is not a batch of images
│   ├── PixelShapeError  it has another shape than (B, 64)
│   └── PixelRangeError  a pixel lies outside 0…16, or is not a number
└── PictureError         a picture that no image can be made of
    ├── PictureShapeError  it has another number of axes, or no points
    └── BlankPictureError  nothing stands out from its paper
"""


class DigitsError(Exception):
    """Any fault that this package raises on purpose."""


class ArtefactError(DigitsError):
    """A file of weights that cannot be used.

    Args:
        source: What was read, as its user named it: a path, mostly.
        fault: What is wrong with it, a clause that follows the name.
    Example:
        >>> print(ArtefactError("digits.npz", "has no array W3"))
        digits.npz has no array W3
    """

    def __init__(self, source: str, fault: str) -> None:
        super().__init__(source, fault)
        self.source = source
        self.fault = fault

    def __str__(self) -> str:
        return f"{self.source} {self.fault}"


class WeightsError(DigitsError, ValueError):
    """Arrays that are not the parameters of this network."""


class CardError(DigitsError, ValueError):
    """A card that does not describe a network of this format."""


class PixelsError(DigitsError, ValueError):
    """An input that is not a batch of images."""


class PixelShapeError(PixelsError):
    """An array that does not have the shape (B, 64)."""


class PixelRangeError(PixelsError):
    """A pixel outside 0…16, or one that is not a number.

    Args:
        bound: What the pixel must be, a clause that follows its name.
        row: Index of the first image at fault, from 0.
        pixel: Index of the first pixel at fault within that image, 0…63.
    Example:
        >>> print(PixelRangeError("must be between 0 and 16", row=0, pixel=3))
        pixel 3 of image 0 must be between 0 and 16
    """

    def __init__(self, bound: str, row: int, pixel: int) -> None:
        super().__init__(bound, row, pixel)
        self.bound = bound
        self.row = row
        self.pixel = pixel

    def __str__(self) -> str:
        return f"pixel {self.pixel} of image {self.row} {self.bound}"


class PictureError(DigitsError, ValueError):
    """A picture that no image can be made of."""


class PictureShapeError(PictureError):
    """An array that does not have the shape (height, width), or has no points."""


class BlankPictureError(PictureError):
    """A picture in which nothing stands out from the paper."""
