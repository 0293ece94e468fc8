"""Errors in the input of a request, in words that name the place and the broken rule."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

MAX_NAME_LENGTH = 40  # characters of a field name that an error quotes; a caller can send any name

# Error type of pydantic → the rule, with values of pydantic's context.
RULES: dict[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field, or a second name of one",
    "model_type": "must be a JSON object",
    "list_type": "must be a list",
    "float_type": "must be a number",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "finite_number": "must be a finite number",
    "too_short": "must have a length of at least {min_length}",
    "too_long": "must have a length of at most {max_length}",
    "json_invalid": "is not valid JSON: {error}",
}


# Documented as a list of anything, because generators for Rust fail for a choice of types.
_ANY_LIST = WithJsonSchema({"type": "array", "items": {}})


class FieldError(TypedDict):
    """One error in the input of a request."""

    loc: Annotated[list[str | int], _ANY_LIST, Field(description="`body` or `query`, then names and indices from 0.")]
    msg: Annotated[str, Field(description="The broken rule.")]


def field_error(error: Mapping[str, Any]) -> FieldError:
    """Describe an error of pydantic, without the data that was sent.

    Args:
        error: An error as pydantic reports it: type, location, message, context.
    Returns:
        The location and the rule that the input breaks there.
    """
    location = [part if isinstance(part, int) else part[:MAX_NAME_LENGTH] for part in error["loc"]]
    rule = RULES.get(error["type"])
    return FieldError(loc=location, msg=rule.format_map(error.get("ctx", {})) if rule else error["msg"])


def body_error(rule: str, *location: str | int, kind: str = "body") -> RequestValidationError:
    """Create the error of a body that breaks a rule; it becomes a response with the status 422.

    Args:
        rule: The broken rule, a clause that follows the location.
        location: Path to the value within the body; nothing if the body as a whole breaks the rule.
        kind: Kind of the problem, if it has one of its own (`problems.SPECIFIC_PROBLEM_TYPES`).
    Returns:
        The error to raise.
    """
    return RequestValidationError([{"type": kind, "loc": ("body", *location), "msg": rule}])


def format_location(location: Sequence[str | int]) -> str:
    """Format a location as people write it.

    Args:
        location: Path to a value; its first part is "body" or "query".
    Returns:
        The path without that part, or "the body" or "the query" if nothing follows it.
    Example:
        >>> format_location(["body", "images", 7, 3])
        'images[7][3]'
    """
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location[1:])
    return path.removeprefix(".") or f"the {location[0]}"
