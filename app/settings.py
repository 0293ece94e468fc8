"""The settings of the service: environment variables with the prefix `DIGITS_`."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from model import IMAGE_SIDE, PIXELS

RELEASED_WEIGHTS = Path(__file__).parents[1] / "model" / "digits.npz"
VALUES_PER_IMAGE = PIXELS + IMAGE_SIDE + 1  # the numbers, the rows and the image itself, as JSON values
MIN_IMAGE_BYTES = PIXELS  # in a body, because each pixel takes at least one byte
# Scheme, host, and port unless it is the default one; browsers send all in lower case.
ORIGIN = re.compile(r"\*|(?!http:.*:80$|https:.*:443$)[a-z][a-z0-9+.-]*://[a-z0-9._:\[\]-]+")
INVALID_ORIGINS = (
    'must be a JSON list of origins such as ["https://example.org"], in lower case, and without a path, '
    'a slash at the end or the default port; ["*"] allows all'
)
API_KEY = re.compile(r"[!-~]{1,256}")  # what a header can have, without blanks
INVALID_KEYS = "must be a JSON list of keys; a key has 1 to 256 visible ASCII characters and no blanks"
# `/v2/models/stats` is an address of its own.
MODEL_NAME = re.compile(r"(?!stats$)[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
INVALID_MODEL_NAME = (
    "must have 1 to 253 letters, digits, dots, hyphens and underscores, begin with a letter or digit, and not be stats"
)
ADDITIONAL_VALUES = 1000  # JSON values that a body may have besides its images


def parse_list(value: object, entry: re.Pattern[str], rule: str) -> object:
    """Parse a list of texts.

    Args:
        value: The text of an environment variable, which is JSON or empty; or a sequence of texts.
        entry: Pattern of an entry.
        rule: The message if the value is not such a list; it does not contain the value.
    Returns:
        The entries.
    Raises:
        ValueError: The text is not a JSON list, or an entry does not have the pattern.
    Example:
        >>> parse_list('["https://example.org"]', ORIGIN, INVALID_ORIGINS)
        ['https://example.org']
    """
    try:
        entries = json.loads(value or "[]") if isinstance(value, str) else value
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, list | tuple) or not all(_fits(each, entry) for each in entries):
        raise ValueError(rule)
    return entries


def _fits(value: object, entry: re.Pattern[str]) -> bool:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return isinstance(text, str) and entry.fullmatch(text) is not None


class Settings(BaseSettings):
    """All settings; a test compares them with the table in `docs/operations.md`."""

    model_config = SettingsConfigDict(env_prefix="DIGITS_", hide_input_in_errors=True, frozen=True)

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
    model_name: str | None = Field(
        default=None, description="Name of the model below /v2; if unset, the name in the file of weights."
    )
    weights: Path = Field(
        default=RELEASED_WEIGHTS, description="File of weights to serve, or folder with exactly one such file, `*.npz`."
    )
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
    cors_origins: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(partial(parse_list, entry=ORIGIN, rule=INVALID_ORIGINS))
    ] = Field(
        default=(),
        description='Origins whose pages may call the service, as a JSON list such as `["https://example.org"]`; '
        '`["*"]` allows all.',
    )
    api_keys: Annotated[
        tuple[SecretStr, ...], NoDecode, BeforeValidator(partial(parse_list, entry=API_KEY, rule=INVALID_KEYS))
    ] = Field(default=(), description="Keys of the clients, as a JSON list; without any key, the service is open.")
    api_keys_file: Path | None = Field(
        default=None, description="File with further keys, one a line; SIGHUP makes the service read it again."
    )
    metrics_needs_key: bool = Field(default=False, description="Require a key for /metrics, too.")
    docs: bool = Field(default=True, description="Serve the interactive documentation at /docs.")
    tls_cert: Path | None = Field(
        default=None,
        description="File with the certificate and its chain, in PEM format; then the service speaks HTTPS only.",
    )
    tls_key: Path | None = Field(
        default=None, description="File with the private key of the certificate, in PEM format and not encrypted."
    )
    access_log: bool = Field(
        default=False, description="Log every request; off because it adds a third to the cost of a prediction."
    )

    @field_validator("model_name")
    @classmethod
    def _check_model_name(cls, value: str | None) -> str | None:
        if value is not None and not MODEL_NAME.fullmatch(value):
            raise ValueError(INVALID_MODEL_NAME)
        return value

    @field_validator("metrics_needs_key")
    @classmethod
    def _require_keys(cls, value: object, info: ValidationInfo) -> object:
        if value and not (info.data.get("api_keys") or info.data.get("api_keys_file")):
            raise ValueError("needs DIGITS_API_KEYS or DIGITS_API_KEYS_FILE")
        return value

    @field_validator("tls_key")
    @classmethod
    def _require_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) != (info.data.get("tls_cert") is None):
            raise ValueError("must be set together with DIGITS_TLS_CERT")
        return value

    @property
    def max_json_values(self) -> int:
        """Largest number of values in a JSON body: the values of the largest batch, and some more."""
        return self.max_batch_rows * VALUES_PER_IMAGE + ADDITIONAL_VALUES
