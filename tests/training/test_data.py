"""The split is the notebook's, and no fold shares a form with its validation rows."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from training.data import DataError, folds, read_csv


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


def lines_of(rows):
    return [
        ",".join(map(str, [*pixels, label]))
        for pixels, label in zip(rows.pixels.astype(int), rows.labels, strict=True)
    ]


def test_a_csv_in_the_format_of_uci_is_read_back(tmp_path, split):
    file = tmp_path / "digits.csv"
    file.write_text("\n".join(lines_of(split.held_out)))
    rows = read_csv(file)
    np.testing.assert_array_equal(rows.pixels, split.held_out.pixels)
    np.testing.assert_array_equal(rows.labels, split.held_out.labels)


LINE = ",".join(["0"] * 64)


@pytest.mark.parametrize("text", [f"{LINE},3", f"\ufeff{LINE}, 3\r\n", f"{LINE},3\n\n"])
def test_a_mark_spaces_and_line_ends_do_not_matter(tmp_path, text):
    file = tmp_path / "digits.csv"
    file.write_bytes(text.encode())
    assert read_csv(file).labels.tolist() == [3]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "has no rows"),
        (LINE, "line 1: must have 64 pixels and a label, separated by commas"),
        (f"{LINE},3\n{LINE}", "line 2: must have 64 pixels and a label, separated by commas"),
        (f"{LINE},three", "line 1: must hold numbers"),
        (f"{LINE},3\n\n{LINE},3", "line 2: must have 64 pixels and a label, separated by commas"),
        (f"{LINE},3\n{LINE},10", "line 2: the label must be a digit from 0 to 9"),
        (f"{LINE},2.5", "line 1: the label must be a digit from 0 to 9"),
        (f"{LINE},3\n17{LINE[1:]},3", "line 2: value 1 must be between 0 and 16"),
        (f"{LINE[:-1]}nan,3", "line 1: value 64 must be between 0 and 16"),
        ("\udcff", "cannot be read: it is not text"),
    ],
)
def test_a_bad_csv_is_refused_with_the_line_and_the_bound(tmp_path, text, fault):
    file = tmp_path / "digits.csv"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=f"{file}.*{fault}"):
        read_csv(file)


def test_a_missing_csv_is_named(tmp_path):
    with pytest.raises(DataError, match=f"{tmp_path}/none.csv cannot be read: No such file"):
        read_csv(tmp_path / "none.csv")
