"""The trained network, in NumPy alone: what it computes, and the file it lives in.

This is the one public face; the modules behind it may move.

Example:
    >>> from pathlib import Path
    >>> from model import as_pixels, load_artefact
    >>> artefact = load_artefact(Path("model/digits.npz"))
    >>> blank = as_pixels(np.zeros((1, 64)))
    >>> artefact.network.probabilities(blank).shape
    (1, 10)
"""

from model.artefact import Artefact, load_artefact, parse_artefact, save_artefact
from model.card import Card, Confusion, HeldOut, dump_card, parse_card
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
from model.glyph import STEPS, as_image
from model.mlp import (
    DIGITS,
    INK_MAX,
    INK_MIN,
    LAYERS,
    PIXELS,
    SHAPES,
    SIDE,
    Activations,
    Floats,
    Floats32,
    Network,
    Weights,
    as_pixels,
    forward,
    relu,
    softmax,
)
from model.paper import lift_ink

__all__ = [
    "DIGITS",
    "INK_MAX",
    "INK_MIN",
    "LAYERS",
    "PIXELS",
    "SHAPES",
    "SIDE",
    "STEPS",
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
    "HeldOut",
    "Network",
    "PictureError",
    "PictureShapeError",
    "PixelRangeError",
    "PixelShapeError",
    "PixelsError",
    "Weights",
    "WeightsError",
    "as_image",
    "as_pixels",
    "dump_card",
    "forward",
    "lift_ink",
    "load_artefact",
    "parse_artefact",
    "parse_card",
    "relu",
    "save_artefact",
    "softmax",
]
