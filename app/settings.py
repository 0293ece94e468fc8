"""The settings of the service: environment variables with the prefix `DIGITS_`."""

import json
import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from model import IMAGE_SIDE, PIXELS

RELEASED_WEIGHTS = Path(__file__).parents[1] / "model" / "digits.npz"
VALUES_PER_IMAGE = PIXELS + IMAGE_SIDE + 1  # the numbers, the rows and the image itself, as JSON values
MIN_IMAGE_BYTES = PIXELS  # in a body, because each pixel takes at least one byte
# Scheme, host, and port unless it is the default one; browsers send all in lower case.
ORIGIN = re.compile(r"\*|(?!http:.*:80$|https:.*:443$)[a-z][a-z0-9+.-]*://[a-z0-9._:\[\]-]+")
NO_ORIGINS = (
    'must be a JSON list of origins such as ["https://example.org"], in lower case, and without a path, '
    'a slash at the end or the default port; ["*"] allows all'
)
ADDITIONAL_VALUES = 1000  # JSON values that a body may have besides its images


def parse_origins(value: object) -> object:
    """Parse a list of origins.

    Args:
        value: The text of an environment variable, which is JSON or empty; or a sequence of origins.
    Returns:
        The origins.
    Raises:
        ValueError: The text is not a JSON list, or an entry is no origin in the form that browsers send.
    Example:
        >>> parse_origins('["https://example.org"]')
        ['https://example.org']
    """
    try:
        origins = json.loads(value or "[]") if isinstance(value, str) else value
    except (ValueError, RecursionError):
        origins = None
    if not isinstance(origins, list | tuple) or not all(ORIGIN.fullmatch(str(origin)) for origin in origins):
        raise ValueError(NO_ORIGINS)
    return origins


class Settings(BaseSettings):
    """All settings; a test compares them with the table in `docs/operations.md`."""

    model_config = SettingsConfigDict(env_prefix="DIGITS_", frozen=True)

    host: str = Field(
        default="127.0.0.1",
        pattern="^[A-Za-z0-9.:_%-]+$",
        description="Address to listen on; by default only this machine can connect; use 0.0.0.0 in a container.",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="TCP port; 0 takes any free one.")
    workers: int = Field(
        default=1, ge=1, le=64, description="Worker processes; one core serves about 18,000 predictions a second."
    )
    root_path: str = Field(
        default="",
        pattern="^(/[A-Za-z0-9._~-]+)*$",
        description="Path prefix that a proxy removes; the links in /docs need it.",
    )
    weights: Path = Field(default=RELEASED_WEIGHTS, description="File of weights to serve.")
    weights_sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-fA-F]{64}$",
        description="SHA-256 that the file of weights must have; if unset, any valid file is accepted.",
    )
    max_body_bytes: int = Field(
        default=2 * 1024 * 1024,
        ge=1024,
        description="Largest body of a request without a picture, in bytes, before and after decompression; "
        "1024 images fit, even if each pixel has 17 digits.",
    )
    max_batch_rows: int = Field(
        default=1024, ge=1, le=65_536, description="Largest batch, in images; a batch blocks the event loop."
    )
    max_picture_bytes: int = Field(
        default=8 * 1024 * 1024,
        ge=1024,
        description="Largest body with a picture, in bytes, before and after decompression; a phone's photo fits.",
    )
    max_picture_pixels: int = Field(
        default=16_000_000, ge=64, description="Largest number of pixels of a picture; for a WebP, a third of it."
    )
    max_pictures_in_flight: int = Field(
        default=100,
        ge=1,
        description="Largest number of pictures in progress in a process; further requests get a 503. "
        "A hundred small pictures take half a second.",
    )
    max_connections: int = Field(
        default=900,
        ge=1,
        description="Largest number of connections to a process. Above it, only /livez and /readyz are answered; "
        "64 above it, connections are closed at once. It fits the usual limit of 1024 open files.",
    )
    head_timeout_seconds: float = Field(
        default=10,
        gt=0,
        le=300,
        description="Time limit for the arrival of the head of a request; then the connection gets a 408 or is closed.",
    )
    body_timeout_seconds: float = Field(
        default=30,
        gt=0,
        le=300,
        description="Time limit for the arrival of a body; then the request gets a 408. Also for a client that does "
        "not read its answer. The drawing page waits 40 s for an answer.",
    )
    keep_alive_seconds: int = Field(
        default=75, ge=1, description="Longest idle time of a connection; more than the 60 s of load balancers."
    )
    drain_seconds: float = Field(
        default=2.0,
        ge=0,
        le=300,
        description="On SIGTERM, length of the drain: the time between readiness turning 503 and the socket closing.",
    )
    graceful_stop_seconds: int = Field(
        default=10, ge=1, description="Time limit for the requests in flight after the socket is closed."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_origins)] = Field(
        default=(),
        description='Origins whose pages may call the service, as a JSON list such as `["https://example.org"]`; '
        '`["*"]` allows all.',
    )
    access_log: bool = Field(
        default=False, description="Log every request; off because it adds a third to the cost of a prediction."
    )

    @property
    def max_json_values(self) -> int:
        """Largest number of values in a JSON body: the values of the largest batch, and some more."""
        return self.max_batch_rows * VALUES_PER_IMAGE + ADDITIONAL_VALUES
