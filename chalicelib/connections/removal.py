"""Removes connections that are gone."""

import logging

from chalicelib.connections.ports import ConnectionStore
from chalicelib.errors import GameNightError

logger = logging.getLogger(__name__)


def remove_gone(connections: ConnectionStore, connection_id: str) -> None:
    """Remove a connection. A failure is logged and not raised.

    After a failure, the next post, the sweep or TTL removes what is left. Until then, posts are answered 410.
    """
    try:
        connections.remove(connection_id)
    except GameNightError as error:
        logger.warning(
            "a connection that is gone could not be removed yet",
            extra={"connection_id": connection_id, "code": error.code},
        )
