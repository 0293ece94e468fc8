"""Nested lists give their numbers in order, or an error that names the first value of another kind."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from app.oip.codec.errors import InvalidError
from app.oip.codec.json_data import flatten

json_values = st.integers(0, 9) | st.booleans()
json_lists = st.lists(st.recursive(json_values, lambda inner: st.lists(inner, max_size=3)))


FAULT = re.compile(r"inputs\[0\]\.data((?:\[\d+\])+) must be a (list|number)")


def find(data, path):
    """Return the value at a path such as `[0][2]`."""
    for index in re.findall(r"\d+", path):
        data = data[int(index)]
    return data


@given(json_lists)
def test_numbers_have_the_order_of_the_text_or_the_error_names_a_value_of_another_kind(data):
    try:
        numbers = flatten(data)
    except InvalidError as error:
        match = FAULT.fullmatch(str(error))
        assert match
        path, kind = match.groups()
        assert type(find(data, path)) not in ({int} if kind == "number" else {list})
    else:
        text = json.dumps(data)
        assert numbers == [int(digit) for digit in re.findall("[0-9]", text)]
        assert "true" not in text
        assert "false" not in text
