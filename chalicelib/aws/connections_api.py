"""Posts to WebSocket connections through API Gateway's @connections."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from urllib.parse import SplitResult, quote

import msgspec

from chalicelib.aws.http import HttpClient, NoAnswer, parse_endpoint
from chalicelib.aws.sigv4 import UNRESERVED, SignedRequests
from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import FailedPost, Message, Outcome
from chalicelib.retry import RetryPolicy, TimeBudget, is_retryable_status
from chalicelib.settings import Keys
from chalicelib.token_bucket import TokenBucket

GONE = 410
RETRY = RetryPolicy(attempts=6, base_seconds=0.1, cap_seconds=2.0)
"""Waits 1.55 s on average, until a client's buffer drains or the account's rate recovers."""


def connections_endpoint(template: str, region: str, api_id: str, stage: str) -> SplitResult:
    """Fill in a URL template. Raises ValueError with what is wrong with it."""
    api_id, stage = quote(api_id, safe=UNRESERVED), quote(stage, safe=UNRESERVED)
    try:
        return parse_endpoint(template.format(api_id=api_id, region=region, stage=stage))
    except (KeyError, IndexError, ValueError) as exc:
        raise ValueError(
            f"The push endpoint {template!r} is not usable ({exc}). Give an http or https URL with a "
            "host, no query, and no placeholders but {api_id}, {region} and {stage}."
        ) from exc


class _Sending(msgspec.Struct):
    """One message in flight: the recipients that still need it, and how their last attempts failed."""

    message: Message
    pending: dict[str, Recipient]
    requests: dict[tuple[str, str, bool], SignedRequests] = {}
    failures: dict[str, FailedPost] = {}
    outcome: Outcome = msgspec.field(default_factory=Outcome)


class ConnectionsApi(msgspec.Struct, dict=True):
    """Implements ``Push``. ``endpoint`` is a URL template as in ``Settings.push_endpoint``.

    ``window`` bounds the posts in flight of all sends, ``rate`` the posts a second.
    """

    http: HttpClient
    endpoint: str
    region: str
    credentials: Callable[[], Keys]
    rate: TokenBucket | None = None
    window: int = 64
    retry: RetryPolicy = RETRY

    def __post_init__(self) -> None:
        """Raise ValueError if the endpoint is not a usable template."""
        connections_endpoint(self.endpoint, self.region, "api", "stage")
        self._slots = asyncio.Semaphore(self.window)
        self._rate_lock = asyncio.Lock()

    async def send(self, message: Message, recipients: Sequence[Recipient], *, within: float) -> Outcome:
        """See the port."""
        return await self._send("POST", message, recipients, within)

    async def disconnect(self, recipient: Recipient) -> bool:
        """See the port."""
        within = self.retry.attempts * (self.http.timeout + self.retry.cap_seconds)
        return not (await self._send("DELETE", Message(b""), [recipient], within)).failed

    async def close(self) -> None:
        """See the port."""
        await self.http.close()
        self.__post_init__()  # locks belong to one event loop, as connections do

    async def _send(
        self, method: str, message: Message, recipients: Sequence[Recipient], within: float
    ) -> Outcome:
        sending = _Sending(message, {one.connection_id: one for one in recipients})
        signing = "execute-api", self.region, self.credentials(), self.http.clock, method
        for key, one in {(one.api_id, one.stage, one.wants_cursor): one for one in recipients}.items():
            endpoint = connections_endpoint(self.endpoint, self.region, one.api_id, one.stage)
            body = message.body_for(one)
            sending.requests[key] = SignedRequests(*signing, endpoint, "/@connections/", body)
        budget, attempts = TimeBudget(), 0
        budget.begin(within)
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while sending.pending:
                    await self._round(sending)
                    attempts += 1
                    delay = self.retry.next_delay(attempts, budget.left())
                    if not sending.pending or delay is None:
                        break
                    await asyncio.sleep(delay)
        for connection_id, recipient in sending.pending.items():
            unsent = FailedPost(recipient, None, "time ran out")
            sending.outcome.failed.append(sending.failures.get(connection_id, unsent))
        return sending.outcome

    async def _round(self, sending: _Sending) -> None:
        """Post once to each pending recipient."""
        recipients = iter(list(sending.pending.values()))
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self.window, len(sending.pending))):
                workers.create_task(self._work(sending, recipients))

    async def _work(self, sending: _Sending, recipients: Iterator[Recipient]) -> None:
        for recipient in recipients:
            await self._slots.acquire()  # the post that has waited longest is next, of any send
            try:
                await self._post(sending, recipient)
            finally:
                self._slots.release()

    async def _post(self, sending: _Sending, recipient: Recipient) -> None:
        outcome, connection_id = sending.outcome, recipient.connection_id
        if self.rate is not None:
            async with self._rate_lock:  # one task waits for the rate; the others wait for the lock
                while wait := self.rate.wait():  # noqa: ASYNC110 - no event tells when it may pass
                    await asyncio.sleep(wait)
                self.rate.take()
        if sending.message.while_token_lasts and recipient.token_expires_at <= self.http.clock():
            outcome.expired.append(recipient)
            del sending.pending[connection_id]
            return
        outcome.retried += connection_id in sending.failures
        requests = sending.requests[recipient.api_id, recipient.stage, recipient.wants_cursor]
        status: int | None
        try:
            status, _ = await self.http.request(requests.endpoint, requests.to(connection_id))
            reason = f"answered {status}"
        except NoAnswer as exc:
            status, reason = exc.status, f"answered {exc.status}" if exc.status else str(exc)
        if status is None or is_retryable_status(status):
            sending.failures[connection_id] = FailedPost(recipient, status, reason)
            return
        if 200 <= status < 300:  # noqa: PLR2004 - the class of success
            outcome.delivered[connection_id] = self.http.clock()
        elif status == GONE:
            outcome.gone.append(recipient)
        else:
            outcome.failed.append(FailedPost(recipient, status, reason))
        del sending.pending[connection_id]
