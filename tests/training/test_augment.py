"""A distortion bends an image a little, as an affine map does, and stays within 0…16."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import map_coordinates

from model import PIXELS, SIDE
from training.augment import Distortion, _bilinear, distort

images = arrays(np.float32, (3, PIXELS), elements=st.floats(0, 16, width=32))
points = arrays(np.float32, (3, PIXELS), elements=st.floats(-20, 30, width=32))
LIMITS = Distortion(rotation_degrees=15, shear=0.2, scale=0.15, shift_pixels=0.7)


@given(images, st.integers(0, 2**32))
def test_a_distorted_image_stays_within_the_bounds(pixels, seed):
    bent = distort(pixels, LIMITS, np.random.default_rng(seed))
    assert bent.shape == pixels.shape
    assert bent.dtype == np.float32
    assert ((bent >= 0) & (bent <= 16)).all()


@given(images)
def test_no_distortion_is_the_identity(pixels):
    np.testing.assert_array_equal(distort(pixels, Distortion(0, 0, 0, 0), np.random.default_rng(0)), pixels)


@given(images)
def test_the_input_is_left_alone(pixels):
    before = pixels.copy()
    distort(pixels, LIMITS, np.random.default_rng(0))
    np.testing.assert_array_equal(pixels, before)


@given(images, points, points)
def test_reading_between_the_pixels_is_scipys(pixels, rows, columns):
    read = _bilinear(pixels, rows, columns)
    for image, y, x, got in zip(pixels, rows, columns, read, strict=True):
        square = image.reshape(SIDE, SIDE).astype(np.float64)
        expected = map_coordinates(square, [y, x], order=1, mode="grid-constant", cval=0)
        np.testing.assert_allclose(got, expected, atol=1e-4)


def test_the_same_seed_bends_the_same_way(split):
    pixels = split.training.pixels[:20]
    once, twice = (distort(pixels, LIMITS, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(once, twice)
    assert not np.array_equal(once, pixels)
