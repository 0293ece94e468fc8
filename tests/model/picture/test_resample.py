"""Resizing: means when smaller, straight lines when larger."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from model.picture.resample import resampling, resize

sizes = st.integers(1, 90)


@given(sizes, sizes)
def test_every_value_is_a_mean_of_old_ones(length, samples):
    weights = resampling(length, samples)
    assert weights.shape == (samples, length)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


@given(st.integers(1, 40), st.integers(0, 40))
def test_what_is_smaller_is_the_mean_of_what_it_covers(samples, fewer):
    length = samples + fewer
    slivers = np.repeat(np.eye(length), samples, axis=0)  # so fine that each sample covers whole ones
    expected = slivers.reshape(samples, length, length).mean(axis=1)
    np.testing.assert_allclose(resampling(length, samples), expected, atol=1e-6)


@pytest.mark.parametrize("length", [2, 3, 9, 40])
def test_one_value_fewer_is_a_mean_already(length):
    expected = np.repeat(np.eye(length), length - 1, axis=0).reshape(length - 1, length, length).mean(axis=1)
    np.testing.assert_allclose(resampling(length, length - 1), expected, atol=1e-6)


@given(sizes, st.integers(1, 5))
def test_a_whole_factor_gives_the_means_of_blocks(samples, factor):
    values = np.arange(samples * factor) ** 2.0
    means = values.reshape(samples, factor).mean(axis=1)
    np.testing.assert_allclose(resampling(samples * factor, samples) @ values, means, rtol=1e-5)


@given(st.integers(1, 40), st.integers(0, 40))
def test_what_is_larger_is_read_linearly_between_the_old_centres(length, more):
    samples = length + more
    values = np.sin(np.arange(length) * 1.7)
    centres = (np.arange(samples) + 0.5) * length / samples - 0.5
    expected = np.interp(centres, np.arange(length), values)
    np.testing.assert_allclose(resampling(length, samples) @ values, expected, atol=1e-6)


@given(*[st.integers(1, 30)] * 4, st.integers(0, 255))
def test_what_is_of_one_brightness_stays_so(height, width, rows, columns, brightness):
    resized = resize(np.full((height, width), brightness, np.float32), rows, columns)
    np.testing.assert_allclose(resized, np.full((rows, columns), brightness), rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "filter_of_pillow"),
    [((6, 4), Image.Resampling.BOX), ((24, 32), Image.Resampling.BOX), ((90, 77), Image.Resampling.BILINEAR)],
)
def test_a_picture_is_resized_as_pillow_does(shape, filter_of_pillow):
    picture = np.random.default_rng(0).uniform(0, 255, (48, 64)).astype(np.float32)
    expected = Image.fromarray(picture).resize(shape[::-1], filter_of_pillow)
    np.testing.assert_allclose(resize(picture, *shape), expected, atol=1e-2)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 9)])
def test_each_axis_is_resized_by_itself(shape):
    picture = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    resized = resize(picture, 4, 6)
    assert resized.shape == (4, 6)
    assert resized.dtype == np.float32
    one_axis = np.stack([resampling(shape[0], 4) @ column for column in picture.T], axis=1)
    other = np.stack([resampling(shape[1], 6) @ row for row in one_axis])
    np.testing.assert_allclose(resized, other, rtol=1e-5)
