"""Which form of `/metrics` a client wants: JSON for everybody, Prometheus' text for whoever asks for it."""

import re
from enum import StrEnum

PROTOBUF = "application/vnd.google.protobuf"  # what a Prometheus asks for that wants native histograms
WEIGHT = re.compile(r";[ \t]*q=([^;]*)")
MAX_RANGES = 50  # that are looked at


class Form(StrEnum):
    """A form of the reply; its value is the media type."""

    JSON = "application/json"
    TEXT = "text/plain"
    OPENMETRICS = "application/openmetrics-text"


def form_of_choice(accept: str) -> Form:
    """Choose the form of a reply.

    Prometheus names its own types and, last, anything; a browser names none of them. What ranks highest
    decides; of two that are liked alike, the first.

    Args:
        accept: Value of Accept, empty if there was none.
    Returns:
        The form; JSON if none is named.
    Source: RFC 9110, section 12.5.1.
    Example:
        >>> form_of_choice("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3,*/*;q=0.2").name
        'OPENMETRICS'
        >>> form_of_choice("application/json, text/plain, */*").name
        'JSON'
    """
    named = [media_type for media_type in _ranked(accept) if media_type in {*Form, PROTOBUF}]
    if not named or named[0] == Form.JSON:
        return Form.JSON
    return next((Form(name) for name in named if name in {Form.TEXT, Form.OPENMETRICS}), Form.TEXT)


def _ranked(accept: str) -> list[str]:
    """The media types of an Accept header that are acceptable, best first."""
    ranges = [entry.partition(";") for entry in accept.lower().split(",", MAX_RANGES)]
    weighed = [(_weight(mark + parameters), name.strip(" \t")) for name, mark, parameters in ranges]
    return [name for weight, name in sorted(weighed, key=lambda entry: -entry[0]) if weight > 0]


def _weight(parameters: str) -> float:
    """How much a media range is liked; 0 if it says so in a way that cannot be read."""
    found = WEIGHT.search(parameters)
    try:
        weight = float(found[1]) if found else 1.0
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
