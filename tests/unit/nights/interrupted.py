"""A night whose voters, counters and hosts are interrupted between any two calls of the store."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from chalicelib.errors import GameNightError, SessionClosed, Unavailable
from chalicelib.idempotency import Idempotent, IdempotentRequest
from chalicelib.nights.events import Event, session_stream
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import Hosting
from chalicelib.nights.pending_votes import VoteCounter, count_sessions
from chalicelib.nights.votes import VoteRequest, VoteType, voter_of
from chalicelib.nights.voting import Voting
from tests.fakes.identity import claims
from tests.fakes.nights import BOT, FakeNights
from tests.fakes.stores import FakeSessionStore
from tests.model.world.interruptions import Interruption, Invocation, Killed, StepFailed

VOTERS = ("anna", "bert")


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody does: ``vote``, ``again`` (the same key), ``count``, ``close``, ``game``."""

    kind: str
    number: int = 0
    keyed: bool = False
    interruptions: tuple[Interruption, ...] = ()


@dataclass(slots=True)
class Asked:
    """A vote that was asked for: when, and what was answered when."""

    request: VoteRequest
    key: IdempotentRequest | None
    at: int
    answers: list[tuple[int, Any]] = field(default_factory=list)
    refused: bool = False

    @property
    def voter(self) -> str:
        return voter_of(self.request.username)

    def before(self, other: "Asked") -> bool:
        """Say whether this was answered before the other was asked."""
        return bool(self.answers) and self.answers[0][0] < other.at


class SteppedStore(FakeSessionStore):
    """A fake store that calls ``step`` around each call of its ports."""

    READS = ("session", "games_and_votes", "voting_state", "waiting", "is_waiting", "recorded_answer")
    STEPS: ClassVar = {*READS, "commit", "add"}

    def __init__(self, step: Callable[[], Any], now: Callable[[], float]) -> None:
        super().__init__(now)
        self.step = step
        self._inside = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in SteppedStore.STEPS or self._inside:
            return found

        def stepped(*arguments: Any, **named: Any) -> Any:
            with self.step():
                self._inside = True
                try:
                    return found(*arguments, **named)
                finally:
                    self._inside = False

        return stepped


