"""The errors of this package: one class for each kind of fault.

DigitsError
├── ArtefactError          a file of weights cannot be used
├── WeightsError           arrays are not valid parameters of this network
├── CardError              a card is malformed, contradicts itself, or has another format
├── PixelsError            an array is not a valid batch of images
│   ├── PixelShapeError    its shape is not (B, 64)
│   └── PixelRangeError    a pixel is outside 0…16 or NaN
└── PictureError           no 8×8 image can be made of a picture
    ├── PictureShapeError  its shape is wrong, or it has no pixels
    ├── BlankPictureError  nothing stands out from its background
    └── SeveralDigitsError it shows several digits
"""


class DigitsError(Exception):
    """Base class of all errors that this package raises on purpose."""


class ArtefactError(DigitsError):
    """A file of weights cannot be used; the message names the file and the fault."""


class WeightsError(DigitsError, ValueError):
    """Arrays are not valid parameters of this network."""


class CardError(DigitsError, ValueError):
    """A card is malformed, contradicts itself, or has another format version."""


class PixelsError(DigitsError, ValueError):
    """An array is not a valid batch of images."""


class PixelShapeError(PixelsError):
    """The shape of an array of images is not (B, 64)."""


class PixelRangeError(PixelsError):
    """A pixel is outside 0…16 or NaN.

    Args:
        rule: The rule that the pixel violates: a clause such as "must be between 0 and 16".
        image: Index of the first invalid image in the batch, from 0.
        pixel: Index of the first invalid pixel in that image, 0…63.
    Example:
        >>> print(PixelRangeError("must be between 0 and 16", image=0, pixel=3))
        pixel 3 of image 0 must be between 0 and 16
    """

    def __init__(self, rule: str, image: int, pixel: int) -> None:
        super().__init__(rule, image, pixel)
        self.rule = rule
        self.image = image
        self.pixel = pixel

    def __str__(self) -> str:
        return f"pixel {self.pixel} of image {self.image} {self.rule}"


class PictureError(DigitsError, ValueError):
    """No 8×8 image can be made of a picture."""


class PictureShapeError(PictureError):
    """The shape of a picture is neither (height, width) nor (height, width, C), or the picture has no pixels."""


class BlankPictureError(PictureError):
    """Nothing stands out from the background of a picture."""


class SeveralDigitsError(PictureError):
    """A picture shows several digits.

    Args:
        count: Number of separate shapes of a digit's size, at least 2.
    Example:
        >>> print(SeveralDigitsError(2))
        the picture shows 2 digits, and one is wanted
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count

    def __str__(self) -> str:
        return f"the picture shows {self.count} digits, and one is wanted"
