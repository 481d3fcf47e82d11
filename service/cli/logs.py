"""Logs: one JSON object a line on standard error, ours and those of the libraries, and never what a film says."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic_core import PydanticSerializationError, to_json

from service.api.trace import frames

SPEAKING = ("uvicorn", "service", "alembic")
"""Libraries whose messages hold no request data. Others say where and how grave only: pydicom quotes tags, asyncio quotes errors."""

encode = json.JSONEncoder(default=repr).encode
"""Spells what the fast encoder cannot."""


def configure(level: int = logging.INFO) -> None:
    """Send structlog, the standard library's logs and Python's warnings to standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            without_message,
            structlog.processors.JSONRenderer(in_one_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Foreign())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(level)
    logging.captureWarnings(capture=True)
    warnings.simplefilter("default")


def in_one_line(event: object, **_settings: object) -> str:
    """Several times as fast as json.dumps: there is a line for each request."""
    try:
        return to_json(event, fallback=repr).decode()
    except PydanticSerializationError:  # half of a surrogate pair
        return encode(event)


def without_message(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception is logged by its class and place; its message may quote a tag."""
    trouble = event.pop("exc_info", None)
    error = sys.exc_info()[1] if trouble is True else trouble[1] if isinstance(trouble, tuple) else trouble
    if isinstance(error, BaseException):
        event["kind"], event["frames"] = type(error).__name__, frames(error)
    return event


class Foreign(logging.Formatter):
    """A record of the standard library's logging as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage() if record.name.split(".")[0] in SPEAKING else "not shown: it may quote a film"
        line: dict[str, object] = {
            "event": said.strip(),
            "logger": record.name,
            "where": f"{record.module}:{record.lineno}",
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if record.exc_info and record.exc_info[1]:
            line |= {"kind": type(record.exc_info[1]).__name__, "frames": frames(record.exc_info[1])}
        return json.dumps(line)
