"""Photos of a sheet with one digit."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks.photos import camera, colours
from benchmarks.photos.drawings import save
from benchmarks.photos.sheet import blank, box_around, digit_mask, line_mask, paint, rules, to_picture

SHEET_SCALE = 1.5  # size of a sheet that extends beyond the picture at all sides, in sizes of the picture

Colour = Callable[[np.random.Generator], np.ndarray]


class Lines(NamedTuple):
    """Printed lines of a sheet."""

    colour: tuple[float, float, float]
    widths: tuple[float, float] = (1.5, 3)  # pixels
    squared: bool = False


class Photo(NamedTuple):
    """The choices of a circumstance; the values in between are random."""

    desk: str = ""  # a key of `camera.DESKS`
    desk_sides: int = 0  # number of sides at which the desk is visible
    has_shadow: bool = False
    sheet_colour: Colour = colours.sheet_colour
    pen_colour: Colour = colours.pen_colour
    grain: float = 0  # largest share of a stroke's pixel that is not covered
    lines: Lines | None = None
    is_boxed: bool = False
    unevenness: float = 0.3
    blur: tuple[float, float] = (0.3, 1.2)  # pixels
    noise: tuple[float, float] = (1, 4)  # grey levels of 255
    is_upside_down: bool = False  # the EXIF data tell it


def photograph(strokes, rng, choices):
    """Take a photo of a sheet with a digit.

    Args:
        strokes: Strokes of the digit, polylines of shape (n, 2).
        rng: Source of randomness.
        choices: The circumstance, a `Photo`.
    Returns:
        A JPEG file.
    """
    shape = rng.permutation([rng.integers(420, 800), rng.integers(560, 1000)])
    edges = place_sheet(shape, rng, choices.desk_sides)
    sheet = write_sheet(shape, edges, strokes, rng, choices)
    project = partial(camera.project, origin=edges[:2], shape=shape, homography=camera.tilt(shape, rng))
    scene = np.asarray(project(to_picture(sheet))) / 255
    if choices.desk:
        is_sheet = np.asarray(project(Image.new("L", sheet.shape[1::-1], 255))) / 255
        scene = paint(camera.desk(shape, choices.desk, rng), is_sheet, scene)
    brightness = camera.light(shape, rng, choices.unevenness)
    if choices.has_shadow:
        brightness = brightness * camera.shadow(shape, rng)
    picture = camera.expose(scene * brightness, rng, choices.blur, choices.noise)
    options = {"format": "JPEG", "quality": int(rng.integers(60, 95))}
    if choices.is_upside_down:
        exif = Image.Exif()
        exif[camera.ORIENTATION] = camera.UPSIDE_DOWN
        return save(picture.transpose(Image.Transpose.ROTATE_180), exif=exif, **options)
    return save(picture, **options)


def place_sheet(shape, rng, desk_sides):
    """Choose where the sheet lies.

    Args:
        shape: Height and width of the picture.
        rng: Source of randomness.
        desk_sides: Number of sides at which the desk is visible, 0…4.
    Returns:
        Left, top, right and bottom of the sheet in pixels from the centre of the picture, shape (4,). At the other
        sides, the sheet extends beyond the picture.
    """
    half = np.array(shape)[[1, 0, 1, 0]] / 2 * (-1, -1, 1, 1)
    visible = rng.permutation(4)[:desk_sides]
    edges = SHEET_SCALE * half
    edges[visible] = half[visible] * (1 - rng.uniform(0.08, 0.35, desk_sides))
    return edges


def write_sheet(shape, edges, strokes, rng, choices):
    """Draw the sheet: printed lines, a box, and the digit near the middle of the visible part.

    Args:
        shape: Height and width of the picture.
        edges: Return value of `place_sheet`.
        strokes: Strokes of the digit, polylines of shape (n, 2).
        rng: Source of randomness.
        choices: The circumstance, a `Photo`.
    Returns:
        The sheet.
    """
    sheet = blank((edges[2:] - edges[:2]).round().astype(int)[::-1], choices.sheet_colour(rng))
    if choices.lines:
        colour, widths, squared = choices.lines
        lines = rules(sheet.shape[:2], rng.uniform(0.06, 0.15) * max(shape), rng, squared=squared)
        sheet = paint(sheet, line_mask(sheet.shape[:2], lines, rng.uniform(*widths)), colours.jitter(colour, rng))
    limit = np.array(shape)[::-1] / 2
    middle = (edges[:2].clip(-limit) + edges[2:].clip(None, limit)) / 2
    centre = middle - edges[:2] + rng.uniform(-0.1, 0.1, 2) * min(shape)
    size, pen = rng.uniform(0.25, 0.5) * min(shape), rng.uniform(0.04, 0.12)
    mask = digit_mask(sheet.shape[:2], strokes, centre, size, pen)
    if choices.is_boxed:
        outline = line_mask(mask.shape, [box_around(mask, rng.uniform(0.1, 0.3, 4) * size)], rng.uniform(1, 4))
        sheet = paint(sheet, outline, colours.jitter(colours.BLACK, rng))
    return paint(sheet, mask * (1 - choices.grain * rng.random(mask.shape)), choices.pen_colour(rng))
