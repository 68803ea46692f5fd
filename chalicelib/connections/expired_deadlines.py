"""What becomes of one connection whose deadline was reached: it is told something, or it is closed.

Leaves the rules to ``connections.lifetime``, finding who is due to ``sweep``, and posting to ``push``.
"""

import asyncio
import random as random_module
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chalicelib.connections.clients import TOKEN_HAS_EXPIRED
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.lifetime import CLOSING, MAX_RECONNECT_MILLISECONDS, ConnectionLife
from chalicelib.connections.messages import DeliveryReport, Message, only
from chalicelib.connections.ports import ConnectionStore, DeadlineStore, Notices, Push, Reached
from chalicelib.errors import AuthTimeout, TokenExpired

CLAIM_SECONDS = 2 * 60
"""After so long whoever began to close a connection is taken for dead: longer than a sweep may run."""

RETRY_SECONDS = 60
POST_SECONDS = 10.0
"""How long a client that does not read may hold up its part of a sweep."""

DROPPED, GONE, POSTPONED = "dropped", "gone", "postponed"


class SomebodyElseCloses(Exception):
    """Another sweep is about this connection; whether it succeeds is for the next one to see."""


@dataclass(frozen=True, slots=True)
class DueConnections:
    """Connections that something is due of. ``random`` gives 0 <= x < 1."""

    deadlines: DeadlineStore
    connections: ConnectionStore
    push: Push
    notices: Notices
    life: ConnectionLife
    random: Callable[[], float] = random_module.random

    async def settle(self, reached: Reached, now: int) -> list[str]:
        """Do what is due, and return what was done: kinds of deadlines, or DROPPED, GONE, POSTPONED.

        Nothing where somebody else was first. Raises SomebodyElseCloses, Unavailable.
        """
        connection = await asyncio.to_thread(self.connections.get, reached.connection_id)
        if connection is None or connection.deadline != reached.deadline:
            await asyncio.to_thread(self.deadlines.drop, reached)
            return [DROPPED]
        due = self.life.due(connection, now)
        if due and due[0] in CLOSING:
            return await self._close(connection, due[0], now)
        if not due:
            # Put by settings with a shorter life than those of now.
            following = self.life.next(connection, now)
            moved = await asyncio.to_thread(self.deadlines.move, connection, following, connection.told)
            return [POSTPONED] if moved else []
        return await self._tell(connection, due, now)

    async def _close(self, connection: Connection, kind: DeadlineKind, now: int) -> list[str]:
        if connection.closing_since is not None and now - connection.closing_since < CLAIM_SECONDS:
            raise SomebodyElseCloses
        # Claimed before anything is said: who authenticates at this moment was first, and stays, or is never
        # told auth_success.
        claimed = await asyncio.to_thread(self.deadlines.claim, connection, now)
        if claimed is None:
            return []
        if kind is not DeadlineKind.END and not await self._said_and_closed(claimed, kind):
            again = Deadline(now + CLAIM_SECONDS, kind)
            await asyncio.to_thread(self.deadlines.move, claimed, again, claimed.told)
            return [POSTPONED]
        await asyncio.to_thread(self.connections.remove, connection.connection_id)
        return [kind]

    async def _said_and_closed(self, connection: Connection, kind: DeadlineKind) -> bool:
        expired = kind is DeadlineKind.TOKEN_EXPIRED
        why = TokenExpired(TOKEN_HAS_EXPIRED) if expired else AuthTimeout()
        posted = await self._post(connection, self.notices.error(why))
        return bool(posted.gone) or await self.push.disconnect(connection.as_recipient())

    async def _tell(self, connection: Connection, due: Sequence[DeadlineKind], now: int) -> list[str]:
        # Put off first, and noted as told once it is: two sweeps at once tell it once, and another takes over
        # from one that dies in between.
        following = self.life.next(replace(connection, told=connection.told | {*due}), now)
        again = min(Deadline(now + RETRY_SECONDS, due[0]), following)
        held = await asyncio.to_thread(self.deadlines.move, connection, again, connection.told)
        if held is None:
            return []
        told: list[DeadlineKind] = []
        for kind in due:
            posted = await self._post(connection, self._notice(kind, connection))
            if posted.gone:
                await asyncio.to_thread(self.connections.remove, connection.connection_id)
                return [*told, GONE]
            if not posted.failed:
                told.append(kind)
        unsaid = [kind for kind in due if kind not in told]
        following = min(Deadline(now + RETRY_SECONDS, unsaid[0]), following) if unsaid else following
        await asyncio.to_thread(self.deadlines.move, held, following, connection.told | {*told})
        return [*told, *(POSTPONED for _ in unsaid)]

    def _notice(self, kind: DeadlineKind, connection: Connection) -> bytes:
        if kind is DeadlineKind.TOKEN_EXPIRING:
            return self.notices.token_expiring(connection.token_expires_at or 0)
        return self.notices.reconnect(int(self.random() * (MAX_RECONNECT_MILLISECONDS + 1)))

    async def _post(self, connection: Connection, frame: bytes) -> DeliveryReport:
        return await self.push.broadcast(Message(frame), only(connection.as_recipient()), within=POST_SECONDS)
