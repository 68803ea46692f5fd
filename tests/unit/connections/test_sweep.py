"""The sweep, minute by minute, with a clock that the test owns."""

import pytest

from chalicelib.connections.clients import ConnectionExpired
from chalicelib.connections.connection import Connection, session_audience
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.expired_deadlines import CLAIM_SECONDS
from chalicelib.connections.sweep import LOOK_BACK_MINUTES, OVERLAP_MINUTES
from chalicelib.errors import ConnectionUnknown
from chalicelib.nights.cursors import BEGINNING
from tests.fakes.stores import FakeConnectionStore
from tests.unit.connections.swept import EXPIRED, HOUR, MIDNIGHT, MINUTE, TIMEOUT, House


@pytest.mark.parametrize("opened", range(0, 60, 7))
def test_who_does_not_authenticate_is_told_and_closed_after_thirty_seconds_and_before_ninety(
    opened: int,
) -> None:
    house = House()
    house.now = opened
    house.connect()
    closed_at: list[int] = []

    for minute in range(1, 5):
        house.now = minute * MINUTE
        house.sweep_once()
        if house.push.disconnected and not closed_at:
            closed_at.append(house.now)

    assert house.told() == [TIMEOUT]
    assert house.push.disconnected == ["abc="]
    assert 30 <= closed_at[0] - opened <= 90
    assert house.store.get("abc=") is None
    assert house.store.deadlines() == []


def test_who_authenticates_in_time_is_left_alone() -> None:
    house = House()
    house.authenticated(expires=HOUR)

    house.minutes_pass(HOUR - 1)

    assert house.push.posts == []
    assert house.audience() == ["abc="]


def test_a_connection_has_one_deadline_whatever_happens_to_it() -> None:
    house = House()
    kinds = []

    house.connect()
    kinds += house.store.deadlines()
    house.connections.authenticate("abc=", str(HOUR))
    kinds += house.store.deadlines()
    house.connections.authenticate("abc=", str(2 * HOUR), BEGINNING)
    kinds += house.store.deadlines()
    house.minutes_pass(111 * MINUTE)
    kinds += house.store.deadlines()
    house.connections.disconnect("abc=")

    assert [one.deadline for one in kinds] == [
        Deadline(MIDNIGHT + 30, DeadlineKind.AUTHENTICATE),
        Deadline(MIDNIGHT + HOUR, DeadlineKind.TOKEN_EXPIRED),
        Deadline(MIDNIGHT + 110 * MINUTE, DeadlineKind.MAX_AGE),
        Deadline(MIDNIGHT + 118 * MINUTE, DeadlineKind.TOKEN_EXPIRING),
    ]
    assert house.store.deadlines() == []


def test_who_can_resume_is_told_two_minutes_before_and_everybody_when_a_token_has_expired() -> None:
    house = House()
    house.authenticated(HOUR, "plain=")
    house.authenticated(HOUR, "resumes=", resumes=True)

    house.minutes_pass(58 * MINUTE)
    before = (house.told("plain="), house.told("resumes="))
    house.minutes_pass(2 * HOUR)

    expiring = f"token_expiring {MIDNIGHT + HOUR}".encode()
    assert before == ([], [expiring])
    assert house.told("plain=") == [EXPIRED]
    assert house.told("resumes=") == [expiring, EXPIRED]
    assert sorted(house.push.disconnected) == ["plain=", "resumes="]
    assert house.audience() == []


def test_subscribing_with_a_cursor_is_no_wish_to_be_told_about_the_connection() -> None:
    house = House()
    house.authenticated(HOUR)
    house.connections.subscribe("abc=", 1, BEGINNING)

    house.minutes_pass(59 * MINUTE)

    assert house.told() == []


