"""Tensors whose data is in the JSON: from lists of any depth to arrays."""

import sys
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.oip.codec.errors import InvalidError


def parse_data(data: list[Any], size: int, dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Convert the data of a tensor.

    Args:
        data: Numbers in one list, or in nested lists.
        size: The number of values, as the shape of the tensor says.
        dtype: The declared type; for an integer type, all values must be whole numbers.
    Returns:
        The values in row-major order, shape (size,), float64, any range.
    Raises:
        InvalidError: A value is not a number, the number of values differs from the shape, or a value has a fraction
            although the type is an integer type.
    """
    numbers = flatten(data)
    if len(numbers) != size:
        raise InvalidError(f"inputs[0].data must have {size} numbers, as its shape says")
    try:
        values = np.array(numbers, dtype=np.float64)
    except OverflowError:  # from an integer beyond the range of float64
        values = np.array([number if abs(number) <= sys.float_info.max else np.inf for number in numbers])
    if dtype.kind in "iu" and (np.trunc(values) != values).any():
        raise InvalidError("inputs[0].data must be whole numbers, as its datatype says")
    return values


def flatten(data: list[Any]) -> list[float]:
    """List the numbers in nested lists.

    Args:
        data: Numbers in one list, or in nested lists. The lists of one level can have different lengths, because the
            shape of the tensor says how its values are arranged.
    Returns:
        The numbers in row-major order.
    Raises:
        InvalidError: A value is not a number, or has another depth than the first number.
    Example:
        >>> flatten([[[1], [2, 3]], [[4]]])
        [1, 2, 3, 4]
    """
    values = data
    while (types := set(map(type, values))) == {list}:
        values = list(chain.from_iterable(values))
    if types <= {int, float}:
        return values
    raise InvalidError(f"inputs[0].data{_describe_fault(data)}")


def _describe_fault(data: list[Any]) -> str:
    """Name the first value that is not of the kind of the first value of its level, and the kind that it must have."""
    level: list[tuple[str, Any]] = [("", data)]
    while all(isinstance(value, list) for _, value in level):
        level = [(f"{path}[{index}]", value) for path, values in level for index, value in enumerate(values)]
    kind, types = ("list", {list}) if isinstance(level[0][1], list) else ("number", {int, float})
    path = next(path for path, value in level if type(value) not in types)
    return f"{path} must be a {kind}"
