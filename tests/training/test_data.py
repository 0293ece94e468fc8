"""The split is the notebook's, and no fold shares a form with its validation rows."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from training.data import folds


def test_the_split_is_the_notebooks(split):
    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        digits.data, digits.target, test_size=0.33, random_state=42
    )
    np.testing.assert_array_equal(split.training.pixels, x_train)
    np.testing.assert_array_equal(split.training.labels, y_train)
    np.testing.assert_array_equal(split.held_out.pixels, x_test)
    np.testing.assert_array_equal(split.held_out.labels, y_test)
    assert (len(split.training), len(split.held_out)) == (1203, 594)


@pytest.mark.parametrize("count", [2, 7, 14])
def test_folds_validate_every_row_once_and_never_with_a_form_they_trained_on(split, count):
    validated = 0
    for training, validation in folds(split.training, count):
        assert not set(training.forms) & set(validation.forms)
        assert len(training) + len(validation) == len(split.training)
        validated += len(validation)
    assert validated == len(split.training)
