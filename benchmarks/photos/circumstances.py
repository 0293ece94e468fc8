"""The rows of the table."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.photos import colours, drawings
from benchmarks.photos.photos import Lines, Photo, photograph
from model import Floats


class Circumstance(NamedTuple):
    """A row of the table."""

    goal: int | None  # correct answers of 100
    make: Callable[[list[Floats], np.random.Generator], bytes]  # from strokes to a picture file
    has_several_digits: bool = False  # the correct answer is then an error


def photo(goal, **choices):
    """Return the row of a kind of photo; the choices are those of `Photo`."""
    return Circumstance(goal, partial(photograph, choices=Photo(**choices)))


def drawing(goal, make, **options):
    """Return the row of a kind of drawing; the options are those of the function that makes it."""
    return Circumstance(goal, partial(make, **options))


CIRCUMSTANCES = {
    "cropped to the ink": drawing(97, drawings.cropped, cut=0),
    "cropped, 3 px of the outline cut off": drawing(92, drawings.cropped, cut=3),
    "dark desk at one side": photo(95, desk="dark", desk_sides=1),
    "brown desk at one side": photo(95, desk="brown", desk_sides=1),
    "dark desk at two sides": photo(95, desk="dark", desk_sides=2),
    "brown desk at two sides": photo(95, desk="brown", desk_sides=2),
    "dark desk all round": photo(95, desk="dark", desk_sides=4),
    "brown desk all round": photo(95, desk="brown", desk_sides=4),
    "a hand's shadow across": photo(95, has_shadow=True),
    "ruled in strong blue": drawing(92, drawings.lined, colour=colours.BLUE, widths=(1, 3)),
    "ruled in thin black": drawing(92, drawings.lined, colour=colours.BLACK, widths=(1, 1.5)),
    "squared": drawing(92, drawings.lined, colour=colours.BLUE, widths=(1, 2), squared=True),
    "photo, ruled in strong blue": photo(92, lines=Lines(colours.BLUE)),
    "photo, ruled in thin black": photo(92, lines=Lines(colours.BLACK, (1, 1.5))),
    "photo, squared": photo(92, lines=Lines(colours.BLUE, squared=True)),
    "in a printed box": drawing(95, drawings.boxed),
    "photo, in a printed box": photo(95, is_boxed=True),
    "underlined": drawing(92, drawings.underlined),
    "white on transparent, PNG": drawing(98, drawings.transparent, mode="RGBA"),
    "white on transparent, LA": drawing(98, drawings.transparent, mode="LA"),
    "white on transparent, WebP": drawing(98, drawings.transparent, mode="RGBA", format="WEBP"),
    "red on green": drawing(95, drawings.coloured, pen=colours.RED, background=colours.GREEN),
    "red on blue": drawing(95, drawings.coloured, pen=colours.RED, background=colours.DEEP_BLUE),
    "orange on blue": drawing(95, drawings.coloured, pen=colours.ORANGE, background=colours.DEEP_BLUE),
    "red on cardboard": drawing(95, drawings.coloured, pen=colours.RED, background=colours.CARDBOARD),
    "16-bit grey, 10 bits used": drawing(98, drawings.deep, bits=10),
    "16-bit grey, 12 bits used": drawing(98, drawings.deep, bits=12),
    "16-bit grey with tRNS": drawing(98, drawings.deep, bits=16, transparency=2**16 - 1),
    "uneven light": photo(98, unevenness=0.6),
    "pencil": photo(98, pen_colour=colours.pencil, grain=0.6),
    "blur": photo(98, blur=(2, 4)),
    "noise": photo(98, noise=(8, 16)),
    "sticky note": photo(98, sheet_colour=colours.sticky_note),
    "chalk": photo(98, sheet_colour=colours.board, pen_colour=colours.chalk, grain=0.6),
    "faint ruling": photo(98, lines=Lines(colours.FAINT)),
    "specks": drawing(98, drawings.speckled),
    "EXIF, upside down": photo(98, is_upside_down=True),
    "detached strokes": drawing(None, drawings.detached),
    "two digits side by side": drawing(95, drawings.several)._replace(has_several_digits=True),
    "two digits, one below the other": drawing(None, drawings.several, below=True)._replace(has_several_digits=True),
}
