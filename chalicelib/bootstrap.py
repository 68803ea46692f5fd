"""Builds the use cases and their adapters from the settings: the composition root.

Each part is built, and its module imported, at first use: a cold start pays only for what its function uses.
One application lives as long as its execution environment.
"""

import secrets
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from chalicelib.aws.adapters import Adapters
from chalicelib.settings import Settings
from chalicelib.timestamps import system_clock

if TYPE_CHECKING:
    import asyncio

    from chalicelib.api.live.answers import Responder
    from chalicelib.auth.bot_tokens import BotTokens
    from chalicelib.auth.claims import Claims
    from chalicelib.auth.invites import Invites
    from chalicelib.auth.ports import TokenSigner, TokenVerifier
    from chalicelib.connections.clients import Connections
    from chalicelib.connections.revocation import Revocation
    from chalicelib.connections.sweep import Sweep
    from chalicelib.delivery.broadcast import Broadcast
    from chalicelib.delivery.catch_up import CatchUp
    from chalicelib.delivery.deliver import Deliver
    from chalicelib.delivery.delivery_log import DeliveryLog
    from chalicelib.delivery.failures import Failures
    from chalicelib.delivery.worker import Worker
    from chalicelib.idempotency import Idempotent
    from chalicelib.nights.hosting import Hosting
    from chalicelib.nights.pending_votes import VoteCounter
    from chalicelib.nights.queries import Queries
    from chalicelib.nights.streams import Streams
    from chalicelib.nights.voting import Voting

T = TypeVar("T")


class VerifierOnDemand(msgspec.Struct, frozen=True):
    """Creates the verifier for the first token: $connect and $disconnect carry none."""

    verifier: "Callable[[], TokenVerifier]"

    def verify(self, token: str) -> "Claims":
        """See the port."""
        return self.verifier().verify(token)


