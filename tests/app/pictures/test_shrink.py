"""Conversion of pictures of any mode and size to small ones: transparency, 16 bits a pixel, colour and size."""

import io
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.pictures import shrink as module
from app.pictures.shrink import TILE_SIDE, WORKING_SIDE, shrink
from tests.drawing import draw
from tests.picture_requests import encode_picture

DRAWING = draw(3, side=120)  # black strokes on white
WIDE_DRAWING = np.pad(DRAWING, ((0, 0), (0, 2050 - 120)), constant_values=255)  # is reduced by the factor 3
COLOURS = {"black": (0, 0, 0), "white": (255, 255, 255), "yellow": (255, 255, 0), "navy": (0, 0, 90)}


def cut_out(drawing, colour):
    """Return strokes of a colour on a transparent background."""
    picture = Image.new("RGBA", drawing.shape[::-1], COLOURS[colour])
    picture.putalpha(Image.fromarray(255 - drawing))
    return picture


def cut_out_palette(drawing, colour):
    """Return strokes of a colour on the transparent colour of a palette."""
    picture = Image.fromarray((drawing < 128).astype(np.uint8)).convert("P")
    picture.putpalette([90, 90, 90, *COLOURS[colour]])
    picture.info["transparency"] = 0
    return picture


def assert_similar(picture, expected, tolerance=2):
    """Compare a picture with the expected grey levels or colours."""
    assert np.abs(np.asarray(picture, int) - np.asarray(expected, int)).max() <= tolerance


def paint(drawing, colour, background):
    """Return strokes of a colour on a background, both of them RGB, shape (height, width, 3)."""
    opacity = 1 - drawing[..., None] / 255
    return opacity * COLOURS[colour] + (1 - opacity) * COLOURS[background]


# Name → function from a drawing and a colour to a picture, and the drawing that it shows.
TRANSPARENT = {"RGBA": (cut_out, lambda d: d), "palette": (cut_out_palette, lambda d: np.where(d < 128, 0, 255))}


@pytest.mark.parametrize("mode", TRANSPARENT)
@pytest.mark.parametrize("drawing", [DRAWING, WIDE_DRAWING], ids=["small", "reduced"])
@pytest.mark.parametrize("colour", COLOURS)
def test_bright_strokes_without_a_background_get_a_black_one_and_dark_strokes_a_white_one(mode, drawing, colour):
    make, shown = TRANSPARENT[mode]
    small = shrink(make(drawing, colour))
    expected = paint(shown(drawing), colour, "black" if colour in {"white", "yellow"} else "white").astype(np.uint8)
    if drawing is WIDE_DRAWING:
        expected = np.asarray(Image.fromarray(expected).reduce(3))
    is_grey = colour in {"black", "white"}
    assert small.mode == ("L" if is_grey else "RGB")
    assert_similar(small, expected[..., 0] if is_grey else expected)