def test_another_token_in_time_is_all_it_takes_to_stay() -> None:
    house = House()
    house.authenticated(HOUR, resumes=True)
    house.minutes_pass(59 * MINUTE)

    house.connections.authenticate("abc=", str(100 * MINUTE))
    house.minutes_pass(99 * MINUTE)

    assert house.told() == [
        f"token_expiring {MIDNIGHT + HOUR}".encode(),
        f"token_expiring {MIDNIGHT + 100 * MINUTE}".encode(),
    ]
    assert house.audience() == ["abc="]


def test_whoever_was_told_that_its_token_has_expired_gets_nothing_more() -> None:
    house = House()
    house.authenticated(HOUR)
    house.now = HOUR

    with pytest.raises(ConnectionExpired):
        house.connections.authenticate("abc=", str(2 * HOUR))
    house.sweep_once()

    assert house.told() == [EXPIRED]
    with pytest.raises(ConnectionUnknown):
        house.connections.authenticate("abc=", str(2 * HOUR))


@pytest.mark.parametrize(("random", "after"), [(0.0, 0), (0.5, 150_000), (0.999_999_9, 300_000)])
def test_who_can_resume_is_asked_to_reconnect_within_five_minutes_once(random: float, after: int) -> None:
    house = House()
    house.authenticated(5 * HOUR, "plain=")
    house.authenticated(5 * HOUR, "resumes=", resumes=True)

    for minute in range(1, 130):
        house.now = minute * MINUTE
        house.sweep_once(random)

    assert house.told("plain=") == []
    assert house.told("resumes=") == [f"reconnect {after}".encode()]
    assert house.push.disconnected == []


def test_what_is_left_of_a_connection_that_ended_without_a_word_is_removed() -> None:
    house = House()
    house.authenticated(5 * HOUR)
    house.connections.subscribe("abc=", 1)

    house.minutes_pass(131 * MINUTE)

    assert house.store.get("abc=") is None
    assert house.audience(session_audience(1)) == []
    assert house.push.posts == []
    assert house.store.deadlines() == []


def test_a_notice_that_finds_nobody_removes_every_trace() -> None:
    house = House()
    house.authenticated(HOUR, resumes=True)
    house.push.gone.add("abc=")

    house.minutes_pass(58 * MINUTE)

    assert house.store.get("abc=") is None
    assert house.audience() == []
    assert house.store.deadlines() == []


def test_a_goodbye_that_finds_nobody_removes_every_trace() -> None:
    house = House()
    house.connect()
    house.push.gone.add("abc=")

    house.minutes_pass(2 * MINUTE)

    assert house.store.get("abc=") is None
    assert house.push.disconnected == []


def test_a_notice_that_does_not_arrive_is_sent_again_the_minute_after() -> None:
    house = House()
    house.authenticated(HOUR, resumes=True)
    house.push.failing.add("abc=")
    house.minutes_pass(58 * MINUTE)
    house.push.failing.clear()

    house.minutes_pass(59 * MINUTE)

    assert house.told() == [f"token_expiring {MIDNIGHT + HOUR}".encode()]
    assert house.store.deadlines()[0].deadline.kind is DeadlineKind.TOKEN_EXPIRED


def test_a_token_expires_in_time_however_often_its_notice_fails() -> None:
    house = House()
    house.authenticated(HOUR, resumes=True)
    house.push.failing.add("abc=")
    house.minutes_pass(59 * MINUTE)
    house.push.failing.clear()

    house.minutes_pass(HOUR)

    assert house.told() == [EXPIRED]


def test_a_connection_that_cannot_be_closed_now_is_closed_later_and_hears_nothing_in_between() -> None:
    house = House()
    house.connect()
    house.push.stuck.add("abc=")
    house.minutes_pass(MINUTE)

    with pytest.raises(ConnectionUnknown):
        house.connections.authenticate("abc=", str(HOUR))
    house.push.stuck.clear()
    house.minutes_pass(MINUTE + CLAIM_SECONDS)

    assert house.push.disconnected == ["abc="]
    assert house.store.get("abc=") is None


