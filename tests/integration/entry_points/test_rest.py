import importlib
import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api.specifications.served import ASYNCAPI, FOLDER, OPENAPI
from chalicelib.bootstrap import application
from chalicelib.nights.ports import Commit
from tests.integration.entry_points.conftest import Answer, Service

NIGHT = "/api/sessions/{session_id}"
GAMES, VOTES, CLOSE, EVENTS = (f"{NIGHT}/{rest}" for rest in ("games", "votes", "close", "events"))


class Context:
    """What a handler asks of its Lambda context."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def night(service: Service, games: int = 0) -> str:
    started = service.ask("POST", "/api/sessions", {"notes": "Friday"})
    session_id = str(started.body["id"])
    for number in range(games):
        service.ask("POST", GAMES, {"title": f"Game {number + 1}"}, session_id=session_id)
    return session_id


def problem(answer: Answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["status"] == answer.status
    return answer.status, answer.body["code"]


def test_a_client_is_told_where_everything_is(service: Service) -> None:
    told = service.ask("GET", "/api", token=None)

    assert told.body == {
        "name": "Game Night Live",
        "version": "0.1.0",
        "websocket_url": "wss://nights.example/live",
        "openapi_url": "https://nights.example/api/openapi.json",
        "asyncapi_url": "https://nights.example/api/asyncapi.json",
    }


@pytest.mark.parametrize("name", [OPENAPI, ASYNCAPI])
def test_the_specifications_are_served_to_anyone(service: Service, name: str) -> None:
    served = service.ask("GET", f"/api/{name}", token=None)

    assert served.text == (FOLDER / name).read_text()
    assert (served.status, served.headers["Content-Type"]) == (200, "application/json")


def test_without_a_body_any_content_type_is_fine(service: Service) -> None:
    answer = service.ask("GET", "/api/sessions", headers={"Content-Type": "text/plain"})

    assert answer.status == 200


def test_a_whole_night(service: Service) -> None:
    session_id = night(service)
    game = service.ask("POST", GAMES, {"title": "Quiplash", "min_players": 3}, session_id=session_id)
    vote = service.ask(
        "POST", VOTES, {"username": "Zoë", "type": "up"}, session_id=session_id, token=service.bot
    )
    shown = service.ask("GET", NIGHT, session_id=session_id, token=service.bot)
    active = service.ask("GET", "/api/sessions/active", token=service.bot)
    closed = service.ask("POST", CLOSE, session_id=session_id)
    listed = service.ask("GET", "/api/sessions", token=service.bot)
    events = service.ask("GET", EVENTS, session_id=session_id, token=service.bot)

    assert (game.status, game.headers["Location"], game.body["id"]) == (201, "/api/sessions/1", 1)
    assert (vote.status, vote.body["totals"]) == (201, {"upvotes": 1, "downvotes": 0, "score": 1})
    assert (shown.status, shown.body["games"][0]["totals"]["score"]) == (200, 1)
    assert (active.status, active.body["id"], active.body["games_played"]) == (200, 1, 1)
    assert (closed.status, closed.body["is_active"]) == (200, 0)
    assert [one["ended_at"] for one in listed.body["sessions"]] == [closed.body["ended_at"]]
    assert [one["type"] for one in events.body["events"]] == [
        "session.started",
        "game.added",
        "vote.received",
        "session.ended",
    ]
    assert events.body["events"][2]["data"] == vote.body
    assert events.body["events"][3]["data"]["session"] == closed.body
    assert problem(service.ask("GET", "/api/sessions/active")) == (404, "no_active_session")


def test_events_are_polled_page_by_page(service: Service) -> None:
    session_id = night(service, games=4)
    first = service.ask("GET", EVENTS, query={"limit": "3"}, session_id=session_id)

    rest = service.ask("GET", EVENTS, query={"since": first.body["cursor"]}, session_id=session_id)

    assert (len(first.body["events"]), first.body["more"], first.body["recovered"]) == (3, True, True)
    assert (len(rest.body["events"]), rest.body["more"], rest.body["recovered"]) == (2, False, True)
    assert first.headers["Content-Type"] == "application/json"


def test_sessions_are_polled_page_by_page(service: Service) -> None:
    for _ in range(3):
        night(service)
    first = service.ask("GET", "/api/sessions", query={"limit": "2"})

    rest = service.ask("GET", "/api/sessions", query={"since": first.body["cursor"]})

    assert [one["id"] for one in first.body["sessions"]] == [1, 2]
    assert [one["id"] for one in rest.body["sessions"]] == [3]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": "yesterday"}, "invalid_cursor"),
        ({"limit": "0"}, "invalid_request"),
        ({"limit": "many"}, "invalid_request"),
    ],
)
def test_a_query_that_breaks_the_contract_is_a_400(
    service: Service, query: dict[str, str], code: str
) -> None:
    night(service)

    assert problem(service.ask("GET", "/api/sessions", query=query)) == (400, code)
    assert problem(service.ask("GET", EVENTS, query=query, session_id="1")) == (400, code)


@pytest.mark.parametrize("session_id", ["99", "0", "x", "-1"])
@pytest.mark.parametrize(
    ("method", "route", "body"),
    [
        ("GET", NIGHT, None),
        ("GET", EVENTS, None),
        ("POST", GAMES, {"title": "Quiplash"}),
        ("POST", VOTES, {"username": "zoë", "type": "up"}),
        ("POST", CLOSE, None),
    ],
)
def test_a_session_that_is_not_there_is_a_404(
    service: Service, method: str, route: str, body: Any, session_id: str
) -> None:
    assert problem(service.ask(method, route, body, session_id=session_id)) == (404, "session_not_found")


def test_what_a_night_cannot_take_is_409_or_404(service: Service) -> None:
    session_id = night(service)
    vote = {"username": "zoë", "type": "up"}

    no_game = service.ask("POST", VOTES, vote, session_id=session_id)
    no_such_game = service.ask("POST", VOTES, {**vote, "game_id": 1}, session_id=session_id)
    service.ask("POST", CLOSE, session_id=session_id)
    closed = [
        service.ask("POST", CLOSE, session_id=session_id),
        service.ask("POST", VOTES, vote, session_id=session_id),
        service.ask("POST", GAMES, {"title": "Quiplash"}, session_id=session_id),
    ]

    assert problem(no_game) == (409, "no_game")
    assert problem(no_such_game) == (404, "game_not_found")
    assert [problem(one) for one in closed] == [(409, "session_closed")] * 3


def test_a_vote_in_a_crowd_is_202_and_counted_later(service: Service) -> None:
    session_id = night(service, games=1)
    pending = {"PK": {"S": f"pending#{session_id}"}, "SK": {"S": "01762027200000#id"}}
    record = {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "5", "Keys": pending}}
    sessions = application()._sessions
    session = sessions.session(int(session_id))
    assert session is not None
    sessions.commit(Commit(session, replace(session, crowded_until=4_000_000_000_000), ()))

    vote = {"username": "zoë", "type": "up"}
    answers = [
        service.ask("POST", VOTES, vote, session_id=session_id, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    done = importlib.import_module("app").broadcast({"Records": [record]}, Context())

    assert [answer.status for answer in answers] == [202, 202]
    assert answers[0].text == answers[1].text
    assert answers[0].headers["Location"] == f"/api/sessions/{session_id}"
    assert list(answers[0].body) == ["session", "game", "vote"]
    assert done == {"batchItemFailures": []}
    [game] = service.ask("GET", NIGHT, session_id=session_id).body["games"]
    assert game["totals"] == {"upvotes": 1, "downvotes": 0, "score": 1}


def test_what_only_hosts_may_do_is_403_for_bots(service: Service) -> None:
    session_id = night(service)

    refused = [
        service.ask("POST", GAMES, {"title": "Quiplash"}, session_id=session_id, token=service.bot),
        service.ask("POST", CLOSE, session_id=session_id, token=service.bot),
        service.ask("POST", "/api/tokens", {"name": "x", "ttl_seconds": 60}, token=service.bot),
    ]

    assert [problem(one) for one in refused] == [(403, "forbidden")] * 3


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("GET", "/api/sessions"),
        ("GET", "/api/sessions/active"),
        ("GET", NIGHT),
        ("GET", EVENTS),
        ("POST", GAMES),
        ("POST", VOTES),
        ("POST", CLOSE),
        ("POST", "/api/tokens"),
    ],
)
def test_without_a_token_nothing_is_told(service: Service, method: str, route: str) -> None:
    refused = service.ask(method, route, token=None, session_id="1" if "{" in route else None)

    assert problem(refused) == (401, "token_missing")
    assert refused.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("route", "body", "other"),
    [
        ("/api/sessions", {"notes": "a"}, {"notes": "b"}),
        (GAMES, {"title": "a"}, {"title": "b"}),
        (VOTES, {"username": "a", "type": "up"}, {"username": "a", "type": "down"}),
        ("/api/tokens", {"name": "a", "ttl_seconds": 60}, {"name": "b", "ttl_seconds": 60}),
    ],
)
def test_the_same_key_with_another_body_is_a_422(service: Service, route: str, body: Any, other: Any) -> None:
    night(service, games=1)
    night_id = "1" if "{" in route else None
    key = {"Idempotency-Key": "k-1"}
    first = service.ask("POST", route, body, headers=key, session_id=night_id)
    before = service.ask("GET", EVENTS, session_id="1").text

    again = service.ask("POST", route, body, headers=key, session_id=night_id)
    refused = service.ask("POST", route, other, headers=key, session_id=night_id)

    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.headers == first.headers
    assert problem(refused) == (422, "idempotency_mismatch")
    assert service.ask("GET", EVENTS, session_id="1").text == before


def test_closing_again_under_the_same_key_is_not_an_error(service: Service) -> None:
    session_id = night(service)
    key = {"Idempotency-Key": "k-1"}

    first = service.ask("POST", CLOSE, headers=key, session_id=session_id)
    again = service.ask("POST", CLOSE, headers=key, session_id=session_id)

    assert (first.status, again.status) == (200, 200)
    assert first.body == again.body


def test_a_minted_token_works_and_no_cache_keeps_it(service: Service) -> None:
    minted = service.ask("POST", "/api/tokens", {"name": "discord", "ttl_seconds": 3600})

    assert (minted.status, minted.body["role"], minted.body["sub"]) == (201, "bot", "discord")
    assert minted.headers["Cache-Control"] == "no-store"
    assert service.ask("GET", "/api/sessions", token=minted.body["token"]).status == 200


def test_envelopes_are_polled_byte_for_byte(service: Service) -> None:
    night(service)

    text = service.ask("GET", EVENTS, session_id="1").text

    envelope = json.loads(text)["events"][0]
    assert json.dumps(envelope, separators=(",", ":"), ensure_ascii=False) in text
