"""The sweep, minute by minute, with a clock that the test owns."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from chalicelib.domain.connection_life import ConnectionLife
from chalicelib.domain.connections import ALL_AUDIENCE, Connection, session_audience
from chalicelib.domain.cursors import BEGINNING, Cursor
from chalicelib.domain.deadlines import Deadline, DeadlineKind
from chalicelib.domain.delivery import DeliveryReport
from chalicelib.domain.errors import ConnectionUnknown, Unavailable
from chalicelib.domain.identity import Claims, Role
from chalicelib.domain.sessions import start_session
from chalicelib.services.connections import ConnectionExpired, Connections
from chalicelib.services.deadline_ports import Reached
from chalicelib.services.due import CLAIM_SECONDS, DueConnections
from chalicelib.services.reading import Streams
from chalicelib.services.sweep import LOOK_BACK_MINUTES, OVERLAP_MINUTES, Sweep, SweepReport
from tests.fakes.identity import claims
from tests.fakes.notices import FakeNotices
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore

MIDNIGHT = 1_700_006_400
MINUTE = 60
HOUR = 60 * MINUTE
TIMEOUT = b"error auth_timeout"
EXPIRED = b"error token_expired"


class SecondsToLive:
    """Verifies tokens that say how many seconds after midnight they expire."""

    def verify(self, token: str) -> Claims:
        return claims("kosmi", Role.BOT, expires_at=MIDNIGHT + int(token))


class House:
    """A service with a schedule that nobody but the test follows. ``now`` is seconds after midnight.

    ``behind`` is how much the clocks of those who write are behind that of the schedule.
    """

    def __init__(self, store: FakeConnectionStore | None = None, page_size: int = 1000) -> None:
        self.store = store or FakeConnectionStore(shards=2, page_size=page_size)
        self.sessions = FakeSessionStore()
        head = self.sessions.head()
        self.sessions.start(head, *start_session(head, epoch="e", notes=None, now="t"))
        self.push = FakePush()
        self.now = 0
        self.behind = 0
        self.connections = Connections(
            self.store, Streams(self.sessions, self.sessions), SecondsToLive(), self.present
        )

    def present(self) -> datetime:
        return datetime.fromtimestamp(MIDNIGHT + self.now - self.behind, UTC)

    def connect(self, name: str = "abc=") -> None:
        self.connections.connect(Connection(name, "api", "dev", MIDNIGHT + self.now, "127.0.0.1"))

    def authenticated(self, expires: int, name: str = "abc=", *, resumes: bool = False) -> None:
        self.connect(name)
        self.connections.authenticate(name, str(expires), BEGINNING if resumes else None)

    def sweep_once(self, random: float = 0.5) -> SweepReport:
        return asyncio.run(self.sweeping(random))

    async def sweeping(self, random: float = 0.5, within: float = 5.0) -> SweepReport:
        due = DueConnections(
            self.store, self.store, self.push, FakeNotices(), ConnectionLife(), lambda: random
        )
        return await Sweep(self.store, due, shards=2).run(MIDNIGHT + self.now, within=within)

    def minutes_pass(self, until: int) -> None:
        """Sweep each minute until so many seconds after midnight."""
        while self.now + MINUTE <= until:
            self.now += MINUTE
            self.sweep_once()

    def told(self, name: str = "abc=") -> list[bytes]:
        return [frame for connection_id, frame in self.push.posts if connection_id == name]

    def known(self, name: str = "abc=") -> Connection:
        return self.store.get(name) or pytest.fail(f"{name} is gone")

    def audience(self, audience: str = ALL_AUDIENCE) -> list[str]:
        return [
            one.connection_id for shard in range(2) for one in self.store.audience(audience, shard).recipients
        ]


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


def test_two_sweeps_at_once_tell_everybody_once() -> None:
    house = House()
    for number in range(10):
        house.connect(f"silent{number}=")
        house.authenticated(58 * MINUTE + 118, f"resumes{number}=", resumes=True)
    house.now = 58 * MINUTE

    async def both() -> None:
        await asyncio.gather(house.sweeping(), house.sweeping(), house.sweeping())

    asyncio.run(both())

    assert len(house.push.posts) == len(set(house.push.posts)) == 20
    assert len(house.push.disconnected) == len(set(house.push.disconnected)) == 10


def test_whoever_authenticates_while_it_is_being_swept_stays() -> None:
    class Meanwhile(FakeConnectionStore):
        def get(self, connection_id: str) -> Connection | None:
            found = super().get(connection_id)
            if found is not None and house.now == MINUTE:
                house.now += 1  # once
                house.connections.authenticate(connection_id, str(HOUR))
            return found

    house = House(Meanwhile(shards=2))
    house.connect()

    house.minutes_pass(MINUTE)

    assert house.push.posts == []
    assert house.push.disconnected == []
    assert house.audience() == ["abc="]
    assert [one.deadline.kind for one in house.store.deadlines()] == [DeadlineKind.TOKEN_EXPIRED]


def test_a_connection_that_a_dead_sweep_began_to_close_is_closed() -> None:
    house = House()
    house.connect()
    house.now = MINUTE
    house.store.claim(house.known(), MIDNIGHT + MINUTE)

    reports = [house.sweep_once()]
    for _ in range(CLAIM_SECONDS // MINUTE):
        house.now += MINUTE
        reports.append(house.sweep_once())

    assert [report.unfinished for report in reports] == [1, 1, 0]
    assert house.told() == [TIMEOUT]
    assert house.store.get("abc=") is None


class DiesPosting(FakePush):
    """A push whose process ends at the first post, before or after it."""

    def __init__(self, *, after: bool) -> None:
        super().__init__()
        self._after = after

    async def broadcast(self, *arguments: Any, **named: Any) -> DeliveryReport:
        if self._after:
            await super().broadcast(*arguments, **named)
        raise KeyboardInterrupt


@pytest.mark.parametrize("after", [False, True], ids=["before it was sent", "after it was sent"])
def test_a_notice_over_which_a_sweep_died_is_sent_by_another(*, after: bool) -> None:
    house = House()
    house.authenticated(20 * MINUTE, resumes=True)
    house.now = 18 * MINUTE
    alive, house.push = house.push, DiesPosting(after=after)
    with pytest.raises(KeyboardInterrupt):
        house.sweep_once()
    house.push = alive

    house.minutes_pass(19 * MINUTE)

    assert house.told() == [f"token_expiring {MIDNIGHT + 20 * MINUTE}".encode()]


def test_a_deadline_without_a_connection_is_removed() -> None:
    house = House()
    house.store.leave_deadline(Reached("gone=", Deadline(MIDNIGHT, DeadlineKind.AUTHENTICATE), 0))

    house.minutes_pass(MINUTE)

    assert house.store.deadlines() == []
    assert house.push.posts == []


def test_a_deadline_that_its_connection_does_not_have_any_more_is_removed_and_nothing_else() -> None:
    house = House()
    house.authenticated(HOUR)
    house.store.leave_deadline(Reached("abc=", Deadline(MIDNIGHT, DeadlineKind.AUTHENTICATE), 0))

    house.minutes_pass(MINUTE)

    assert [one.deadline.kind for one in house.store.deadlines()] == [DeadlineKind.TOKEN_EXPIRED]
    assert house.push.posts == []


class Failing(FakeConnectionStore):
    """A store that does not answer about some connections."""

    def __init__(self, error: Exception) -> None:
        super().__init__(shards=2)
        self.error = error
        self.about: set[str] = set()

    def get(self, connection_id: str) -> Connection | None:
        if connection_id in self.about:
            raise self.error
        return super().get(connection_id)


@pytest.mark.parametrize("error", [Unavailable("told to"), ValueError("a defect")])
def test_one_connection_that_fails_stops_no_other_and_its_turn_comes(error: Exception) -> None:
    store = Failing(error)
    house = House(store)
    house.minutes_pass(MINUTE)
    for name in ("a=", "b=", "c="):
        house.connect(name)
    store.about = {"b="}
    house.minutes_pass(20 * MINUTE)
    before = sorted(house.push.disconnected)
    store.about.clear()

    house.minutes_pass(21 * MINUTE)

    assert before == ["a=", "c="]
    assert sorted(house.push.disconnected) == ["a=", "b=", "c="]


def test_what_there_is_no_time_for_is_left_for_the_next_sweep() -> None:
    house = House()
    house.connect()
    house.now = MINUTE

    report = asyncio.run(house.sweeping(within=-1.0))
    marked = house.store.swept
    house.minutes_pass(10 * MINUTE)

    assert report.unfinished
    assert marked is None
    assert house.push.disconnected == ["abc="]


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


class Life:
    """One seed's story: clients come and renew their tokens, sweeps are missed, posts fail, clocks differ."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.house = House(page_size=self.random.choice([1, 3, 1000]))
        self.resumes = {f"{number}=": self.random.random() < 0.5 for number in range(12)}
        self.expiries: dict[str, int] = {}
        self.connected: set[str] = set()

    def step(self) -> None:
        random, house = self.random, self.house
        house.now += random.randrange(40)
        house.behind = random.choice([-30, 0, 30])
        name = random.choice([*self.resumes])
        known = house.store.get(name)
        if name not in self.connected:
            self.connected.add(name)
            house.connect(name)
            if random.random() < 0.8:
                self.authenticate(name, BEGINNING if self.resumes[name] else None)
        elif known is not None and known.authenticated and random.random() < 0.2:
            with suppress(ConnectionExpired, ConnectionUnknown):
                self.authenticate(name)
        house.push.failing = {name} if random.random() < 0.1 else set()
        if random.random() < 0.4:
            house.sweep_once(random.random())

    def authenticate(self, name: str, since: Cursor | None = None) -> None:
        expires = self.house.now + self.random.randrange(100, 3000)
        self.house.connections.authenticate(name, str(expires), since)
        self.expiries[name] = expires


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_everybody_is_told_what_is_due_and_nobody_anything_else(seed: int) -> None:
    life = Life(seed)
    house = life.house
    for _ in range(400):
        life.step()
    house.push.failing = set()

    house.minutes_pass(house.now + 200 * MINUTE)

    assert house.store.deadlines() == []
    for name in life.connected:
        told = house.told(name)
        notices = {frame.split()[0] for frame in told} - {b"error"}
        assert house.store.get(name) is None
        assert [frame for frame in told[:-1] if frame.startswith(b"error")] == []  # nothing follows a goodbye
        assert (TIMEOUT in told) <= (name not in life.expiries)
        assert bool(notices) <= life.resumes[name]
        assert sum(frame.startswith(b"reconnect") for frame in told) <= 1
