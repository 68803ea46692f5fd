"""Handles one expired deadline: notifies the client, or closes its connection."""

import asyncio
import random as random_module
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from chalicelib.connections.clients import TOKEN_HAS_EXPIRED
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.lifetime import CLOSING, MAX_RECONNECT_MILLISECONDS, ConnectionLife
from chalicelib.connections.messages import Message, Outcome
from chalicelib.connections.ports import ConnectionStore, DeadlineStore, ExpiredDeadline, Notices, Push
from chalicelib.errors import AuthTimeout, TokenExpired

CLAIM_SECONDS = 2 * 60
"""After so long, another sweep may close the connection. No sweep may run so long."""

RETRY_SECONDS = 60
POST_SECONDS = 10.0
"""How long a sweep waits for a client that does not read."""

DROPPED, GONE, POSTPONED = "dropped", "gone", "postponed"


class ClosedElsewhere(Exception):
    """Another sweep is closing this connection; the next sweep checks whether it succeeded."""


class ExpiredDeadlines(msgspec.Struct, frozen=True):
    """Handles expired connection deadlines. ``random`` gives 0 <= x < 1."""

    deadlines: DeadlineStore
    connections: ConnectionStore
    push: Push
    notices: Notices
    life: ConnectionLife
    random: Callable[[], float] = random_module.random

    async def handle(self, expired: ExpiredDeadline, now: int) -> list[str]:
        """Do what is due, and return what was done: kinds of deadlines, or DROPPED, GONE, POSTPONED.

        The list is empty if another sweep was first. Raises ClosedElsewhere, Unavailable.
        """
        connection = await asyncio.to_thread(self.connections.get, expired.connection_id)
        if connection is None:  # its rows may still be there: TTL deletes late
            await asyncio.to_thread(self.connections.remove, expired.connection_id)
        if connection is None or connection.deadline != expired.deadline:
            await asyncio.to_thread(self.deadlines.drop, expired)
            return [DROPPED]
        due = self.life.due(connection, now)
        if due and due[0] in CLOSING:
            return await self._close(connection, due[0], now)
        if not due:
            # The deadline was set by a version with shorter time limits.
            following = self.life.next(connection, now)
            moved = await asyncio.to_thread(self.deadlines.move, connection, following, connection.notified)
            return [POSTPONED] if moved else []
        return await self._notify(connection, due, now)

    async def _close(self, connection: Connection, kind: DeadlineKind, now: int) -> list[str]:
        if connection.closing_since is not None and now - connection.closing_since < CLAIM_SECONDS:
            raise ClosedElsewhere
        # The claim precedes the post: a concurrent auth either comes before it or is refused.
        claimed = await asyncio.to_thread(self.deadlines.claim, connection, now)
        if claimed is None:
            return []
        if kind is not DeadlineKind.END and not await self._closed(claimed, kind):
            again = Deadline(now + CLAIM_SECONDS, kind)
            await asyncio.to_thread(self.deadlines.move, claimed, again, claimed.notified)
            return [POSTPONED]
        await asyncio.to_thread(self.connections.remove, connection.connection_id)
        return [kind]

    async def _closed(self, connection: Connection, kind: DeadlineKind) -> bool:
        why = TokenExpired(TOKEN_HAS_EXPIRED) if kind is DeadlineKind.TOKEN_EXPIRED else AuthTimeout()
        posted = await self._post(connection, self.notices.error(why))
        return bool(posted.gone) or await self.push.disconnect(connection.as_recipient())

    async def _notify(self, connection: Connection, due: Sequence[DeadlineKind], now: int) -> list[str]:
        # The deadline is postponed before the post, and saved as notified after it. So two concurrent sweeps
        # notify a client once, and if a sweep dies in between, the next one retries.
        following = self.life.next(replace(connection, notified=connection.notified | {*due}), now)
        again = min(Deadline(now + RETRY_SECONDS, due[0]), following)
        postponed = await asyncio.to_thread(self.deadlines.move, connection, again, connection.notified)
        if postponed is None:
            return []
        notified: list[DeadlineKind] = []
        for kind in due:
            posted = await self._post(connection, self._notice(kind, connection))
            if posted.gone:
                await asyncio.to_thread(self.connections.remove, connection.connection_id)
                return [*notified, GONE]
            if not posted.failed:
                notified.append(kind)
        failed = [kind for kind in due if kind not in notified]
        following = min(Deadline(now + RETRY_SECONDS, failed[0]), following) if failed else following
        await asyncio.to_thread(self.deadlines.move, postponed, following, connection.notified | {*notified})
        return [*notified, *(POSTPONED for _ in failed)]

    def _notice(self, kind: DeadlineKind, connection: Connection) -> bytes:
        if kind is DeadlineKind.TOKEN_EXPIRING:
            return self.notices.token_expiring(connection.token_expires_at or 0)
        return self.notices.reconnect(int(self.random() * (MAX_RECONNECT_MILLISECONDS + 1)))

    async def _post(self, connection: Connection, frame: bytes) -> Outcome:
        return await self.push.send(Message(frame), [connection.as_recipient()], within=POST_SECONDS)