def test_a_sweep_that_missed_minutes_catches_up() -> None:
    house = House()
    house.minutes_pass(5 * MINUTE)
    for minute in range(10):
        house.now = (5 + minute) * MINUTE
        house.connect(f"{minute}=")

    house.now = 40 * MINUTE
    report = house.sweep_once()

    assert sorted(house.push.disconnected) == [f"{minute}=" for minute in range(10)]
    assert report.behind > 30
    assert house.sweep_once().behind == 0


def test_the_first_sweep_of_all_looks_back_as_far_as_a_connection_can_last() -> None:
    house = House()
    house.connect()
    house.now = 100 * MINUTE

    report = house.sweep_once()

    assert house.push.disconnected == ["abc="]
    assert report.minutes == LOOK_BACK_MINUTES + 1


def test_no_sweep_looks_back_further_than_a_connection_can_last() -> None:
    house = House()
    house.minutes_pass(MINUTE)
    house.now = 24 * HOUR

    assert house.sweep_once().minutes == LOOK_BACK_MINUTES + 1


def test_a_sweep_that_comes_late_does_what_was_due_at_its_own_time() -> None:
    house = House()
    house.minutes_pass(10 * MINUTE)
    house.connect()
    house.now = 5 * MINUTE  # a start that EventBridge had to try again

    house.sweep_once()
    marked = house.store.swept
    house.now = 11 * MINUTE
    house.sweep_once()

    assert marked == MIDNIGHT // 60 + 9
    assert house.told() == [TIMEOUT]


def test_a_minute_with_more_than_a_page_is_done_to_its_end() -> None:
    house = House(page_size=3)
    for number in range(20):
        house.connect(f"{number}=")

    house.minutes_pass(2 * MINUTE)

    assert len(set(house.push.disconnected)) == 20


def test_what_nothing_is_due_of_is_not_even_read() -> None:
    reads: list[str] = []

    class Watched(FakeConnectionStore):
        def get(self, connection_id: str) -> Connection | None:
            reads.append(connection_id)
            return super().get(connection_id)

    house = House(Watched(shards=2))
    house.minutes_pass(MINUTE)
    for number in range(50):
        house.authenticated(HOUR, f"{number}=")
    reads.clear()
    pages = house.store.pages_read

    house.minutes_pass(2 * MINUTE)

    assert reads == []
    assert house.store.pages_read - pages == 2 * (OVERLAP_MINUTES + 2)


@pytest.mark.parametrize("behind", [-60, -30, 0, 30, 60])
@pytest.mark.parametrize("opened", [0, 29, 31, 59])
def test_clocks_that_differ_by_a_minute_lose_no_deadline_and_end_nothing_early(
    opened: int, behind: int
) -> None:
    house = House()
    house.minutes_pass(10 * MINUTE)
    house.behind = behind
    house.now = 10 * MINUTE + opened
    house.connect("silent=")
    house.authenticated(house.now + 90, "short=")
    house.authenticated(
        house.now + 110, "resumes=", resumes=True
    )  # so it is due at once, by a clock that may be slow
    closed_at: dict[str, int] = {}

    for minute in range(11, 20):
        house.now = minute * MINUTE
        house.sweep_once()
        closed_at |= {name: house.now for name in house.push.disconnected if name not in closed_at}

    since = {name: at - 10 * MINUTE - opened for name, at in closed_at.items()}
    assert 30 <= since["silent="] <= 90 + 60
    assert 90 <= since["short="] <= 150 + 60
    assert house.told("resumes=") == [
        f"token_expiring {MIDNIGHT + 10 * MINUTE + opened + 110}".encode(),
        EXPIRED,
    ]


def test_a_token_that_expires_before_its_connection_could_be_told_in_time_is_told_at_once() -> None:
    house = House()
    house.now = 10 * MINUTE
    house.authenticated(11 * MINUTE + 30, resumes=True)

    house.minutes_pass(13 * MINUTE)

    assert house.told() == [f"token_expiring {MIDNIGHT + 11 * MINUTE + 30}".encode(), EXPIRED]
