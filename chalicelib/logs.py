"""Structured logs: one JSON object a line, the message as the seed documents it, the figures as fields.

The standard library's logging with a formatter of thirty lines: Powertools for AWS Lambda would double
what our own code adds to a cold start, see docs/decisions/0003-runtime-dependencies.md.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from chalicelib.domain.timestamps import timestamp

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Renders a record with all of its extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, Any] = {
            "timestamp": timestamp(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str) -> None:
    """Send every log record to standard output as JSON.

    Lambda's runtime has put a handler of its own on the root logger, which is replaced. The SDKs' chatter
    below WARNING is left out, since at DEBUG botocore would log request headers.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for sdk in ("botocore", "urllib3", "pynamodb"):
        logging.getLogger(sdk).setLevel(logging.WARNING)
