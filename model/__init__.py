"""The model, in NumPy alone: the network, its file format, and the conversion of pictures to its input.

Other packages import every name from here, so the modules behind this interface may move. In reading order:

    mlp.py       the network: layers, forward pass, softmax
    picture/     the conversion of a picture of any size to the 8×8 image that the network classifies
    card.py      the card: how the network was trained and how accurate it is
    artefact.py  the file format: save, load and verify weights with their card
    errors.py    the exception tree

Example:
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from model import load_artefact, validate_pixels
    >>> artefact = load_artefact(Path("model/digits.npz"))
    >>> blank = validate_pixels(np.zeros((1, 64)))
    >>> artefact.network.probabilities(blank).shape
    (1, 10)
"""

from model.artefact import MAX_ARTEFACT_BYTES, Artefact, load_artefact, parse_artefact, save_artefact
from model.card import Card, Confusion, Metrics, dump_card, parse_card
from model.errors import (
    ArtefactError,
    BlankPictureError,
    CardError,
    DigitsError,
    PictureError,
    PictureShapeError,
    PixelRangeError,
    PixelsError,
    PixelShapeError,
    SeveralDigitsError,
    WeightsError,
)
from model.mlp import (
    DIGITS,
    IMAGE_SIDE,
    INK_MAX,
    INK_MIN,
    LAYER_SIZES,
    PIXELS,
    WEIGHT_SHAPES,
    Floats,
    Floats32,
    Network,
    Weights,
    forward,
    softmax,
    validate_pixels,
)
from model.picture.background import subtract_background
from model.picture.convert import convert_picture
from model.picture.normalise import BOX_WIDTH, MAX_WIDENING, NORMALISATION_STEPS, normalise_digit, stretch
from model.picture.printed import remove_lines
from model.picture.sheet import find_sheet

__all__ = ["MAX_ARTEFACT_BYTES", "Artefact", "load_artefact", "parse_artefact", "save_artefact"]
__all__ += ["Card", "Confusion", "Metrics", "dump_card", "parse_card"]
__all__ += ["ArtefactError", "CardError", "DigitsError", "WeightsError"]
__all__ += ["PixelRangeError", "PixelShapeError", "PixelsError"]
__all__ += ["BlankPictureError", "PictureError", "PictureShapeError", "SeveralDigitsError"]
__all__ += ["DIGITS", "IMAGE_SIDE", "INK_MAX", "INK_MIN", "LAYER_SIZES", "PIXELS", "WEIGHT_SHAPES"]
__all__ += ["Floats", "Floats32", "Network", "Weights", "forward", "softmax", "validate_pixels"]
__all__ += ["BOX_WIDTH", "MAX_WIDENING", "NORMALISATION_STEPS", "normalise_digit", "stretch"]
__all__ += ["convert_picture", "find_sheet", "remove_lines", "subtract_background"]
