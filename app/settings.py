"""What an operator can set: environment variables with the prefix `DIGITS_`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

from model import IMAGE_SIDE, PIXELS

RELEASED_WEIGHTS = Path(__file__).parents[1] / "model" / "digits.npz"
VALUES_AN_IMAGE = PIXELS + IMAGE_SIDE + 1  # its numbers, its rows and itself
SPARE_VALUES = 1000

Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-fA-F]{64}$")]


class Settings(BaseSettings):
    """All settings of the service; `docs/operations.md` lists them, and a test compares."""

    model_config = SettingsConfigDict(env_prefix="DIGITS_", frozen=True)

    host: str = Field(
        default="127.0.0.1",
        pattern="^[A-Za-z0-9.:_%-]+$",
        description="Address to listen on; only this machine by default, 0.0.0.0 in a container.",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="TCP port; 0 takes any free one.")
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that answer; one serves fifteen thousand predictions a second.",
    )
    root_path: str = Field(
        default="",
        pattern="^(/[A-Za-z0-9._~-]+)*$",
        description="Path that a proxy takes off before it passes a request on, for the links in /docs.",
    )
    weights: Path = Field(default=RELEASED_WEIGHTS, description="File of weights to serve.")
    weights_sha256: Sha256 | None = Field(
        default=None,
        description="SHA-256 that the file of weights must have; unset accepts any valid file.",
    )
    max_body_bytes: int = Field(
        default=2 * 1024 * 1024,
        ge=1024,
        description="Largest body of a request other than a picture, as sent and inflated; "
        "1024 images with all their decimals fit.",
    )
    max_batch_rows: int = Field(
        default=1024,
        ge=1,
        le=65_536,
        description="Most images in a batch; it bounds how long one request holds the event loop.",
    )
    max_picture_bytes: int = Field(
        default=8 * 1024 * 1024,
        ge=1024,
        description="Largest body with a picture; a phone's photo fits.",
    )
    max_picture_pixels: int = Field(
        default=16_000_000,
        ge=64,
        description="Most pixels of a picture, known before it is decoded; a WebP may have a third.",
    )
    max_pictures_in_flight: int = Field(
        default=16,
        ge=1,
        description="Most pictures that a process receives or decodes at once; what is beyond is a 503.",
    )
    keep_alive_seconds: int = Field(
        default=75,
        ge=1,
        description="How long an idle connection stays open; longer than a balancer's 60 s.",
    )
    drain_seconds: float = Field(
        default=2.0,
        ge=0,
        le=300,
        description="Pause between readiness turning 503 and the socket closing, after SIGTERM.",
    )
    graceful_stop_seconds: int = Field(
        default=10,
        ge=1,
        description="How long requests in flight may take to finish once the socket is closed.",
    )
    access_log: bool = Field(
        default=False,
        description="Log a line for every request; off because it nearly doubles what a prediction costs.",
    )

    @property
    def max_json_values(self) -> int:
        """Most values of a JSON body: those of the largest batch, and some to spare."""
        return self.max_batch_rows * VALUES_AN_IMAGE + SPARE_VALUES
