"""Writes structured logs: one JSON object a line, with figures as fields beside the message.

Lines name their invocation and hold metrics for CloudWatch (docs/decisions/0106-metrics-in-log-lines.md).
Powertools would double what our own code adds to a cold start (docs/decisions/0003-runtime-dependencies.md).
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.metrics import METRICS_LOGGER, metric_directive
from chalicelib.settings import JSON_LINES, TEXT_LINES
from chalicelib.timestamps import unix_timestamp

LOCAL = "local"
"""The stage of the local gateway, where a person reads the terminal and nothing reads metrics."""

OURS = ("app", "chalicelib", "gateway", "Sessions", "WebSocket", METRICS_LOGGER)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Renders a record with all of its extra fields, and with the ids of its invocation.

    Lambda gives an execution environment one event at a time, so there is one invocation at a time.
    """

    def __init__(self, stage: str = LOCAL) -> None:
        super().__init__()
        self._stage = stage
        self._invocation: dict[str, Any] = {}

    def begin(self, function: str, ids: Mapping[str, str | None]) -> None:
        """Name the invocation of all following lines; missing ids are left out."""
        self._invocation = {"function": function, **{name: one for name, one in ids.items() if one}}

    def add(self, **ids: str) -> None:
        """Add ids to this invocation's following lines."""
        self._invocation |= ids

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, Any] = {
            "timestamp": unix_timestamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._invocation,
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        metrics = line.pop("metrics", ())
        if metrics and self._stage != LOCAL:
            function = self._invocation.get("function", "")
            line |= metric_directive(metrics, self._stage, function, int(record.created * 1000))
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """Renders a record for a person at a terminal: local time, level, message.

    Search the log file for the event or connection at the line's end: it has the rest.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line; only an exception's trace has more."""
        moment = datetime.fromtimestamp(record.created).astimezone()
        level = "" if record.levelno == logging.INFO else f"{record.levelname} "
        about = getattr(record, "event", None) or getattr(record, "connection_id", None)
        raw = f"{record.getMessage()}{f'  ({about})' if about else ''}"
        # Text that clients have sent must not control the terminal.
        out = re.sub(r"[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", " ", raw)
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{moment:%H:%M:%S}  {level}{out}{trace}"


def configure(level: str, stage: str = LOCAL, file: str = "", form: str = JSON_LINES) -> JsonFormatter:
    """Send every log record to standard output as JSON; return the formatter.

    With the ``form`` TEXT_LINES, standard output gets short lines of text instead.

    This replaces the handler that Lambda's runtime put on the root logger. On AWS, lines with metrics are
    written at any level, because alarms need them. A ``file`` gets every record from INFO on, also those that
    the terminal doesn't show. Only our own loggers log at DEBUG: botocore would log request headers, and
    websockets the frames that hold tokens. Records of the SDKs below WARNING are left out.
    """
    formatter = JsonFormatter(stage)
    terminal = logging.StreamHandler(sys.stdout)
    terminal.addFilter(_Loud(logging.getLevelNamesMapping()[level], stage))
    handlers: list[logging.Handler] = [terminal]
    if file:
        from logging.handlers import WatchedFileHandler  # noqa: PLC0415 - no function on AWS needs it

        handlers.append(WatchedFileHandler(file, encoding="utf-8", delay=True))
    for handler in handlers:
        handler.setFormatter(formatter)
    if form == TEXT_LINES:
        terminal.setFormatter(TextFormatter())
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    for ours in OURS:
        logging.getLogger(ours).setLevel(logging.DEBUG if level == "DEBUG" else logging.NOTSET)
    for sdk in ("botocore", "urllib3", "pynamodb"):
        logging.getLogger(sdk).setLevel(logging.WARNING)
    return formatter


class _Loud(logging.Filter):
    """Lets through records of the level or above and, on AWS, records with metrics."""

    def __init__(self, level: int, stage: str) -> None:
        super().__init__()
        self._level = level
        self._stage = stage

    def filter(self, record: logging.LogRecord) -> bool:
        if self._stage != LOCAL:
            return record.levelno >= self._level or hasattr(record, "metrics")
        # Lines of figures alone help nobody at a terminal; the local log file has them.
        quiet = record.name == METRICS_LOGGER and self._level > logging.DEBUG
        return record.levelno >= self._level and not quiet
