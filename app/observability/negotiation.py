"""Content negotiation of `/metrics`: JSON by default, and the Prometheus formats on request."""

import re
from enum import StrEnum

PROTOBUF = "application/vnd.google.protobuf"  # a Prometheus with native histograms asks for it first
QUALITY = re.compile(r";[ \t]*q=([^;]*)")
MAX_COMMAS = 50  # commas at which an Accept header is split; the rest is one entry


class MetricsFormat(StrEnum):
    """A format of the `/metrics` reply; its value is the media type."""

    JSON = "application/json"
    TEXT = "text/plain"
    OPENMETRICS = "application/openmetrics-text"


def negotiate_format(accept: str) -> MetricsFormat:
    """Choose the format of a `/metrics` reply by the Accept header.

    Ranges such as `*/*` are ignored, because both Prometheus and browsers send them. The media type with the highest
    quality decides; of two with the same quality, the first one decides. If that is Protobuf, which is not supported,
    the Prometheus format with the next highest quality is used, or the text format if the header names no other.

    Args:
        accept: Value of the Accept header, empty if there is none.
    Returns:
        The format; JSON if the header names neither a format nor Protobuf.
    Source: RFC 9110, section 12.5.1.
    Example:
        >>> accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3,*/*;q=0.2"
        >>> negotiate_format(accept).name
        'OPENMETRICS'
        >>> negotiate_format("application/json, text/plain, */*").name
        'JSON'
    """
    recognised = {*MetricsFormat, PROTOBUF}
    named = [media_type for media_type in _media_types_by_quality(accept) if media_type in recognised]
    if not named or named[0] == MetricsFormat.JSON:
        return MetricsFormat.JSON
    prometheus_formats = {MetricsFormat.TEXT, MetricsFormat.OPENMETRICS}
    return next((MetricsFormat(name) for name in named if name in prometheus_formats), MetricsFormat.TEXT)


def _media_types_by_quality(accept: str) -> list[str]:
    """List the acceptable media types of an Accept header, the highest quality first."""
    ranges = [entry.partition(";") for entry in accept.lower().split(",", MAX_COMMAS)]
    rated = [(_quality(semicolon + parameters), name.strip(" \t")) for name, semicolon, parameters in ranges]
    return [name for quality, name in sorted(rated, key=lambda entry: -entry[0]) if quality > 0]


def _quality(parameters: str) -> float:
    """Parse the quality of a media range, 0 to 1; an invalid quality counts as 0."""
    match = QUALITY.search(parameters)
    try:
        quality = float(match[1]) if match else 1.0
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
