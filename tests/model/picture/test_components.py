"""Tests of connected components, with SciPy's labels as the reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from model.picture.components import MIN_SIZE_SHARE, find_runs, label_components, remove_small_components

EIGHT_NEIGHBOURS = np.ones((3, 3))
masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=24))


def spiral(side):
    """Draw a spiral of one arm, one pixel wide, from the corner to the middle."""
    mask = np.zeros((side, side), dtype=bool)
    y, x, dy, dx, length, turns = 0, 0, 0, 1, side - 1, 0
    mask[0, 0] = True
    while length > 0:
        for _ in range(length):
            y, x = y + dy, x + dx
            mask[y, x] = True
        dy, dx = dx, -dy
        turns += 1
        length -= 2 if turns > 2 and turns % 2 else 0
    return mask


SHAPES = {
    "spiral": spiral(63),
    "comb": np.indices((40, 41))[1] % 2 == 0,
    "comb joined at the bottom": (np.indices((40, 41))[1] % 2 == 0) | (np.indices((40, 41))[0] == 39),
    "chessboard": np.indices((30, 30)).sum(axis=0) % 2 == 0,
    "diagonals": np.indices((30, 30)).sum(axis=0) % 3 == 0,
    "full": np.ones((9, 7), dtype=bool),
    "empty": np.zeros((9, 7), dtype=bool),
}


def agrees_with_scipy(mask):
    """Compare the labels of a mask's runs with SciPy's labels of its pixels, up to renumbering."""
    starts, ends, stride = find_runs(mask)
    labels = label_components(starts, ends, stride)
    pixel_labels, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
    padded = np.pad(pixel_labels, ((0, 0), (0, 1))).ravel()
    pairs = {(int(label), int(padded[start])) for label, start in zip(labels, starts, strict=True)}
    assert int((ends - starts).sum()) == mask.sum()
    return len(pairs) == count == len({label for label, _ in pairs})


@given(masks)
def test_components_of_any_mask_agree_with_scipy(mask):
    assert agrees_with_scipy(mask)


@pytest.mark.parametrize("shape", SHAPES)
def test_components_of_difficult_shapes_agree_with_scipy(shape):
    assert agrees_with_scipy(SHAPES[shape])
    assert agrees_with_scipy(SHAPES[shape].T)
    assert agrees_with_scipy(SHAPES[shape][::-1])


@given(masks, st.integers(1, 6))
def test_remove_small_components_keeps_the_large_components_of_scipy(mask, factor):
    mask = np.kron(mask, np.ones((factor, 1), dtype=bool))  # makes the sizes differ more
    labels, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    kept = [label for label, size in enumerate(sizes, 1) if size >= MIN_SIZE_SHARE * sizes.max()]
    np.testing.assert_array_equal(remove_small_components(mask), np.isin(labels, kept))


def test_remove_small_components_keeps_a_component_of_a_16th_and_removes_a_smaller_one():
    mask = np.zeros((10, 40), dtype=bool)
    mask[:4, :8] = True  # 32 pixels
    mask[8, 0:2] = mask[8, 10] = True
    cleaned = remove_small_components(mask)
    assert cleaned[8, 0:2].all()
    assert not cleaned[8, 10]
