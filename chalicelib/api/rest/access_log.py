"""What the log says of each REST request: what was answered. Who asked is among the ids of every line."""

import logging

logger = logging.getLogger(__name__)

UNAUTHENTICATED = 401


def log_answer(method: str, resource: str, status: int, seconds: float) -> None:
    """Log an answer. Reading is what bots that poll do all night, and is only logged at DEBUG."""
    refused = status == UNAUTHENTICATED
    level = logging.DEBUG if method == "GET" and status < 500 and not refused else logging.INFO  # noqa: PLR2004 - ours
    logger.log(
        level,
        "%s %s was answered %d",
        method,
        resource,
        status,
        extra={
            "hop": "answered",
            "status": status,
            "answered_in_ms": round(seconds * 1000),
            **({"auth_failures": 1, "metrics": ["auth_failures"]} if refused else {}),
        },
    )
