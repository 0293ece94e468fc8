"""Tests of connected components, with SciPy's labels as the reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from model.picture.components import (
    MIN_SIZE_SHARE,
    find_components,
    find_runs,
    label_components,
    remove_small_components,
)

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


def scipy_components(mask):
    """Find the components of a mask with SciPy: its labels, and the sizes and the boxes of all components."""
    labels, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
    boxes = [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in ndimage.find_objects(labels)]
    return labels, np.bincount(labels.ravel(), minlength=count + 1)[1:], np.array(boxes).reshape(-1, 4)


def assert_components_agree_with_scipy(mask, min_size_share):
    """Compare the components with those of SciPy that are large enough, up to the order of the components."""
    labels, sizes, boxes = find_components(mask, min_size_share)
    expected_labels, expected_sizes, expected_boxes = scipy_components(mask)
    is_large = expected_sizes >= min_size_share * expected_sizes.max(initial=0)
    numbers = 1 + np.flatnonzero(is_large)
    is_kept = np.isin(expected_labels, numbers)
    pairs = np.unique(np.stack([labels[is_kept], expected_labels[is_kept]], axis=1), axis=0)
    assert sorted(pairs[:, 0]) == list(range(len(sizes)))
    assert sorted(pairs[:, 1]) == list(numbers)
    assert (labels[~is_kept] == -1).all()
    np.testing.assert_array_equal(sizes[pairs[:, 0]], expected_sizes[pairs[:, 1] - 1])
    np.testing.assert_array_equal(boxes[pairs[:, 0]], expected_boxes[pairs[:, 1] - 1])


@given(masks, st.sampled_from([0, 1 / 16, 0.3, 1]))
def test_labels_sizes_and_boxes_of_any_mask_agree_with_scipy(mask, min_size_share):
    assert_components_agree_with_scipy(mask, min_size_share)


@pytest.mark.parametrize("shape", SHAPES)
def test_labels_sizes_and_boxes_of_difficult_shapes_agree_with_scipy(shape):
    assert_components_agree_with_scipy(SHAPES[shape], 0)
    assert_components_agree_with_scipy(SHAPES[shape].T, 0)


@pytest.mark.parametrize(
    ("min_size_share", "sizes"), [(0, [1, 2, 6]), (1 / 6, [1, 2, 6]), (0.2, [2, 6]), (1 / 3, [2, 6]), (1, [6])]
)
def test_components_of_at_least_a_share_of_the_largest_are_kept(min_size_share, sizes):
    mask = np.zeros((5, 9), dtype=bool)
    mask[0, 0] = mask[0, 3:5] = mask[2:4, 6:9] = True
    components = find_components(mask, min_size_share)
    assert sorted(components.sizes) == sizes
    assert np.unique(components.labels).tolist() == list(range(-1, len(sizes)))
    assert components.boxes.shape == (len(sizes), 4)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (4, 6)])
def test_a_mask_without_true_pixels_has_no_components(shape):
    labels, sizes, boxes = find_components(np.zeros(shape, dtype=bool))
    assert labels.shape == shape
    assert (labels == -1).all()
    assert (sizes.shape, boxes.shape) == ((0,), (0, 4))


@given(masks, st.integers(1, 6))
def test_remove_small_components_keeps_the_large_components_of_scipy(mask, factor):
    mask = np.kron(mask, np.ones((factor, 1), dtype=bool))  # makes the sizes differ more
    labels, sizes, _ = scipy_components(mask)
    kept = [label for label, size in enumerate(sizes, 1) if size >= MIN_SIZE_SHARE * sizes.max()]
    np.testing.assert_array_equal(remove_small_components(mask), np.isin(labels, kept))


def test_remove_small_components_keeps_a_component_of_a_16th_and_removes_a_smaller_one():
    mask = np.zeros((10, 40), dtype=bool)
    mask[:4, :8] = True  # 32 pixels
    mask[8, 0:2] = mask[8, 10] = True
    cleaned = remove_small_components(mask)
    assert cleaned[8, 0:2].all()
    assert not cleaned[8, 10]
