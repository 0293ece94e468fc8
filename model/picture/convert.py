"""The whole conversion, step by step."""

import numpy as np
from numpy.typing import NDArray

from model.mlp import Floats32
from model.picture.background import subtract_background
from model.picture.normalise import normalise_digit
from model.picture.printed import remove_lines
from model.picture.single import require_single_digit


def convert_picture(picture: NDArray[np.uint8]) -> Floats32:
    """Convert a picture of a digit to the image that the network classifies.

    Args:
        picture: Grey, shape (height, width), or of C colours, shape (height, width, C); uint8.
    Returns:
        The image, shape (8, 8), float32 in [0, 16].
    Raises:
        PictureShapeError: The array has another number of axes, or no pixels.
        BlankPictureError: Nothing stands out from the background.
        SeveralDigitsError: The picture shows several digits.
    """
    return normalise_digit(require_single_digit(remove_lines(subtract_background(picture))))
