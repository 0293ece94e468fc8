"""Resizing: means when smaller, straight lines when larger."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.resample import resampling, resize

sizes = st.integers(1, 90)


@given(sizes, sizes)
def test_every_value_is_a_mean_of_old_ones(length, samples):
    weights = resampling(length, samples)
    assert weights.shape == (samples, length)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


@given(sizes, sizes)
def test_what_is_smaller_has_every_old_value_with_the_same_weight(length, samples):
    if samples <= length:
        np.testing.assert_allclose(resampling(length, samples).sum(axis=0), samples / length, atol=1e-6)


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


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 9)])
def test_each_axis_is_resized_by_itself(shape):
    picture = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    resized = resize(picture, 4, 6)
    assert resized.shape == (4, 6)
    assert resized.dtype == np.float32
    one_axis = np.stack([resampling(shape[0], 4) @ column for column in picture.T], axis=1)
    other = np.stack([resampling(shape[1], 6) @ row for row in one_axis])
    np.testing.assert_allclose(resized, other, rtol=1e-5)
