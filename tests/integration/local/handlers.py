"""Handlers for execution environments to run: what a function can do to its environment."""

import logging
import os
import sys
import time
from typing import Any


def echo(event: Any, context: Any) -> Any:
    return {
        "event": event,
        "pid": os.getpid(),
        "function_name": context.function_name,
        "request_id": context.aws_request_id,
        "remaining": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
    }


def misbehave(event: Any, _context: Any) -> Any:
    match event:
        case "raise":
            raise ValueError("the handler's own words")
        case "exit":
            sys.exit(1)
        case "die":
            os._exit(1)
        case "hang":
            time.sleep(3600)
        case "unserializable":
            return object()
        case "log":
            logging.getLogger().warning("a line of a function's log")
    return os.getpid()
