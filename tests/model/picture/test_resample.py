"""Tests of resizing: means for smaller pictures, linear interpolation for larger ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from model.picture.resample import resampling_matrix, resize

sizes = st.integers(1, 90)


@given(sizes, sizes)
def test_every_sample_is_a_weighted_mean_of_the_values(length, samples):
    weights = resampling_matrix(length, samples)
    assert weights.shape == (samples, length)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


@given(st.integers(1, 40), st.integers(0, 40))
def test_a_smaller_axis_has_the_means_of_the_covered_values(samples, difference):
    length = samples + difference
    # Each value is split into as many parts as there are samples, so that a sample covers whole parts.
    parts = np.repeat(np.eye(length), samples, axis=0)
    expected = parts.reshape(samples, length, length).mean(axis=1)
    np.testing.assert_allclose(resampling_matrix(length, samples), expected, atol=1e-6)


@pytest.mark.parametrize("length", [2, 3, 9, 40])
def test_an_axis_with_one_value_fewer_has_means_too(length):
    expected = np.repeat(np.eye(length), length - 1, axis=0).reshape(length - 1, length, length).mean(axis=1)
    np.testing.assert_allclose(resampling_matrix(length, length - 1), expected, atol=1e-6)


@given(sizes, st.integers(1, 5))
def test_shrinking_by_an_integer_factor_gives_the_means_of_blocks(samples, factor):
    values = np.arange(samples * factor) ** 2.0
    means = values.reshape(samples, factor).mean(axis=1)
    np.testing.assert_allclose(resampling_matrix(samples * factor, samples) @ values, means, rtol=1e-5)


@given(st.integers(1, 40), st.integers(0, 40))
def test_a_larger_axis_is_interpolated_linearly_between_the_centres_of_the_values(length, difference):
    samples = length + difference
    values = np.sin(np.arange(length) * 1.7)
    centres = (np.arange(samples) + 0.5) * length / samples - 0.5
    expected = np.interp(centres, np.arange(length), values)
    np.testing.assert_allclose(resampling_matrix(length, samples) @ values, expected, atol=1e-6)


@given(*[st.integers(1, 30)] * 4, st.integers(0, 255))
def test_a_uniform_picture_keeps_its_brightness(height, width, rows, columns, brightness):
    resized = resize(np.full((height, width), brightness, np.float32), rows, columns)
    np.testing.assert_allclose(resized, np.full((rows, columns), brightness), rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "pillow_filter"),
    [((6, 4), Image.Resampling.BOX), ((24, 32), Image.Resampling.BOX), ((90, 77), Image.Resampling.BILINEAR)],
)
def test_resize_agrees_with_pillow(shape, pillow_filter):
    picture = np.random.default_rng(0).uniform(0, 255, (48, 64)).astype(np.float32)
    expected = Image.fromarray(picture).resize(shape[::-1], pillow_filter)
    np.testing.assert_allclose(resize(picture, *shape), np.asarray(expected), atol=1e-2)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 9)])
def test_each_axis_is_resized_independently(shape):
    picture = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    resized = resize(picture, 4, 6)
    assert resized.shape == (4, 6)
    assert resized.dtype == np.float32
    resized_columns = np.stack([resampling_matrix(shape[0], 4) @ column for column in picture.T], axis=1)
    expected = np.stack([resampling_matrix(shape[1], 6) @ row for row in resized_columns])
    np.testing.assert_allclose(resized, expected, rtol=1e-5)
