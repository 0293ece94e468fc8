"""Parsing and validation of JSON bodies."""

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from app.http.field_errors import body_error
from app.settings import Settings

T = TypeVar("T")
BLANKS = b" \t\r\n"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # of UTF-8; a parser of JSON may ignore it (RFC 8259, section 8.1)
# Selects the errors to report, because pydantic reports the errors of every member of a union.
SelectErrors: TypeAlias = Callable[[Sequence[ErrorDetails]], list[ErrorDetails]]

# The lists of all bodies have `fail_fast`: validation stops at the first error in a list. So only unknown
# fields can cause more than `MAX_ERRORS` errors.
MAX_ERRORS = 20
TOO_MANY_ERRORS = f"must not have more than {MAX_ERRORS} errors"


def parse_json(body_type: TypeAdapter[T], body: bytes, settings: Settings, select_errors: SelectErrors = list) -> T:
    """Parse and validate a JSON body.

    Args:
        body_type: Type of the body.
        body: Bytes of the body; a byte order mark may precede the JSON.
        settings: Settings with the limits of a batch.
        select_errors: Function that selects the errors to report; by default all of them are reported.
    Returns:
        The validated body.
    Raises:
        RequestValidationError: The body is not JSON, does not fit its type, or has too many values.
    """
    # pydantic creates a Python object for each invalid value. Without this limit, a body of 2 MiB took 0.4 s (empty
    # lists) or 694 MiB of memory (nested lists). Compressed by gzip, such a body has only 9 KB.
    if len(body) > settings.max_json_values and count_values(body) > settings.max_json_values:
        raise body_error(f"must not hold more values than {settings.max_batch_rows} images have")
    try:
        return body_type.validate_json(body.removeprefix(BYTE_ORDER_MARK))
    except ValidationError as error:
        # Lists fail fast, so at most one image is reported. It has two errors if it fits neither format, and
        # `select_errors` removes one of them: hence `+ 1`.
        if error.error_count() > MAX_ERRORS + 1:
            raise body_error(TOO_MANY_ERRORS) from error
        details = select_errors(error.errors(include_url=False, include_input=False))
        if len(details) > MAX_ERRORS:
            raise body_error(TOO_MANY_ERRORS) from error
        raise RequestValidationError([{**detail, "loc": ("body", *detail["loc"])} for detail in details]) from error


def count_values(data: bytes) -> int:
    """Estimate the number of values in a JSON text without parsing it.

    Args:
        data: The JSON text.
    Returns:
        The number of the characters `[`, `{` and `,`: never less than the number of values inside the outermost value,
        because n members need one opening bracket and n - 1 commas. It is too large if a list or object is empty, or if
        a text contains such characters.
    Example:
        >>> count_values(b'{"pixels": [0, 0, 7]}')
        4
    """
    characters = np.frombuffer(data, np.uint8)
    return sum(int(np.count_nonzero(characters == ord(mark))) for mark in "[{,")
