"""Colours of sheets, pens and printed lines: reflectances of red, green and blue in [0, 1]."""

import numpy as np

BLUE, BLACK, FAINT = (0.2, 0.35, 0.75), (0.08, 0.08, 0.08), (0.72, 0.78, 0.85)
RED, GREEN, DEEP_BLUE, ORANGE = (0.8, 0.15, 0.15), (0.15, 0.45, 0.28), (0.15, 0.3, 0.7), (0.95, 0.55, 0.1)
CARDBOARD = (0.68, 0.52, 0.36)
STICKY_NOTES = ((0.98, 0.92, 0.4), (0.98, 0.6, 0.7), (0.6, 0.9, 0.55), (0.55, 0.8, 0.95))
BOARDS = ((0.12, 0.3, 0.22), (0.1, 0.1, 0.1))


def jitter(colour, rng):
    """Vary a colour a little."""
    return np.clip(colour + rng.normal(0, 0.04, 3), 0, 1)


def pen_colour(rng):
    """Choose the colour of a pen: between black and dark blue."""
    return rng.uniform(0.05, 0.2) + rng.uniform(0, 0.25) * np.array([0, 0.1, 1])


def pencil(rng):
    """Choose the grey of a pencil."""
    return np.full(3, rng.uniform(0.35, 0.55))


def chalk(rng):
    """Choose the colour of chalk: white, or nearly white."""
    return rng.uniform(0.85, 0.98) - rng.uniform(0, 0.1, 3)


def sheet_colour(rng):
    """Choose the colour of a white or slightly tinted sheet."""
    return rng.uniform(0.82, 1) - rng.uniform(0, 0.1) * rng.random(3)


def sticky_note(rng):
    """Choose the colour of a sticky note."""
    return jitter(rng.choice(STICKY_NOTES), rng)


def board(rng):
    """Choose the colour of a blackboard."""
    return jitter(rng.choice(BOARDS), rng)