@pytest.mark.parametrize("colour", [0, 255])
@pytest.mark.parametrize("drawing", [DRAWING, WIDE_DRAWING], ids=["small", "reduced"])
@pytest.mark.parametrize("mode", ["LA", "L with a transparent grey level"])
def test_grey_strokes_on_a_transparent_background_stand_out(mode, drawing, colour):
    if mode == "LA":
        picture = Image.merge("LA", (Image.new("L", drawing.shape[::-1], colour), Image.fromarray(255 - drawing)))
    else:
        drawing = np.where(drawing < 128, 0, 255).astype(np.uint8)
        picture = Image.fromarray(np.where(drawing == 0, colour, 77).astype(np.uint8))
        picture.info["transparency"] = 77
    expected = Image.fromarray(drawing if colour == 0 else 255 - drawing)
    assert_similar(shrink(picture), expected.reduce(-(-max(expected.size) // WORKING_SIDE)))


@pytest.mark.parametrize("scale", [1, 3])
def test_bright_window_with_transparent_corners_stays_on_white(scale):
    window = np.kron(draw(3, side=400), np.ones((scale, scale), np.uint8))
    y, x = np.indices(window.shape) - window.shape[0] / 2
    corners = np.hypot(x, y) > 0.6 * len(window)
    picture = Image.fromarray(window).convert("RGBA")
    picture.putalpha(Image.fromarray(np.where(corners, 0, 255).astype(np.uint8)))
    assert_similar(shrink(picture), Image.fromarray(window).reduce(-(-len(window) // WORKING_SIDE)))


def test_half_transparent_pixels_are_mixed_with_the_background():
    picture = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 102), (10, 10, 30, 30))
    assert shrink(picture).getpixel((20, 20)) == 255 - 102


@given(st.sampled_from([40, WORKING_SIDE + 2]), st.integers(0, 2**32 - 1), st.sampled_from([0, 255]))
def test_hidden_colours_of_transparent_pixels_do_not_matter(width, seed, brightness):
    rng = np.random.default_rng(seed)
    plain = np.full((6, width, 4), (brightness, brightness, brightness, 255), np.uint8)
    plain[rng.random((6, width)) < 0.7] = 0
    hidden = np.where(plain[..., 3:] == 0, rng.integers(0, 256, plain.shape) * (1, 1, 1, 0), plain).astype(np.uint8)
    expected, small = shrink(Image.fromarray(plain)), shrink(Image.fromarray(hidden))
    np.testing.assert_array_equal(small.convert("RGB"), expected.convert("RGB"))


def deepen(drawing, bits):
    """Return a drawing with more bits a pixel; its white is the largest number of these bits."""
    return (drawing.astype(np.uint32) * ((1 << bits) - 1) // 255).astype(np.uint16)


@pytest.mark.parametrize("drawing", [DRAWING, 255 - DRAWING, WIDE_DRAWING], ids=["dark", "bright", "reduced"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_16_bit_grey_gives_the_picture_of_8_bit_grey_for_any_number_of_used_bits(bits, drawing):
    small = shrink(Image.fromarray(deepen(drawing, bits)))
    assert small.mode == "L"
    assert_similar(small, shrink(Image.fromarray(drawing)), tolerance=1)


def test_dark_16_bit_grey_is_not_brightened():
    assert shrink(Image.new("I;16", (8, 8), 100)).getpixel((0, 0)) == 100
    assert shrink(Image.new("I;16", (8, 8), 3000)).getpixel((0, 0)) == 3000 * 255 // 4095


@pytest.mark.parametrize(
    ("background", "stroke", "expected"),
    [
        (65535, 0, (255, 0)),
        (0, 65535, (0, 255)),
        (30_000, 0, (255, 0)),
        (30_000, 65535, (0, 255)),
        (100, 4095, (0, 255)),
        (30_000, 30_001, (0, 233)),
    ],
)
@pytest.mark.parametrize("width", [120, 1200])
def test_strokes_on_a_transparent_grey_level_of_16_bits_stand_out(width, background, stroke, expected):
    is_stroke = np.zeros((width // 4, width), bool)
    is_stroke[:, width // 4 : width // 2] = True
    data = encode_picture(np.where(is_stroke, stroke, background).astype(np.uint16), transparency=background)
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        small = np.asarray(shrink(picture))
    columns = [round(small.shape[1] * share) for share in (0.1, 0.4)]
    assert tuple(small[10, columns]) == expected


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("drawing", [DRAWING, WIDE_DRAWING], ids=["small", "reduced"])
def test_grey_picture_of_any_mode_becomes_greyscale(mode, drawing):
    picture = Image.fromarray(drawing)
    if mode == "1":
        picture = picture.point([0] * 128 + [255] * 128)
    expected = shrink(picture)
    small = shrink(Image.fromarray(deepen(np.asarray(picture), 16)) if mode == "I;16" else picture.convert(mode))
    assert small.mode == "L"
    assert_similar(small, expected, tolerance=1)


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("colour", [(9, 9, 11), (9, 11, 9), (11, 9, 9)])
def test_picture_with_one_coloured_pixel_keeps_its_colours(mode, colour):
    picture = Image.new("RGB", (30, 20), (200, 200, 200))
    picture.putpixel((29, 19), colour)
    small = shrink(picture.quantize(2) if mode == "P" else picture.convert(mode))
    assert small.mode == "RGB"
    np.testing.assert_array_equal(small, picture)


@given(st.integers(1, 5 * WORKING_SIDE), st.integers(1, 40), st.booleans())
def test_longer_side_is_at_most_1024_and_both_sides_are_rounded_up(longer, shorter, is_high):
    size = (shorter, longer) if is_high else (longer, shorter)
    factor = next(factor for factor in count(1) if max(size) <= factor * 1024)
    assert shrink(Image.new("L", size)).size == tuple(-(-side // factor) for side in size)


NOISE = np.random.default_rng(0).integers(0, 256, (400, 2600, 4), np.uint8)  # is reduced by the factor 3
LARGE = {
    "grey": Image.fromarray(NOISE[..., 0]),
    "colours": Image.fromarray(NOISE[..., :3]),
    "high picture": Image.fromarray(NOISE[..., :3].transpose(1, 0, 2).copy()),
    "not reduced": Image.fromarray(NOISE[:, :1000, :3]),
    "16 bits, bright at the end": Image.fromarray(NOISE[..., 0] * np.linspace(1, 257, 2600).astype(np.uint16)),
    "transparent": Image.fromarray(NOISE),
    "transparent, not reduced": Image.fromarray(NOISE[:, :1000]),
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("tile_side", [64, TILE_SIDE])
def test_tiles_give_the_result_of_one_tile(monkeypatch, name, tile_side):
    monkeypatch.setattr(module, "TILE_SIDE", tile_side)
    small = shrink(LARGE[name])
    monkeypatch.setattr(module, "TILE_SIDE", 10_000)
    np.testing.assert_array_equal(small, shrink(LARGE[name]))


@pytest.mark.parametrize("name", ["grey", "colours", "high picture"])
def test_opaque_picture_is_reduced_as_pillow_reduces_it(name):
    np.testing.assert_array_equal(shrink(LARGE[name]), LARGE[name].reduce(3))
