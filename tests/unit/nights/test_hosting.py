from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.auth.claims import Role
from chalicelib.errors import Contended, Forbidden, GameNotFound, SessionClosed, SessionNotFound
from chalicelib.idempotency import IdempotencyMismatch, Idempotent, IdempotentRequest, VersionConflict
from chalicelib.nights.events import Json
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import Hosting
from chalicelib.nights.ports import Commit
from chalicelib.retry import Backoff
from tests.fakes.identity import claims
from tests.fakes.nights import FakeNights
from tests.fakes.stores import FakeSessionStore
from tests.unit.nights.test_voting import night

KEY = IdempotentRequest("host", "key", "hash")
HOST, QUIPLASH = claims(), NewGame("Quiplash", min_players=3)

Ask = Callable[[Hosting, Any, IdempotentRequest | None], Json]
ASKED: dict[str, Ask] = {
    "start": lambda host, who, key: host.start(who, "Friday", key),
    "add a game": lambda host, who, key: host.add_game(who, 1, QUIPLASH, key),
    "close": lambda host, who, key: host.close(who, 1, key),
    "remove a game": lambda host, who, _: host.remove_game(who, 1, 1),
}
NIGHT = {"id": 2, "is_active": 1, "created_at": "2025-11-01T20:00:00.000Z", "notes": "Friday"}
GAME = {"id": 2, "title": "Quiplash", "pack_name": None, "min_players": 3, "max_players": None}
CLOSED = {
    "id": 1,
    "is_active": 0,
    "created_at": "2025-11-01T20:00:00.000Z",
    "ended_at": "2025-11-01T20:00:00.000Z",
    "notes": None,
    "games_played": 1,
}


@pytest.mark.parametrize(
    ("asked", "answer", "fired"),
    [
        ("start", NIGHT, ["session.started", "session.started"]),
        ("add a game", GAME, ["game.added"]),
        ("close", CLOSED, ["session.ended"]),
    ],
)
def test_a_key_makes_one_change_and_has_one_answer(asked: str, answer: Json, fired: list[str]) -> None:
    nights = night()
    before = len(nights.store.log)

    answers = [ASKED[asked](nights.host, HOST, KEY) for _ in range(2)]

    assert answers == [answer, answer]
    assert [event.type for event in nights.store.log[before:]] == fired
    with pytest.raises(IdempotencyMismatch, match="key"):
        ASKED[asked](nights.host, HOST, replace(KEY, request_hash="another hash"))


@pytest.mark.parametrize("asked", ASKED)
def test_what_only_a_host_may_do_no_bot_may(asked: str) -> None:
    nights = night()
    before = len(nights.store.log)

    with pytest.raises(Forbidden, match="admin"):
        ASKED[asked](nights.host, claims(role=Role.BOT), None)

    assert len(nights.store.log) == before


@pytest.mark.parametrize("asked", ["add a game", "close", "remove a game"])
def test_a_night_that_is_not_there_takes_nothing(asked: str) -> None:
    with pytest.raises(SessionNotFound, match="1"):
        ASKED[asked](FakeNights().host, HOST, None)


@pytest.mark.parametrize("asked", ["add a game", "close", "remove a game"])
def test_a_night_that_is_closed_takes_nothing_more(asked: str) -> None:
    nights = night()
    nights.host.close(HOST, 1, KEY)

    with pytest.raises(SessionClosed):
        ASKED[asked](nights.host, HOST, replace(KEY, key="another key"))


def test_a_removed_game_is_gone_after_its_pending_votes_are_counted() -> None:
    nights = night(games=2)
    nights.pend("zoë", game_id=2)

    answer = nights.host.remove_game(HOST, 1, 2)

    assert (answer["games_played"], answer["is_active"]) == (1, 1)
    assert [event.type for event in nights.log(4)] == ["vote.received", "game.removed"]
    with pytest.raises(GameNotFound):
        nights.host.remove_game(HOST, 1, 2)
    assert len(nights.log()) == 5


def test_a_removal_that_loses_a_race_is_made_again() -> None:
    class Contested(FakeSessionStore):
        left = 3

        def commit(self, change: Commit) -> None:
            if change.after.removed_games and self.left:
                self.left -= 1
                raise VersionConflict
            super().commit(change)

    nights = night(store=Contested())

    nights.host.remove_game(HOST, 1, 1)

    assert [event.type for event in nights.log(3)] == ["game.removed"]
    assert nights.waits == 3


def test_a_game_that_does_not_show_yet_is_removed_once_it_does() -> None:
    class NotYet(FakeSessionStore):
        misses = 1

        def voting_state(self, session_id: int, game_id: int) -> Any:
            self.misses -= 1
            state = super().voting_state(session_id, game_id)
            return replace(state, title=None) if self.misses >= 0 else state

    nights = night(store=NotYet())

    nights.host.remove_game(HOST, 1, 1)

    assert '"title":"Game 1"' in nights.store.log[-1].envelope


def test_a_closing_night_takes_nothing_and_can_be_closed() -> None:
    nights = night()
    session = nights.store._sessions[1]
    nights.store.commit(Commit(session, replace(session, closing=True), ()))

    for asked in ("add a game", "remove a game"):
        with pytest.raises(SessionClosed):
            ASKED[asked](nights.host, HOST, None)

    assert nights.host.close(HOST, 1)["is_active"] == 0


@pytest.mark.parametrize("losses", [3, 10_000])
def test_a_lost_race_is_run_again_for_a_while(losses: int) -> None:
    class Contested(FakeSessionStore):
        left = losses

        def start(self, *change: Any) -> None:
            if self.left:
                self.left -= 1
                raise VersionConflict
            super().start(*change)

    nights = FakeNights(Contested())

    if losses == 3:
        assert nights.host.start(HOST, None)["id"] == 1
        assert nights.waits == 3
    else:
        with pytest.raises(Contended) as failure:
            nights.host.start(HOST, None)
        assert failure.value.retryable


def test_a_request_in_its_own_way_has_its_first_answer() -> None:
    nights = night()
    first: list[Json] = []

    def overtaken_by_itself() -> Json:
        first.append(nights.host.close(HOST, 1, KEY))
        raise SessionClosed(1)

    answer = Idempotent(nights.store, Backoff()).once(KEY, overtaken_by_itself)

    assert first == [answer]
