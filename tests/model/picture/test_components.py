"""Parts of a picture, against SciPy's labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from model.picture.components import SPECK_SHARE, connect, find_runs, remove_specks

CORNERS_TOO = np.ones((3, 3))
masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=24))


def spiral(side):
    """One arm, a point wide, from outside to the middle."""
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
    "comb with a back below": (np.indices((40, 41))[1] % 2 == 0) | (np.indices((40, 41))[0] == 39),
    "chessboard": np.indices((30, 30)).sum(axis=0) % 2 == 0,
    "diagonals": np.indices((30, 30)).sum(axis=0) % 3 == 0,
    "full": np.ones((9, 7), dtype=bool),
    "empty": np.zeros((9, 7), dtype=bool),
}


def same_parts(mask):
    """Whether the runs of a mask are numbered as SciPy labels its points, but for the numbers."""
    starts, ends, stride = find_runs(mask)
    parts = connect(starts, ends, stride)
    labels, count = ndimage.label(mask, CORNERS_TOO)
    padded = np.pad(labels, ((0, 0), (0, 1))).ravel()
    pairs = {(int(part), int(padded[start])) for part, start in zip(parts, starts, strict=True)}
    assert int((ends - starts).sum()) == mask.sum()
    return len(pairs) == count == len({part for part, _ in pairs})


@given(masks)
def test_parts_are_those_of_scipy(mask):
    assert same_parts(mask)


@pytest.mark.parametrize("shape", SHAPES)
def test_parts_of_awkward_shapes_are_those_of_scipy(shape):
    assert same_parts(SHAPES[shape])
    assert same_parts(SHAPES[shape].T)
    assert same_parts(SHAPES[shape][::-1])


@given(masks, st.integers(1, 6))
def test_what_is_kept_are_the_large_labels_of_scipy(mask, factor):
    mask = np.kron(mask, np.ones((factor, 1), dtype=bool))  # so that sizes differ more
    labels, count = ndimage.label(mask, CORNERS_TOO)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    kept = [label for label, size in enumerate(sizes, 1) if size >= SPECK_SHARE * sizes.max()]
    np.testing.assert_array_equal(remove_specks(mask), np.isin(labels, kept))


def test_a_part_of_a_sixteenth_stays_and_a_smaller_one_goes():
    mask = np.zeros((10, 40), dtype=bool)
    mask[:4, :8] = True  # 32 points
    mask[8, 0:2] = mask[8, 10] = True
    kept = remove_specks(mask)
    assert kept[8, 0:2].all()
    assert not kept[8, 10]
