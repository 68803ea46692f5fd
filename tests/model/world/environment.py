"""An execution environment: the application as composed, on a night's stores, clock and queue."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

from msgspec.structs import replace

from chalicelib.auth.claims import Claims, Role, TokenTerms
from chalicelib.auth.ports import TokenVerifier
from chalicelib.aws.delivery_queue import SqsJobQueue
from chalicelib.aws.json_api import SqsApi
from chalicelib.bootstrap import Application
from chalicelib.delivery.catch_up import CatchUp
from chalicelib.delivery.fan_out import ShardDelivery
from chalicelib.delivery.worker import Worker
from chalicelib.nights.streams import Streams
from chalicelib.nights.voting import Voting
from chalicelib.retry import Backoff
from chalicelib.settings import Settings
from tests.fakes.identity import FAR_FUTURE, claims
from tests.model.world.delivery_queue import DeliveryQueue
from tests.model.world.gateway import Gateway
from tests.model.world.storage import SHARDS, Stores
from tests.model.world.time import Time


class Verifier:
    """Knows tokens such as ``client1:17:1762027200.5``, each of which expires at a time of its own.

    The last part is when the token was issued, in Unix seconds. In a guest's the number is the session's, and
    the guest's name follows.
    """

    def verify(self, token: str) -> Claims:
        subject, number, issued_at, *name = token.split(":")
        role = Role.GUEST if name else Role.ADMIN if subject == "host" else Role.BOT
        of_guest = {"session": int(number), "name": name[0]} if name else {}
        found = claims(subject, role, FAR_FUTURE + int(number))
        return replace(found, issued_at=float(issued_at), **of_guest)


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes the tokens of guests that ``Verifier`` knows. A seed is its own code."""

    now: Callable[[], float]

    def fresh(self) -> "Signer":
        return self

    def issue(
        self, subject: str, role: Role, ttl_seconds: int, session: int | None = None, name: str | None = None
    ) -> TokenTerms:
        now = self.now()
        return TokenTerms(subject, role, now, int(now) + ttl_seconds, "t", self.kid(), session, name)

    def sign(self, terms: TokenTerms) -> str:
        return f"{terms.subject}:{terms.session}:{terms.issued_at}:{terms.name}"

    def kid(self) -> str:
        return "kid"

    def code(self, seed: str, kid: str, characters: int) -> str:  # noqa: ARG002 - the port's signature
        return seed


class Environment(Application):
    """An execution environment: the application as composed, on this night's stores, clock and queue."""

    def __init__(
        self,
        stores: Stores,
        gateway: Gateway,
        queue: DeliveryQueue,
        time: Time,
        *,
        inline: int,
        new_number: Callable[[], int],
    ) -> None:
        super().__init__(Settings.from_env({"AUDIENCE_SHARDS": str(SHARDS), "INLINE_AUDIENCE": str(inline)}))
        self.clock = time.clock
        sessions = stores.sessions
        vars(self).update(
            push=gateway,
            verifier=Verifier(),
            _signer=Signer(time.seconds),
            _revocations=stores.revocations,
            _sessions=sessions,
            _connections=stores.connections,
            _queue=SqsJobQueue(cast("SqsApi", queue), "queue"),
            _audiences=stores.audiences,
            _progress=stores.progress,
            _backoff=time.patience(Backoff()),
            _streams=Streams(sessions, sessions.log, sleep=time.pass_time),
            _runner=asyncio.Runner(loop_factory=_loop),
        )
        shards = ShardDelivery(self._audiences, self._progress, self._deliver, self._delivery_log)
        new_id = lambda: f"vote{new_number()}"  # noqa: E731 - the same in each run of the same night
        vars(self).update(
            voting=Voting(self.vote_counter, self._idempotent, self.clock, new_id),
            worker=Worker(self._queue, shards, lambda: self._catch_up, random=lambda: 0.0),
            _catch_up=CatchUp(
                self._audiences,
                self._streams,
                self.push,
                self._failures,
                self._queue,
                log=self._delivery_log,
                random=lambda: 0.0,
                now=time.seconds,
            ),
        )

    def _revocable(self, cache_seconds: float) -> TokenVerifier:  # noqa: ARG002 - nothing is cached here
        return super()._revocable(0)

    def end(self) -> None:
        self._runner.close()


class _InlineExecutor(ThreadPoolExecutor):
    """Runs what it is given at once, in the caller's thread, so that the order is always the same."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(call(*arguments, **named))
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits for the result
            future.set_exception(error)
        return future


def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_InlineExecutor())
    return loop


class Context:
    """What a handler asks of its Lambda context."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000
