"""The trained network, in NumPy alone: what it computes, and the file it lives in.

This is the one public face; the modules behind it may move.

Example:
    >>> from pathlib import Path
    >>> from model import validate_pixels, load_artefact
    >>> artefact = load_artefact(Path("model/digits.npz"))
    >>> blank = validate_pixels(np.zeros((1, 64)))
    >>> artefact.network.probabilities(blank).shape
    (1, 10)
"""

from model.artefact import Artefact, load_artefact, parse_artefact, save_artefact
from model.card import Card, Confusion, HeldOutMetrics, dump_card, parse_card
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
    Activations,
    Floats,
    Floats32,
    Network,
    Weights,
    forward,
    relu,
    softmax,
    validate_pixels,
)
from model.picture.background import subtract_background
from model.picture.normalise import NORMALISATION_STEPS, normalise_digit

__all__ = [
    "DIGITS",
    "IMAGE_SIDE",
    "INK_MAX",
    "INK_MIN",
    "LAYER_SIZES",
    "NORMALISATION_STEPS",
    "PIXELS",
    "WEIGHT_SHAPES",
    "Activations",
    "Artefact",
    "ArtefactError",
    "BlankPictureError",
    "Card",
    "CardError",
    "Confusion",
    "DigitsError",
    "Floats",
    "Floats32",
    "HeldOutMetrics",
    "Network",
    "PictureError",
    "PictureShapeError",
    "PixelRangeError",
    "PixelShapeError",
    "PixelsError",
    "Weights",
    "WeightsError",
    "dump_card",
    "forward",
    "load_artefact",
    "normalise_digit",
    "parse_artefact",
    "parse_card",
    "relu",
    "save_artefact",
    "softmax",
    "subtract_background",
    "validate_pixels",
]
