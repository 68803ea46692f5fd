import asyncio
from typing import Any, cast

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import DeliveryReport, FailedPost
from chalicelib.push.delivery import Delivery, Post, Target
from chalicelib.push.retry import RetryPolicy

SOMEWHERE = Target(pool=cast("Any", None), request=lambda recipient: recipient.connection_id.encode())


def to(*connection_ids: str) -> list[Recipient]:
    return [Recipient(connection_id, "abc", "prod") for connection_id in connection_ids]


def delivery_of(*recipients: str, jitter: list[float] | None = None, attempts: int = 3) -> Delivery:
    loop = asyncio.get_running_loop()
    delays = iter(jitter or [])
    policy = RetryPolicy(attempts, base_seconds=10, cap_seconds=10)
    delivery = Delivery(lambda *_: SOMEWHERE, policy, lambda: next(delays), loop.time() + 100)
    delivery.add(to(*recipients))
    return delivery


def taken(delivery: Delivery) -> dict[str, Post]:
    posts = {}
    while (post := delivery.next_post()) is not None:
        posts[post.recipient.connection_id] = post
    return posts


async def test_retries_come_when_their_back_off_is_over_the_earliest_first() -> None:
    delivery = delivery_of("late", "early", "middle", jitter=[0.9, 0.1, 0.5])
    now = asyncio.get_running_loop().time()
    for post in taken(delivery).values():
        delivery.answered(post, 429)

    woken = []
    for seconds in (0.5, 2, 6, 10):
        delivery.wake_retries(now + seconds)
        woken.append(list(taken(delivery)))

    assert woken == [[], ["early"], ["middle"], ["late"]]
    assert delivery.report.retried == 3


async def test_a_post_to_be_sent_again_at_once_goes_before_all_others() -> None:
    delivery = delivery_of("first", "second")
    first = delivery.next_post()
    assert first is not None

    delivery.resend(first)

    assert list(taken(delivery)) == ["first", "second"]


async def test_it_is_settled_when_the_last_recipient_is_and_not_before() -> None:
    delivery = delivery_of("a", "b", "c", attempts=1)
    settled = asyncio.create_task(delivery.settled())
    posts = taken(delivery)

    delivery.answered(posts["a"], 200)
    delivery.answered(posts["b"], 410)
    await asyncio.sleep(0)
    before_the_last = settled.done()
    delivery.unanswered(posts["c"], "reset")
    await settled

    assert not before_the_last
    assert delivery.report == DeliveryReport(
        delivered=1, gone=to("b"), failed=[FailedPost(to("c")[0], None, "reset, after 1 attempts")]
    )


async def test_what_is_handed_in_after_the_time_ran_out_fails_unsent() -> None:
    delivery = delivery_of("a")
    delivery.expire()

    delivery.add(to("b", "c"))

    assert delivery.next_post() is None
    assert [post.recipient.connection_id for post in delivery.report.failed] == ["a", "b", "c"]
    await delivery.settled()


async def test_whose_token_has_expired_when_it_is_its_turn_gets_nothing_and_no_other_attempt() -> None:
    now = [100.0]
    loop = asyncio.get_running_loop()
    settled: list[Recipient] = []
    delivery = Delivery(
        lambda *_: SOMEWHERE,
        RetryPolicy(3, base_seconds=10, cap_seconds=10),
        lambda: 0.1,
        loop.time() + 100,
        settled.append,
        token_clock=lambda: now[0],
    )
    brief, retried, lasting = (
        Recipient(name, "abc", "prod", token_expires_at=expires)
        for name, expires in (("brief", 100), ("retried", 101), ("lasting", 200))
    )
    delivery.add([brief, retried, lasting])

    posts = taken(delivery)
    delivery.answered(posts["retried"], 429)
    delivery.answered(posts["lasting"], 429)
    now[0] = 101.0
    delivery.wake_retries(loop.time() + 10)

    assert list(posts) == ["retried", "lasting"]
    assert list(taken(delivery)) == ["lasting"]
    assert delivery.report.lapsed == [brief, retried]
    assert settled == []
