"""Which post goes over which connection, and when: the window, the rate and the clock of all deliveries.

Lanes are pooled by host, port and TLS and outlive deliveries. A post belongs to no lane before it is sent:
whichever lane of its pool is free first takes it, also one that was opened for another post.
"""

import asyncio
import math
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from chalicelib.push.delivery import TIME_RAN_OUT, Delivery, Post
from chalicelib.push.lane import Lane
from chalicelib.push.rate import TokenBucket

TICK_SECONDS = 0.02
"""How exactly time-outs, back-off and deadlines are kept: one timer looks after all of them."""

IDLE_SECONDS = 50.0
"""How long an idle lane is trusted. Load balancers of AWS close an idle connection after 60 s by default:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html"""


class Pool:
    """The lanes to one host and port, and the posts that wait for one of them to open."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.host = host
        self.port = port
        self.tls = tls
        self.lanes: set[Lane] = set()
        self.idle: list[Lane] = []
        self.parked: deque[Post] = deque()
        self.opening: set[asyncio.Task[Lane]] = set()

    def take_idle(self, now: float) -> Lane | None:
        """Return the lane that was idle for the shortest time, if one can still be trusted."""
        while self.idle:
            lane = self.idle.pop()
            if lane.usable and now - lane.idle_since < IDLE_SECONDS:
                return lane
            lane.abandon()
        return None

    def drop_idle(self, since: float = math.inf) -> None:
        """Close the lanes that are idle since before a time: one like them was found dead."""
        for lane in self.idle:
            if lane.idle_since < since:
                lane.abandon()
        self.idle = [lane for lane in self.idle if lane.usable]


class Dispatcher:
    """Sends the posts of all deliveries that run, ``window`` in flight at most.

    ``clock`` gives Unix seconds; it tells how long a lane was idle, also over a freeze of the process,
    which the event loop's clock may not notice. Used in one event loop until ``close``.
    """

    def __init__(
        self,
        window: int,
        post_timeout: float,
        rate: TokenBucket | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._window = window
        self._post_timeout = post_timeout
        # Counted in ticks, not in seconds: an answer is not late because this process was held up.
        self._patience = math.ceil(post_timeout / TICK_SECONDS)
        self._rate = rate
        self._clock = clock
        self._pools: dict[tuple[str, int, bool], Pool] = {}
        self._deliveries: deque[Delivery] = deque()
        self._placed = 0  # posts in flight or parked
        self._tick = 0
        self._woken = 0.0  # when there was something to send again, after a rest
        self._timer: asyncio.TimerHandle | None = None
        self._rate_timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def pool(self, host: str, port: int, tls: Callable[[], ssl.SSLContext] | None) -> Pool:
        """Return the pool of an endpoint."""
        key = (host, port, tls is not None)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = Pool(host, port, tls() if tls else None)
        return pool

    def admit(self, delivery: Delivery) -> None:
        """Begin to send a delivery's posts, in turn with those of the others."""
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise RuntimeError(
                "A ConnectionsClient's connections belong to the event loop of its first use. Keep to that "
                "loop (asyncio.Runner), or close() the client before the loop ends."
            )
        self._loop = loop
        if not self._deliveries:
            self._woken = self._clock()
        self._deliveries.append(delivery)
        if self._timer is None:
            self._timer = loop.call_later(TICK_SECONDS, self._on_tick)

    def withdraw(self, delivery: Delivery) -> None:
        """Send nothing more of a delivery; what is in flight or waiting fails because time ran out."""
        for pool in self._pools.values():
            for post in [post for post in pool.parked if post.delivery is delivery]:
                pool.parked.remove(post)
                self._placed -= 1
                delivery.fail(post, TIME_RAN_OUT)
            for lane in pool.lanes:
                post_in_flight = lane.post
                if post_in_flight is not None and post_in_flight.delivery is delivery:
                    self._placed -= 1
                    lane.abandon()
                    delivery.fail(post_in_flight, TIME_RAN_OUT)
        delivery.expire()

    def release(self, delivery: Delivery) -> None:
        """Forget a delivery, whatever state it is in."""
        self.withdraw(delivery)
        self._deliveries.remove(delivery)
        if self._deliveries:
            self.dispatch()
            return
        for timer in (self._timer, self._rate_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._rate_timer = None
        for pool in self._pools.values():
            for opening in pool.opening:
                opening.cancel()
            pool.opening.clear()  # what is cancelled will serve no post of the next delivery

    def dispatch(self) -> None:
        """Send what may be sent now."""
        while self._placed < self._window and (post := self._next_post()) is not None:
            self._placed += 1
            self._place(post)

    async def close(self) -> None:
        """Close all lanes; the dispatcher can then be used again, also in another event loop."""
        openings = [opening for pool in self._pools.values() for opening in pool.opening]
        lanes = [lane for pool in self._pools.values() for lane in pool.lanes]
        for opening in openings:
            opening.cancel()
        for lane in lanes:
            lane.abandon()
        await asyncio.gather(*openings, return_exceptions=True)
        await asyncio.gather(*(lane.closed for lane in lanes))
        self._pools.clear()
        self._loop = None

    # What a lane tells its owner.

    def answered(self, lane: Lane, post: Post, status: int) -> None:
        """Settle the post, and let the lane take the next one in this same call."""
        self._placed -= 1
        post.delivery.answered(post, status)
        if lane.usable:
            self._employ(lane)
        else:
            self.dispatch()

    def unanswered(self, lane: Lane, post: Post, reason: str, *, kept_alive_died: bool) -> None:
        """Send the post again at once where only the lane was stale; else let it back off.

        A lane that served before and is silent now may have lost its server without being told, as after a
        freeze of this process. Then its siblings that rested as long have too.
        """
        self._placed -= 1
        if lane.silent:
            lane.pool.drop_idle(self._woken)
        if kept_alive_died and not post.resent:
            lane.pool.drop_idle()
            post.delivery.resend(post)
        else:
            post.delivery.unanswered(post, reason)
        self.dispatch()

    def lost(self, lane: Lane) -> None:
        """Forget the lane."""
        lane.pool.lanes.discard(lane)
        with suppress(ValueError):
            lane.pool.idle.remove(lane)

    # Within.

    def _next_post(self) -> Post | None:
        rate = self._rate
        if rate is not None and (wait := rate.wait()):
            self._wait_for_rate(wait)
            return None
        deliveries = self._deliveries
        for _ in range(len(deliveries)):
            post = deliveries[0].next_post()
            deliveries.rotate(-1)
            if post is not None:
                if rate is not None:
                    rate.take()
                return post
        return None

    def _place(self, post: Post) -> None:
        pool = post.target.pool
        lane = pool.take_idle(self._clock())
        if lane is not None:
            lane.send(post, post.target.request(post.recipient), self._tick)
            return
        pool.parked.append(post)
        if len(pool.opening) < len(pool.parked):
            self._open(pool)

    def _employ(self, lane: Lane) -> None:
        pool = lane.pool
        if pool.parked:
            post = pool.parked.popleft()
            lane.send(post, post.target.request(post.recipient), self._tick)
            return
        while self._placed < self._window and (next_post := self._next_post()) is not None:
            self._placed += 1
            if next_post.target.pool is pool:
                lane.send(next_post, next_post.target.request(next_post.recipient), self._tick)
                return
            self._place(next_post)
        lane.idle_since = self._clock()
        pool.idle.append(lane)

    def _open(self, pool: Pool) -> None:
        opening = asyncio.get_running_loop().create_task(self._connect(pool))
        pool.opening.add(opening)
        opening.add_done_callback(lambda opening: self._opened(pool, opening))

    async def _connect(self, pool: Pool) -> Lane:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._post_timeout):
            _, lane = await loop.create_connection(
                lambda: Lane(self, pool, loop.create_future()), pool.host, pool.port, ssl=pool.tls
            )
        return lane

    def _opened(self, pool: Pool, opening: asyncio.Task[Lane]) -> None:
        pool.opening.discard(opening)
        if opening.cancelled():
            return
        exc = opening.exception()
        if exc is None and (lane := opening.result()).usable:
            pool.lanes.add(lane)
            self._employ(lane)
            return
        # One waiting post pays with an attempt, so that an endpoint that is away uses up their attempts.
        if pool.parked:
            post = pool.parked.popleft()
            self._placed -= 1
            post.delivery.unanswered(post, f"no connection to {pool.host}:{pool.port}: {_why(exc)}")
        self.dispatch()

    def _on_tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(TICK_SECONDS, self._on_tick)
        self._tick += 1
        oldest = self._tick - self._patience
        for pool in list(self._pools.values()):
            for lane in list(pool.lanes):
                if lane.post is not None and lane.started_tick < oldest:
                    lane.give_up(f"no answer within {self._post_timeout:g} s")
        now = loop.time()
        for delivery in list(self._deliveries):
            delivery.wake_retries(now)
            if now >= delivery.deadline:
                self.withdraw(delivery)
        self.dispatch()

    def _wait_for_rate(self, seconds: float) -> None:
        if self._rate_timer is None:
            self._rate_timer = asyncio.get_running_loop().call_later(seconds, self._on_rate)

    def _on_rate(self) -> None:
        self._rate_timer = None
        self.dispatch()


def _why(exc: BaseException | None) -> str:
    if exc is None:
        return "closed at once"
    return "timed out" if isinstance(exc, TimeoutError) else str(exc)
