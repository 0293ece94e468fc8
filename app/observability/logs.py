"""Logging: every event is one line of JSON on standard error."""

import logging
from typing import Any

log = logging.getLogger("digits")

# These loggers warn about what clients send, one line for each request. Only their errors are logged.
NOISY_LOGGERS = (
    *("opentelemetry.attributes", "opentelemetry.baggage", "opentelemetry.trace"),
    *("py.warnings", "python_multipart", "uvicorn.error"),
)

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
