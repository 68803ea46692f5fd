"""The ``Push`` port over API Gateway's @connections.

Ties a broadcast's pages, its signatures and its retries together; ``dispatch`` does the sending.
"""

import asyncio
import logging
import random as random_module
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterable, Callable, Sequence

from chalicelib.aws.signature import Credentials
from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import DeliveryReport, FailedPost, Message, only
from chalicelib.errors import Unavailable
from chalicelib.push.delivery import Delivery, Target
from chalicelib.push.dispatch import Dispatcher
from chalicelib.push.endpoint import EndpointTemplate
from chalicelib.push.rate import TokenBucket
from chalicelib.push.retry import RetryPolicy
from chalicelib.push.signing import RequestSigner

DEFAULT_RETRY = RetryPolicy()

logger = logging.getLogger(__name__)


class ConnectionsClient:
    """Posts to WebSocket connections; implements ``ports.Push``.

    ``endpoint`` is a URL template as in ``Settings.push_endpoint``. ``credentials`` is called once per
    broadcast; what it raises, the broadcast raises, and Unavailable where it gives none. ``window`` bounds
    the requests in flight, of all broadcasts that run together, and the connections to each host;
    ``post_timeout`` (seconds) the wait for one answer. ``rate`` bounds posts per second. The certificate
    of an https endpoint is verified, by ``ssl_context`` where it is given. ``clock`` gives Unix seconds,
    ``random`` 0 <= x < 1.

    Connections are kept alive between broadcasts, and belong to one event loop until ``close``.
    """

    def __init__(  # noqa: PLR0913 - every one has a default that fits but the first three
        self,
        endpoint: str,
        region: str,
        credentials: Callable[[], Credentials],
        *,
        window: int = 64,
        post_timeout: float = 3.0,
        retry: RetryPolicy = DEFAULT_RETRY,
        rate: TokenBucket | None = None,
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        """Raise ValueError where the endpoint makes no URL, or a bound allows nothing."""
        if window < 1 or post_timeout <= 0:
            raise ValueError(
                f"window must be 1 or more and post_timeout above 0; got {window}, {post_timeout}."
            )
        self._endpoint = EndpointTemplate(endpoint, region)
        self._region = region
        self._credentials = credentials
        self._retry = retry
        self._post_timeout = post_timeout
        self._ssl_context = ssl_context
        self._clock = clock
        self._random = random
        self._dispatcher = Dispatcher(window, post_timeout, rate, clock)

    async def broadcast(
        self,
        message: Message,
        pages: AsyncIterable[Sequence[Recipient]],
        *,
        within: float,
        settled: Callable[[Recipient], None] | None = None,
    ) -> DeliveryReport:
        """Post a message to every recipient of every page, pages overlapped with posts.

        Each recipient ends in the report exactly once. ``within`` is in seconds: then what is in flight or
        waiting fails, and the rest of ``pages`` is read to its end, so that nobody is missing, and fails
        unsent. A post can arrive twice where its answer was lost. An error raised by ``pages`` is raised
        once the posts already begun are accounted for. ``settled`` is called with whoever has the message,
        is gone or was refused it for good, at once; it must not raise.
        """
        report = await self._deliver("POST", message, pages, within, settled)
        if report.refused or report.failed:
            logger.warning(
                "A message did not reach everyone",
                extra={
                    "audience": report.audience,
                    "refused": _reasons(report.refused),
                    "failed": _reasons(report.failed),
                },
            )
        return report

    async def disconnect(self, recipient: Recipient) -> bool:
        """Close a connection and say whether it is closed. One that is gone already is."""
        within = self._retry.attempts * (self._post_timeout + self._retry.cap_seconds)
        report = await self._deliver("DELETE", Message(b""), only(recipient), within)
        if report.refused or report.failed:
            logger.warning(
                "A connection could not be closed",
                extra={
                    "connection_id": recipient.connection_id,
                    "reasons": _reasons(report.refused + report.failed),
                },
            )
        return not (report.refused or report.failed)

    async def close(self) -> None:
        """Close the connections that are kept alive; not while a broadcast runs."""
        await self._dispatcher.close()

    async def _deliver(
        self,
        method: str,
        message: Message,
        pages: AsyncIterable[Sequence[Recipient]],
        within: float,
        settled: Callable[[Recipient], None] | None = None,
    ) -> DeliveryReport:
        credentials = self._credentials()
        if not credentials.access_key or not credentials.secret_key:
            raise Unavailable(
                "There are no AWS credentials to sign posts with. On AWS the function's role provides them; "
                "elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (an emulator takes any)."
            )
        delivery = Delivery(
            lambda api_id, stage: self._target(method, message, credentials, api_id, stage),
            self._retry,
            self._random,
            asyncio.get_running_loop().time() + within,
            settled,
            token_clock=self._clock if message.while_token_lasts else None,
        )
        self._dispatcher.admit(delivery)
        try:
            try:
                async for page in pages:
                    delivery.add(page)
                    self._dispatcher.dispatch()
                    await delivery.room()
            except Exception:
                await delivery.settled()
                raise
            await delivery.settled()
        finally:
            self._dispatcher.release(delivery)
        return delivery.report

    def _target(
        self, method: str, message: Message, credentials: Credentials, api_id: str, stage: str
    ) -> Target:
        endpoint = self._endpoint.resolve(api_id, stage)
        request_with = {
            body: RequestSigner(method, endpoint, self._region, credentials, body, clock=self._clock).request
            for body in (message.plain, message.with_cursor)
            if body is not None
        }
        return Target(
            pool=self._dispatcher.pool(endpoint.host, endpoint.port, self._tls if endpoint.tls else None),
            request=lambda recipient: request_with[message.body_for(recipient)](recipient.connection_id),
        )

    def _tls(self) -> ssl.SSLContext:
        if self._ssl_context is None:  # reading the system's certificates costs a cold start 20 ms
            self._ssl_context = ssl.create_default_context()
        return self._ssl_context


def _reasons(posts: Sequence[FailedPost]) -> dict[str, int]:
    return dict(Counter(post.reason for post in posts))
