"""Revokes the tokens of a subject, and closes the connections that they opened."""

import asyncio
import logging

import msgspec

from chalicelib.auth.claims import Claims, Role
from chalicelib.auth.ports import InviteStore, RevocationStore
from chalicelib.connections.messages import Message
from chalicelib.connections.ports import ConnectionStore, Notices, Push
from chalicelib.errors import GuestNotFound, TokenRevoked, Unavailable
from chalicelib.timestamps import Clock

CONCURRENCY = 32
"""Connections that are closed at the same time."""

LOOKS = 2
"""A plain read is not isolated from a transaction: a connection that authenticated just before the revocation
may be visible only at the second look."""

POST_SECONDS = 3.0
"""How long a revocation waits for a client that does not read."""

logger = logging.getLogger(__name__)


class Revocation(msgspec.Struct, frozen=True):
    """Revokes tokens that are in the wrong hands."""

    revocations: RevocationStore
    invites: InviteStore
    connections: ConnectionStore
    push: Push
    notices: Notices
    clock: Clock

    async def remove_guest(self, caller: Claims, session_id: int, name: str) -> None:
        """Revoke the token of a session's guest. The name stays taken, and its votes stay counted.

        Raises Forbidden, GuestNotFound, Unavailable.
        """
        caller.require(Role.ADMIN)
        guest = await asyncio.to_thread(self.invites.guest, session_id, name)
        if guest is None:
            raise GuestNotFound(session_id, name)
        await self.revoke(caller, guest.subject)

    async def revoke(self, caller: Claims, subject: str) -> None:
        """Revoke every token that a subject was issued until now. It is no error if there is none.

        Such a token can't authenticate a connection later: the store checks that. Raises Forbidden. Raises
        Unavailable; then some connections may be open, and the request can be sent again.
        """
        caller.require(Role.ADMIN)
        now = self.clock().timestamp()
        await asyncio.to_thread(self.revocations.revoke, subject, now)
        slots = asyncio.Semaphore(CONCURRENCY)
        tried, closed = 0, [True]
        for _ in range(LOOKS):
            theirs = await asyncio.to_thread(self.connections.of_subject, subject, now)
            closed = await asyncio.gather(*(self._close(one, slots) for one in theirs))
            tried += len(theirs)
        logger.info("tokens were revoked", extra={"subject": subject, "connections": tried})
        if not all(closed):
            raise Unavailable(
                "The tokens are revoked, but some connections are still open. Send this again in a moment."
            )

    async def _close(self, connection_id: str, slots: asyncio.Semaphore) -> bool:
        """Send the reason, and close the connection; return whether it is closed."""
        async with slots:
            connection = await asyncio.to_thread(self.connections.get, connection_id)
            if connection is not None:
                recipient = connection.as_recipient()
                message = Message(self.notices.error(TokenRevoked()))
                outcome = await self.push.send(message, [recipient], within=POST_SECONDS)
                if not outcome.gone and not await self.push.disconnect(recipient):
                    return False
            await asyncio.to_thread(self.connections.remove, connection_id)
            return True
