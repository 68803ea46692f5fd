"""Structured logs: one JSON object a line, the message as the documents show it, the figures as fields.

Lines name their invocation, and hold metrics for CloudWatch (docs/decisions/0106-metrics-in-log-lines.md).
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
"""The stage of the local gateway: nobody there reads metrics, and somebody reads the terminal."""

OURS = ("app", "chalicelib", "gateway", "Sessions", "WebSocket", METRICS_LOGGER)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Renders a record with all of its extra fields, and with the ids of the invocation that it is from.

    Lambda gives an execution environment one event at a time, so there is one invocation at a time.
    """

    def __init__(self, stage: str = LOCAL) -> None:
        super().__init__()
        self._stage = stage
        self._invocation: dict[str, Any] = {}

    def begin(self, function: str, ids: Mapping[str, str | None]) -> None:
        """Name the invocation that all following lines are from; ids that it does not have are left out."""
        self._invocation = {"function": function, **{name: one for name, one in ids.items() if one}}

    def add(self, **ids: str) -> None:
        """Say more about this invocation, as soon as it is known."""
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
    """Renders a record as a person at a terminal wants it: the time here, what is wrong, what is said.

    The log file has the rest under the event or the connection at the line's end.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line; only an exception's trace has more."""
        moment = datetime.fromtimestamp(record.created).astimezone()
        level = "" if record.levelno == logging.INFO else f"{record.levelname} "
        about = getattr(record, "event", None) or getattr(record, "connection_id", None)
        raw = f"{record.getMessage()}{f'  ({about})' if about else ''}"
        # What clients have sent is no command to the terminal.
        out = re.sub(r"[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", " ", raw)
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{moment:%H:%M:%S}  {level}{out}{trace}"


def configure(level: str, stage: str = LOCAL, file: str = "", form: str = JSON_LINES) -> JsonFormatter:
    """Send every log record to standard output as JSON; return what renders them.

    In the ``form`` of TEXT_LINES standard output gets them in few words.

    Lambda's runtime has put a handler of its own on the root logger, which is replaced. Metrics get out
    whatever the level, on AWS: alarms go by them. With a ``file`` everything from INFO on is appended to it
    as well, also what the terminal is spared. DEBUG is for our own loggers: at that level botocore would log
    request headers, and websockets the frames that hold tokens. The SDKs' chatter below WARNING is left out.
    """
    formatter = JsonFormatter(stage)
    terminal = logging.StreamHandler(sys.stdout)
    terminal.addFilter(_Loud(logging.getLevelNamesMapping()[level], stage))
    handlers: list[logging.Handler] = [terminal]
    if file:
        from logging.handlers import WatchedFileHandler  # noqa: PLC0415 - a function on AWS does without it

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
    """Lets through what the level asks for, and on AWS what holds metrics."""

    def __init__(self, level: int, stage: str) -> None:
        super().__init__()
        self._level = level
        self._stage = stage

    def filter(self, record: logging.LogRecord) -> bool:
        if self._stage != LOCAL:
            return record.levelno >= self._level or hasattr(record, "metrics")
        # What only counts is for no reader: the local log file has it.
        quiet = record.name == METRICS_LOGGER and self._level > logging.DEBUG
        return record.levelno >= self._level and not quiet