class InterruptedNight:
    """Session 1, played by actions. ``alter`` breaks something."""

    def __init__(self, alter: Callable[["InterruptedNight"], None] = lambda _: None) -> None:
        self.nights = FakeNights()
        self.store = SteppedStore(self._step, self.nights.time)
        self.nights.store = self.store
        self.complaints: list[str] = []
        self.asked: list[Asked] = []
        self.moment = 0
        self._running: list[Invocation] = []
        commits = Idempotent(self.store, self.nights.backoff)
        self.counter = VoteCounter(self.store, self.store, self._clock)
        self.voting = Voting(self.counter, commits, self._clock, lambda: f"id{len(self.asked)}")
        self.host = Hosting(self.counter, commits, self._clock, lambda: "e")
        self.host.start(claims(), None)
        self.host.add_game(claims(), 1, NewGame("Game 1"))
        alter(self)

    def _clock(self) -> Any:
        self.nights.now += 0.001  # no two moments are the same
        return self.nights.clock()

    @contextmanager
    def _step(self) -> Iterator[None]:
        if not self._running:
            yield
            return
        try:
            with self._running[-1].step():
                yield
        except StepFailed:
            raise Unavailable("The answer was lost.") from None

    def act(self, action: Action) -> None:
        """Do what an action says, to its end or its interruption."""
        self.moment += 1
        self._running.append(Invocation("", action.interruptions, self.act))
        try:
            getattr(self, f"_{action.kind}")(action)
        except (Killed, GameNightError):
            pass
        finally:
            self._running.pop()
            self.moment += 1

    def _vote(self, action: Action) -> None:
        number = len(self.asked)
        name = VOTERS[action.number % len(VOTERS)]
        typed = "".join(c.upper() if number >> place & 1 else c for place, c in enumerate(name)) + " " * (
            number >> 4
        )
        key = IdempotentRequest("kosmi", f"key{number}", "hash") if action.keyed else None
        asked = Asked(VoteRequest(typed, [*VoteType][action.number % 3 % 2]), key, self.moment)
        self.asked.append(asked)
        self._ask(asked)

    def _again(self, action: Action) -> None:
        keyed = [asked for asked in self.asked if asked.key]
        if keyed:
            self._ask(keyed[action.number % len(keyed)])

    def _ask(self, asked: Asked) -> None:
        try:
            answer = self.voting.vote(BOT, 1, asked.request, asked.key)
        except SessionClosed:
            asked.refused = True
            raise
        asked.answers.append((self.moment, json.loads(json.dumps(answer))))

    def _count(self, _: Action) -> None:
        count_sessions(self.counter, self.nights.backoff, {1: ["1"]})

    def _close(self, _: Action) -> None:
        self.host.close(claims(), 1)
        for asked in self.asked:
            if asked.answers and not self._events_of(asked):
                self.complaints.append(f"the night was closed without {asked}")

    def _game(self, _: Action) -> None:
        self.host.add_game(claims(), 1, NewGame("Another"))

    def _crowd(self, _: Action) -> None:
        self.nights.crowd()

    def finish(self, *, close: bool) -> Sequence[str]:
        """Do what the stream and a host do in the end; return everything that is wrong."""
        self.act(Action("count"))
        if close or self.store._sessions[1].closing:
            self.act(Action("close"))
        for asked in [one for one in self.asked if one.key and one.answers]:
            self._running.append(Invocation("", (), self.act))
            try:
                self._ask(asked)
            except GameNightError as error:
                self.complaints.append(f"{asked} was answered, and then refused: {error}")
            self._running.pop()
        self._check_votes()
        self._check_log()
        return self.complaints

    def _log(self) -> Sequence[Event]:
        return self.store.events(session_stream(1), 0, 10_000)

    def _events_of(self, asked: Asked) -> list[int]:
        events = [json.loads(event.envelope)["data"] for event in self._log()]
        return [
            n for n, one in enumerate(events) if one.get("vote", {}).get("username") == asked.request.username
        ]

    def _check_votes(self) -> None:
        for asked in self.asked:
            events = self._events_of(asked)
            answers = [answer for _, answer in asked.answers]
            if len(events) > 1 or (answers and not events):
                self.complaints.append(f"{asked} is {len(events)} events")
            elif events and asked.refused:
                self.complaints.append(f"{asked} was refused, and counted")
            elif events:
                data = json.loads(self._log()[events[0]].envelope)["data"]
                if any({**data, **answer} != data for answer in answers):
                    self.complaints.append(f"{asked} was counted as {data}")
        for first in self.asked:
            for second in self.asked:
                places = self._events_of(first), self._events_of(second)
                if (
                    first.voter == second.voter
                    and first.before(second)
                    and all(places)
                    and places[0] > places[1]
                ):
                    self.complaints.append(f"{second} overtook {first}")

    def _check_log(self) -> None:
        log = self._log()
        if [event.cursor.sequence for event in log] != list(range(1, len(log) + 1)):
            self.complaints.append("the log has a hole")
        if any(event.type == "session.ended" for event in log[:-1]):
            self.complaints.append("something happened after the end")
        ways: dict[int, dict[str, str]] = {}
        for event in log:
            data = json.loads(event.envelope)["data"]
            if "vote" in data:
                ways.setdefault(data["game"]["id"], {})[voter_of(data["vote"]["username"])] = data["vote"][
                    "type"
                ]
        counted = {game: Counter(latest.values()) for game, latest in ways.items()}
        for game in self.store.games(1):
            expected = counted.get(game.id, Counter())
            if (game.upvotes, game.downvotes) != (expected["up"], expected["down"]):
                self.complaints.append(f"{game} is not what was voted: {expected}")
