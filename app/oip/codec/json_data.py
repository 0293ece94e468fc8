"""Tensors whose data is in the JSON: from nested lists to arrays."""

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
        finite = [number if abs(number) <= sys.float_info.max else np.inf for number in numbers]
        values = np.array(finite, dtype=np.float64)
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
        InvalidError: A value is not a number, or lists and numbers are at the same level.
    Example:
        >>> flatten([[[1], [2, 3]], [[4]]])
        [1, 2, 3, 4]
    """
    levels = [data]
    while (types := set(map(type, levels[-1]))) == {list}:
        levels.append(list(chain.from_iterable(levels[-1])))
    if types <= {int, float}:
        return levels[-1]
    raise InvalidError(f"inputs[0].data{_describe_fault(levels)}")


def _describe_fault(levels: list[list[Any]]) -> str:
    """Describe the first value of the last level that differs in kind from the first value of this level.

    Args:
        levels: The values of each level of nested lists; all values but those of the last level are lists.
    Returns:
        The location of the value, and the kind that it must have: list or number.
    """
    *upper_levels, values = levels
    kind, types = ("list", {list}) if isinstance(values[0], list) else ("number", {int, float})
    index = next(index for index, value in enumerate(values) if type(value) not in types)
    location = ""
    for lists in reversed(upper_levels):
        parent = 0
        while index >= len(lists[parent]):
            index, parent = index - len(lists[parent]), parent + 1
        location, index = f"[{index}]{location}", parent
    return f"[{index}]{location} must be a {kind}"
