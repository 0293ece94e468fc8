"""Logging: every event is one line of JSON on standard error."""

import logging
import logging.config
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

log = logging.getLogger("digits")

# These loggers warn about what clients send, one line for each request. Only their errors are logged.
NOISY_LOGGERS = (
    *("opentelemetry.attributes", "opentelemetry.baggage", "opentelemetry.trace"),
    *("py.warnings", "python_multipart", "uvicorn.error"),
)


def log_request(fields: dict[str, Any]) -> None:
    """Write a line of the access log; a record of the logging module would cost five times as much.

    Args:
        fields: Fields that describe the request, with values for JSON.
    """
    event = {"level": "INFO", "logger": log.name, "message": "request", **fields}
    line = to_json({**event, "timestamp": datetime.now(UTC).isoformat()})  # takes a fifth of the time of `json.dumps`
    with suppress(OSError, ValueError, AttributeError):  # a full, closed or missing log must not fail the request
        sys.stderr.write(f"{line.decode()}\n")


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "{levelname}{name}{message}",
            "style": "{",
            "rename_fields": {"levelname": "level", "name": "logger"},
            "timestamp": True,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {"digits": {"level": "INFO"}, **{name: {"level": "ERROR"} for name in NOISY_LOGGERS}},
}


def configure_logging() -> None:
    """Write every event of this process as one line of JSON, also warnings such as those of Pillow."""
    logging.config.dictConfig(LOGGING)
    logging.captureWarnings(capture=True)
