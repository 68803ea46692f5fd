"""What becomes of whoever is gone."""

import asyncio
import logging
from collections.abc import Iterable

from chalicelib.domain.connections import Recipient
from chalicelib.services.ports import ConnectionStore

logger = logging.getLogger(__name__)


async def forget(connections: ConnectionStore, gone: Iterable[Recipient]) -> None:
    """Remove every trace of those that are gone; what can't be removed now is found gone again."""
    removals = (asyncio.to_thread(connections.remove, recipient.connection_id) for recipient in gone)
    for outcome in await asyncio.gather(*removals, return_exceptions=True):
        if isinstance(outcome, BaseException):
            logger.warning("a connection that is gone could not be removed yet", exc_info=outcome)
