"""The split is the notebook's, folds never share a form, and CSV files are checked line by line."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from training.data import DataError, folds, read_csv


def test_load_split_splits_the_digits_as_the_notebook_did(split):
    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(digits.data, digits.target, test_size=0.33, random_state=42)
    np.testing.assert_array_equal(split.training.pixels, x_train)
    np.testing.assert_array_equal(split.training.labels, y_train)
    np.testing.assert_array_equal(split.held_out.pixels, x_test)
    np.testing.assert_array_equal(split.held_out.labels, y_test)
    assert (len(split.training), len(split.held_out)) == (1203, 594)


@pytest.mark.parametrize("count", [2, 7, 14])
def test_folds_validate_every_row_once_and_never_split_a_form(split, count):
    validated = 0
    for training, validation in folds(split.training, count):
        assert not set(training.forms) & set(validation.forms)
        assert len(training) + len(validation) == len(split.training)
        validated += len(validation)
    assert validated == len(split.training)


def csv_lines(rows):
    return [
        ",".join(map(str, [*pixels, label])) for pixels, label in zip(rows.pixels.astype(int), rows.labels, strict=True)
    ]


def test_read_csv_reads_the_format_of_uci(tmp_path, split):
    file = tmp_path / "digits.csv"
    file.write_text("\n".join(csv_lines(split.held_out)))
    rows = read_csv(file)
    np.testing.assert_array_equal(rows.pixels, split.held_out.pixels)
    np.testing.assert_array_equal(rows.labels, split.held_out.labels)


BLANK = ",".join(["0"] * 64)  # the pixels of a blank image


@pytest.mark.parametrize("text", [f"{BLANK},3", f"\ufeff{BLANK}, 3\r\n", f"{BLANK},3\n\n"])
def test_read_csv_ignores_a_byte_order_mark_spaces_and_line_ends(tmp_path, text):
    file = tmp_path / "digits.csv"
    file.write_bytes(text.encode())
    assert read_csv(file).labels.tolist() == [3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        (BLANK, "line 1: must have 64 pixels and a label, separated by commas"),
        (f"{BLANK},3\n{BLANK}", "line 2: must have 64 pixels and a label, separated by commas"),
        (f"{BLANK},three", "line 1: must hold numbers"),
        (f"{BLANK},3\n\n{BLANK},3", "line 2: must have 64 pixels and a label, separated by commas"),
        (f"{BLANK},3\n{BLANK},10", "line 2: the label must be a digit from 0 to 9"),
        (f"{BLANK},2.5", "line 1: the label must be a digit from 0 to 9"),
        (f"{BLANK},3\n17{BLANK[1:]},3", "line 2: value 1 must be between 0 and 16"),
        (f"{BLANK[:-1]}nan,3", "line 1: value 64 must be between 0 and 16"),
        ("\udcff", "cannot be read: it is not text"),
    ],
)
def test_read_csv_names_the_line_and_the_fault_of_a_bad_file(tmp_path, text, message):
    file = tmp_path / "digits.csv"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=f"{file}.*{message}"):
        read_csv(file)


def test_read_csv_names_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=f"{tmp_path}/none.csv cannot be read: No such file"):
        read_csv(tmp_path / "none.csv")
