"""One message on its way: which recipient is next, which wait for another attempt, what became of each.

Every recipient handed in is settled exactly once, as delivered, gone, refused or failed. Knows no sockets:
``dispatch`` takes posts from here and brings back what happened to them.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import DeliveryReport, FailedPost
from chalicelib.push.retry import GONE, RetryPolicy, may_pass

if TYPE_CHECKING:
    from chalicelib.push.dispatch import Pool

TIME_RAN_OUT = "time ran out"


@dataclass(frozen=True, slots=True)
class Target:
    """One API stage as one delivery sees it: the lanes to use, and how a request to a recipient reads."""

    pool: "Pool"
    request: Callable[[Recipient], bytes]


@dataclass(slots=True, eq=False)
class Post:
    """One recipient's post, from its first attempt to its end."""

    recipient: Recipient
    delivery: "Delivery"
    target: Target
    attempts: int = 0
    resent: bool = False
    last_status: int | None = None


class Delivery:
    """The posts of one message.

    ``target`` finds an API stage, ``deadline`` is in ``loop.time()`` seconds. ``settled`` is told whoever
    needs no other attempt. ``token_clock`` gives the Unix seconds by which a recipient's token must not have
    expired; None where nobody looks. Used in one event loop only.
    """

    def __init__(  # noqa: PLR0913 - one place to tell it all that it needs
        self,
        target: Callable[[str, str], Target],
        retry: RetryPolicy,
        random: Callable[[], float],
        deadline: float,
        settled: Callable[[Recipient], None] | None = None,
        *,
        token_clock: Callable[[], float] | None = None,
    ) -> None:
        self.report = DeliveryReport()
        self.deadline = deadline
        self._target_of = target
        self._retry = retry
        self._random = random
        self._on_settled = settled
        self._token_clock = token_clock
        self._loop = asyncio.get_running_loop()
        self._api_id = self._stage = ""
        self._target: Target | None = None
        self._targets: dict[tuple[str, str], Target] = {}
        self._page: Iterator[Recipient] = iter(())
        self._next_page: Sequence[Recipient] | None = None
        self._ready: deque[Post] = deque()
        self._backing_off: list[tuple[float, int, Post]] = []
        self._retries = 0
        self._unsettled = 0
        self._expired = False
        self._changed: asyncio.Future[None] | None = None

    # What the broadcast's coroutine calls.

    def add(self, page: Sequence[Recipient]) -> None:
        """Take a page of recipients, behind the one that is being posted; ``room`` says when."""
        self._unsettled += len(page)
        self._next_page = page
        if self._expired:
            self.expire()

    async def room(self) -> None:
        """Wait until the page being posted is the last one handed in."""
        while self._next_page is not None:
            await self._change()

    async def settled(self) -> None:
        """Wait until every recipient handed in is in the report."""
        while self._unsettled:
            await self._change()

    async def _change(self) -> None:
        self._changed = self._loop.create_future()
        try:
            await self._changed
        finally:
            self._changed = None

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    # What the dispatcher calls.

    def next_post(self) -> Post | None:
        """Return the post to send next; None where there is none right now."""
        while self._ready:
            post = self._ready.popleft()
            if self._lapsed(post.recipient):
                continue
            self.report.retried += 1
            return post
        recipient = next(self._page, None)
        while recipient is None or self._lapsed(recipient):
            if recipient is None:
                if self._next_page is None:
                    return None
                self._page = iter(self._next_page)
                self._next_page = None
                self._wake()
            recipient = next(self._page, None)
        target = self._target
        if target is None or recipient.api_id != self._api_id or recipient.stage != self._stage:
            target = self._find_target(recipient)
        return Post(recipient, self, target)

    def _lapsed(self, recipient: Recipient) -> bool:
        """Settle a recipient whose token has expired, and say whether it has."""
        if self._token_clock is None or recipient.token_expires_at > self._token_clock():
            return False
        self.report.lapsed.append(recipient)
        self._settle()  # the token may have been renewed: whoever broadcasts looks
        return True

    def _find_target(self, recipient: Recipient) -> Target:
        stage = (recipient.api_id, recipient.stage)
        target = self._targets.get(stage)
        if target is None:
            target = self._targets[stage] = self._target_of(*stage)
        self._api_id, self._stage = stage
        self._target = target
        return target

    def answered(self, post: Post, status: int) -> None:
        """Settle a post by its answer, or plan another attempt."""
        if 200 <= status < 300:  # noqa: PLR2004 - the class of success
            self.report.delivered += 1
            self._settle(post.recipient)
            return
        post.attempts += 1
        post.last_status = status
        if status == GONE:
            self.report.gone.append(post.recipient)
            self._settle(post.recipient)
        elif may_pass(status):
            self._retry_or_fail(post, f"answered {status}")
        else:
            refused = FailedPost(post.recipient, status, f"answered {status}")
            self.report.refused.append(refused)
            self._settle(None if refused.may_be_mended else post.recipient)

    def unanswered(self, post: Post, reason: str) -> None:
        """Plan another attempt for a post that got no answer, or let it fail."""
        post.attempts += 1
        post.last_status = None
        self._retry_or_fail(post, reason)

    def resend(self, post: Post) -> None:
        """Send a post again before all others, without counting an attempt."""
        post.resent = True
        self._ready.appendleft(post)

    def fail(self, post: Post, reason: str) -> None:
        """Settle a post as failed."""
        self.report.failed.append(FailedPost(post.recipient, post.last_status, reason))
        self._settle()

    def wake_retries(self, now: float) -> None:
        """Let the posts whose back-off is over be next."""
        while self._backing_off and self._backing_off[0][0] <= now:
            self._ready.append(heapq.heappop(self._backing_off)[2])

    def expire(self) -> None:
        """Fail what is not in flight; what is handed in from now on fails too."""
        self._expired = True
        for post in self._ready:
            self.fail(post, TIME_RAN_OUT)
        for _, _, post in self._backing_off:
            self.fail(post, TIME_RAN_OUT)
        self._ready.clear()
        self._backing_off.clear()
        for recipients in (self._page, self._next_page or ()):
            for recipient in recipients:
                self.report.failed.append(FailedPost(recipient, None, TIME_RAN_OUT))
                self._settle()
        self._next_page = None
        self._wake()

    def _retry_or_fail(self, post: Post, reason: str) -> None:
        if post.attempts >= self._retry.attempts:
            self.fail(post, f"{reason}, after {post.attempts} attempts")
            return
        due = self._loop.time() + self._retry.delay(post.attempts, self._random)
        if due >= self.deadline:
            self.fail(post, f"{reason}, and {TIME_RAN_OUT}")
            return
        self._retries += 1
        heapq.heappush(self._backing_off, (due, self._retries, post))

    def _settle(self, done: Recipient | None = None) -> None:
        if done is not None and self._on_settled is not None:
            self._on_settled(done)
        self._unsettled -= 1
        if not self._unsettled:
            self._wake()
