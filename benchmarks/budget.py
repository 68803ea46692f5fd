"""What the budget of posts does to everybody else, in simulated time: `python -m benchmarks.budget`.

The account's rate at API Gateway is a token bucket that REST requests, frames, their answers and posts all
draw from. Every function that posts has all the work that it can take and the product's own token bucket,
which is told the simulation's time. Shown is how many of the others' requests are throttled, with the budget
and without, and what the static division costs a broadcast that is alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import click

from chalicelib.token_bucket import TokenBucket
from infra.budget import ACCOUNT_RATE, CONCURRENCY, posts_per_second, rest_throttle, websocket_throttle

ACCOUNT_BURST = 5_000
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""

STEP = 0.001
WINDOW = 64
POST_SECONDS = 0.01
"""How long a post takes on AWS's network, assumed; with the window it bounds a function without a budget."""

OTHERS = rest_throttle(ACCOUNT_RATE).rate + 2 * websocket_throttle(ACCOUNT_RATE).rate
"""REST requests, and frames with their answers, at the most that a stage takes."""


class Time:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class Outcome:
    """Requests, and how many of the others' were throttled, by second."""

    posts: int
    others: int
    throttled: int

    @property
    def share(self) -> float:
        return self.throttled / self.others


def simulate(seconds: float, rate: float | None, functions: int) -> Outcome:
    """Let functions post as much as they can beside the others. ``rate`` is a function's budget, if any."""
    time = Time()
    account = TokenBucket(ACCOUNT_RATE, ACCOUNT_BURST, clock=time)
    buckets = [TokenBucket(rate, max(1.0, rate / 2), clock=time) if rate else None for _ in range(functions)]
    posts = others = throttled = 0
    owed = capacity = 0.0
    while time.now < seconds:
        time.now += STEP
        owed += OTHERS * STEP
        capacity += WINDOW / POST_SECONDS * STEP
        for bucket in buckets:
            for _ in range(int(capacity)):
                if bucket is not None:
                    if bucket.wait():
                        break
                    bucket.take()
                if not account.wait():  # else it is throttled, and posted again later
                    account.take()
                    posts += 1
        capacity -= int(capacity)
        for _ in range(int(owed)):
            others += 1
            if account.wait():
                throttled += 1
            else:
                account.take()
        owed -= int(owed)
    return Outcome(posts, others, throttled)


def lone(audience: int, rate: float) -> float:
    """Return the seconds that one function alone takes for an audience."""
    return max(0.0, audience - max(1.0, rate / 2)) / rate


def report(seconds: float) -> Iterator[str]:
    rate = posts_per_second(ACCOUNT_RATE)
    functions = sum(CONCURRENCY.values())
    yield f"{functions} functions post all they can for {seconds:g} s, beside {OTHERS:,} other requests a"
    yield f"second; the account has {ACCOUNT_RATE:,}"
    for name, budget in (("without a budget", None), (f"{rate} posts a second each", float(rate))):
        done = simulate(seconds, budget, functions)
        posts = f"{done.posts / seconds:8,.0f} posts/s"
        yield f"  {name:26}{posts}, {done.share:6.1%} of the other requests throttled"
    yield "a broadcast function that is alone, for an audience that gets one event:"
    for audience in (100, 250, 500):
        yield f"  {audience:5,} connections  {lone(audience, rate):5.2f} s"
    jobs = CONCURRENCY["deliver"]
    yield f"{jobs} deliver functions, for a large one:"
    for audience in (1_000, 10_000, 100_000, 1_000_000):
        yield f"  {audience:9,} connections {lone(audience // jobs, rate):8.1f} s"


@click.command(help=__doc__)
@click.option("--seconds", default=10.0, show_default=True, help="How long to simulate.")
def main(seconds: float) -> None:
    click.echo("\n".join(report(seconds)))


if __name__ == "__main__":
    main()
