"""Finite differences confirm our gradient, and find every fault of the notebook's gradient."""

import pytest

from training.gradient_check import TOLERANCE, check_notebook_gradient, check_our_gradient
from training.notebook import NO_FAULTS, Faults

ALL_ARRAYS = "W1 b1 W2 b2 W3 b3"


def test_every_array_of_our_gradient_agrees_with_finite_differences():
    errors = check_our_gradient()
    assert list(errors) == ALL_ARRAYS.split()
    assert max(errors.values()) < TOLERANCE


def test_every_array_of_the_notebook_gradient_differs_from_finite_differences():
    assert min(check_notebook_gradient().values()) > 0.1


@pytest.mark.parametrize(
    ("faults", "wrong_arrays"),
    [
        (Faults(softmax_twice=True), ALL_ARRAYS),
        (Faults(divides_by_classes=True), ALL_ARRAYS),
        (Faults(relu_as_softmax=True), "W1 b1 W2 b2"),  # the layers below the fault
        (NO_FAULTS, ""),
    ],
    ids=str,
)
def test_each_fault_makes_exactly_the_arrays_below_it_wrong(faults, wrong_arrays):
    errors = check_notebook_gradient(faults)
    assert " ".join(name for name, error in errors.items() if error >= TOLERANCE) == wrong_arrays