class Application(Adapters):
    """Everything that the entry points call."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.clock = system_clock

    @cached_property
    def hosting(self) -> "Hosting":
        """The use cases of a host."""
        from chalicelib.nights.hosting import Hosting

        return Hosting(self.vote_counter, self._idempotent, self.clock, lambda: secrets.token_hex(4))

    @cached_property
    def voting(self) -> "Voting":
        """The use cases of a voter."""
        from chalicelib.nights.voting import Voting

        return Voting(self.vote_counter, self._idempotent, self.clock, lambda: secrets.token_hex(8))

    @cached_property
    def vote_counter(self) -> "VoteCounter":
        """The counter of votes."""
        from chalicelib.nights.pending_votes import VoteCounter

        return VoteCounter(self._sessions, self._sessions.pending, self.clock)

    async def count_votes(self, sessions: Mapping[int, Sequence[str]]) -> list[str]:
        """Count the pending votes of sessions; return the values of the sessions to retry.

        It runs in a thread, because PynamoDB blocks.
        """
        import asyncio

        def count() -> list[str]:
            from chalicelib.nights.pending_votes import count_sessions

            return count_sessions(self.vote_counter, self._backoff, sessions)

        return await asyncio.to_thread(count)

    @cached_property
    def queries(self) -> "Queries":
        """The queries."""
        from chalicelib.nights.queries import Queries

        return Queries(self._sessions, self._streams)

    @cached_property
    def bot_tokens(self) -> "BotTokens":
        """The use cases of bot tokens."""
        from chalicelib.auth.bot_tokens import BotTokens

        return BotTokens(self._signer, self._sessions.answers, self._idempotent)

    @cached_property
    def invites(self) -> "Invites":
        """The use cases of invites."""
        from chalicelib.auth.invites import Invites

        return Invites(self._sessions.invites, self._sessions, self._signer, self._idempotent, self.clock)

    @cached_property
    def revocation(self) -> "Revocation":
        """The use cases of revocation."""
        from chalicelib.api.live.notices import FrameNotices
        from chalicelib.connections.revocation import Revocation

        return Revocation(
            self._revocations,
            self._sessions.invites,
            self._connections,
            self.push,
            FrameNotices(),
            self.clock,
        )

    @cached_property
    def connections(self) -> "Connections":
        """The use cases of a connected client."""
        from chalicelib.connections.clients import Connections
        from chalicelib.connections.frame_limit import FrameLimit

        return Connections(
            self._connections,
            self._streams,
            VerifierOnDemand(lambda: self._revocable(0)),  # no cache: revoked tokens get no auth_success
            self.clock,
            life=self.settings.connection_life,
            frames=FrameLimit(self.settings.frames_per_second),
        )

    @cached_property
    def responder(self) -> "Responder":
        """Answers clients' frames."""
        from chalicelib.api.live.answers import Responder

        return Responder(self.connections, self.push, lambda: self._catch_up)

    @cached_property
    def broadcast(self) -> "Broadcast":
        """Handles the records of the table's stream."""
        from chalicelib.delivery.broadcast import Broadcast
        from chalicelib.delivery.fan_out import FanOut

        shards, inline = self.settings.audience_shards, self.settings.inline_audience
        fan_out = FanOut(self._progress, self._queue, shards)
        return Broadcast(
            self._audiences,
            self._progress,
            self._deliver,
            fan_out,
            self._delivery_log,
            shards=shards,
            inline=inline,
        )

    @cached_property
    def worker(self) -> "Worker":
        """Handles the jobs of the delivery queue."""
        from chalicelib.delivery.fan_out import ShardDelivery
        from chalicelib.delivery.worker import Worker

        shards = ShardDelivery(self._audiences, self._progress, self._deliver, self._delivery_log)
        return Worker(self._queue, shards, lambda: self._catch_up)

    @cached_property
    def sweep(self) -> "Sweep":
        """Handles the ticks of the schedule."""
        from chalicelib.api.live.notices import FrameNotices
        from chalicelib.aws.dynamodb.connections.deadlines import DynamoDeadlineStore
        from chalicelib.connections.expired_deadlines import ExpiredDeadlines
        from chalicelib.connections.sweep import Sweep

        settings = self.settings
        deadlines = DynamoDeadlineStore(self._connections_table, settings.audience_shards, time.time)
        due = ExpiredDeadlines(
            deadlines, self._connections, self.push, FrameNotices(), settings.connection_life
        )
        return Sweep(deadlines, due, settings.audience_shards)

    @cached_property
    def tokens(self) -> "TokenVerifier":
        """Verifies the token of a route's caller."""
        from chalicelib.auth.revocations import CACHE_SECONDS

        return self._revocable(CACHE_SECONDS)

    def _revocable(self, cache_seconds: float) -> "TokenVerifier":
        from chalicelib.auth.revocations import RevocableVerifier

        return RevocableVerifier(self.verifier, self._revocations, cache_seconds)

    @cached_property
    def verifier(self) -> "TokenVerifier":
        """Verifies a token without looking for a revocation."""
        from chalicelib.auth.tokens import JwtVerifier

        return JwtVerifier(self.secrets, self.settings.jwt_issuer)

    @cached_property
    def _signer(self) -> "TokenSigner":
        from chalicelib.auth.tokens import TokenIssuer

        return TokenIssuer(self.secrets, self.settings.jwt_issuer)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, always on the same loop, to which kept-alive connections belong."""
        return self._runner.run(work)

    @cached_property
    def _runner(self) -> "asyncio.Runner":
        import asyncio

        return asyncio.Runner()

    @cached_property
    def _idempotent(self) -> "Idempotent":
        from chalicelib.idempotency import Idempotent

        return Idempotent(self._sessions.answers, self._backoff)

    @cached_property
    def _streams(self) -> "Streams":
        from chalicelib.nights.streams import Streams

        return Streams(self._sessions, self._sessions.log)

    @cached_property
    def _delivery_log(self) -> "DeliveryLog":
        from chalicelib.delivery.delivery_log import DeliveryLog

        return DeliveryLog(each=self.settings.log_level == "DEBUG")

    @cached_property
    def _deliver(self) -> "Deliver":
        from chalicelib.delivery.deliver import Deliver

        return Deliver(self.push, self._failures)

    @cached_property
    def _failures(self) -> "Failures":
        from chalicelib.delivery.failures import Failures

        return Failures(self._audiences, self._queue, self._remove)

    def _remove(self, connection_id: str) -> None:
        from chalicelib.connections.removal import remove_gone

        remove_gone(self._connections, connection_id)  # made at first use: it imports PynamoDB

    @cached_property
    def _catch_up(self) -> "CatchUp":
        from chalicelib.delivery.catch_up import CatchUp

        return CatchUp(
            self._audiences, self._streams, self.push, self._failures, self._queue, log=self._delivery_log
        )


@cache
def settings() -> Settings:
    """Return this process's settings."""
    return Settings.from_env()


@cache
def application() -> Application:
    """Return this process's application."""
    return Application(settings())
