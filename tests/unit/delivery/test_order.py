"""The rule of the contract, in random orders: every event of a stream, in order, without a hole."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from chalicelib.connections.connection import Connection
from chalicelib.connections.ports import CATCH_UP_SECONDS, Resume
from chalicelib.delivery import fan_out
from chalicelib.nights.events import LoggedEvent, session_stream
from tests.fakes.crowd import FAR_AWAY, add, start
from tests.fakes.delivery import FakeDelivery
from tests.fakes.identity import claims
from tests.fakes.interleaving import Chaos, ChaoticPush, InlineExecutor, Killed
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore
from tests.model.mutants import of_answers, of_delivery
from tests.model.mutants.mutant import Mutant, mutant

STREAM = session_stream(1)
EVENTS = 12
SEEDS = range(20)
SETTINGS: list[dict[str, Any]] = [
    {"failures": 0.2},
    {"kills": 0.03, "given_up": 0.3},
    {"inline": 2, "failures": 0.2},
    {"inline": 2, "kills": 0.03, "failures": 0.1, "given_up": 0.3},
    {"inline": 4, "kills": 0.02, "failures": 0.1},
]


@dataclass
class Client:
    """A client of four lines. ``resumes``: it opted in; ``first`` is the first event that it is promised."""

    connection_id: str
    resumes: bool
    first: int | None = None
    place: int = 0
    heard: list[int] = field(default_factory=list)

    def hear(self, body: bytes) -> None:
        frame = json.loads(body)
        sequence = frame["sequence"] if self.resumes else frame["n"]
        if sequence <= self.place:
            return  # came twice
        self.heard.append(sequence)
        self.place = sequence

    def holes(self) -> list[int]:
        return [after for before, after in pairwise(self.heard) if after != before + 1]


class Night:
    """One session whose events are delivered while clients come, fail to hear, and functions die."""

    given_up = 0.0
    """How often a batch that failed, or a job, does not come again."""

    def __init__(self, seed: int, *, inline: int, kills: float, failures: float) -> None:
        self.chaos = Chaos(seed, kills=kills, failures=failures)
        self.store = FakeConnectionStore(shards=2)
        self.sessions = FakeSessionStore()
        self.clients: dict[str, Client] = {}
        self.push = ChaoticPush(self.chaos, self._hear)
        self.delivery = FakeDelivery(self.store, self.push, inline=inline, sessions=self.sessions)
        for part in (
            self.delivery.broadcast,
            self.delivery.catch_up,
            self.delivery.failures,
            self.delivery.broadcast._fan_out,
            self.delivery.worker._shards,
        ):
            for name in ("_audiences", "audiences", "_store", "store", "_jobs"):
                if hasattr(part, name):
                    object.__setattr__(part, name, self.chaos.around(getattr(part, name)))
        self.records: list[LoggedEvent] = []
        self.done = 0
        self.joined = 0
        start(self.sessions)

    def _hear(self, connection_id: str, body: bytes) -> bool:
        if connection_id not in self.push.closed:
            self.clients[connection_id].hear(body)
        return connection_id not in self.push.closed

    async def log(self) -> None:
        for number in range(EVENTS):
            for _ in range(self.chaos.random.choice((0, 10, 100, 200))):
                await asyncio.sleep(0)
            self.records.append(LoggedEvent(str(number), add(self.sessions, 1)))

    async def join(self, resumes: bool) -> None:  # noqa: FBT001 - a choice of the test
        self.joined += 1
        client = Client(f"{self.joined:04}=", resumes)
        self.clients[client.connection_id] = client
        connection = Connection(client.connection_id, "api", "dev", 0, "127.0.0.1")
        self.store.add(connection)
        self.store.authenticate(connection, claims("bot"), deadline=FAR_AWAY)
        known = self.store.get(client.connection_id)
        assert known is not None
        end = (self.sessions.session(1) or pytest.fail("no session")).sequence
        if not resumes:
            self.store.join(known, STREAM, position=end)
            return
        since = self.chaos.random.randint(1, end)
        client.place, client.first = since, since + 1
        until = CATCH_UP_SECONDS
        await self.chaos.step_quietly()
        self.store.join(known, STREAM, Resume(since + 1, until))
        with contextlib.suppress(Killed):
            deadline = asyncio.get_running_loop().time() + 60
            await self.delivery.catch_up.resume(STREAM, client.connection_id, deadline, until)

    async def broadcast(self) -> None:
        """Hand over records as Lambda does: in order, again after a failure, and now and then twice."""
        while self.done < EVENTS:
            batch = self.records[self.done : self.done + self.chaos.random.randint(1, 4)]
            if not batch:
                await asyncio.sleep(0)
                continue
            try:
                again = await self.delivery.broadcast.run(batch, within=60)
            except Killed:
                if self.chaos.happens(self.given_up):
                    self.done += len(batch)
                continue
            left = len(again)
            self.done += len(batch) - left
            if self.chaos.happens(0.1):
                self.done = max(0, self.done - 2)

    async def work(self) -> None:
        while self.done < EVENTS or self.delivery.queue.waiting or self.joining:
            heads = self.delivery.queue.heads()
            if heads and self.chaos.happens(self.given_up / 10):
                self.delivery.queue.delete(self.chaos.random.choice(heads))
            elif heads:
                with contextlib.suppress(Killed):
                    await self.delivery.work_at(self.chaos.random.choice(heads))
            self.store.now += 1  # catching_up_until passes
            await asyncio.sleep(0)

    async def run(self, clients: int) -> None:
        self.joining = True

        async def come() -> None:
            for number in range(clients):
                for _ in range(self.chaos.random.randint(0, 200)):
                    await asyncio.sleep(0)
                await self.join(resumes=number % 3 != 0)
            self.joining = False

        async with asyncio.TaskGroup() as tasks:
            for part in (self.log, come, self.broadcast, self.work):
                tasks.create_task(part())
        self.delivery.queue.forget_names()

    async def settle(self) -> None:
        """Log one more event, with nothing in the way: whoever is behind is found, and caught up."""
        self.chaos.kills = self.chaos.failures = 0.0
        self.store.now += 2 * CATCH_UP_SECONDS
        self.records.append(LoggedEvent(str(EVENTS), add(self.sessions, 1)))
        assert not await self.delivery.broadcast.run(self.records[-1:], within=60)
        await self.delivery.work()


def play(
    seed: int, *, inline: int = 500, kills: float = 0.0, failures: float = 0.0, given_up: float = 0.0
) -> list[str]:
    """Play a night, and return what is not as the contract says."""

    async def night() -> Night:
        asyncio.get_running_loop().set_default_executor(InlineExecutor())
        made = Night(seed, inline=inline, kills=kills, failures=failures)
        made.given_up = given_up
        await made.run(clients=6)
        await made.settle()
        return made

    return wrong(asyncio.run(night()))


def wrong(night: Night) -> list[str]:
    last = EVENTS + 2
    found = []
    for client in night.clients.values():
        if client.holes():
            found.append(f"{client} has holes before {client.holes()}")
        if client.connection_id in night.push.closed:
            continue
        if not client.heard or client.heard[-1] != last:
            found.append(f"{client} has not heard {last}")
        if client.first is not None and client.heard and client.heard[0] != client.first:
            found.append(f"{client} begins too late")
    return found


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fan_out, "PAGE_SIZE", 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_every_client_hears_everything_in_order(seed: int, setting: dict[str, Any]) -> None:
    assert play(seed, **setting) == []


@mutant(fan_out, "_first")
def a_lost_job_is_passed_over(_right: Any, job: Any, _saved: Any) -> Any:
    return job.first


MUTANTS = [
    of_delivery.live_whatever_was_noted,
    of_delivery.nothing_is_noted,
    of_delivery.behind_connections_are_posted_to,
    of_delivery.failures_are_forgotten,
    of_delivery.a_row_is_not_written_before_its_job_is_sent,
    of_delivery.what_was_given_up_is_passed_over,
    of_delivery.jobs_are_overtaken,
    a_lost_job_is_passed_over,
    of_delivery.a_checkpoint_is_saved_too_early,
    of_delivery.a_batch_is_handled_before_it_is_posted,
    of_answers.a_resume_is_live_at_once,
]


@pytest.mark.parametrize("broken", MUTANTS)
def test_a_broken_delivery_is_noticed(broken: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch)

    assert any(play(seed, **setting) for seed in range(60) for setting in SETTINGS)
