import json
from typing import Any

import pytest

from chalicelib.api.specifications.served import ASYNCAPI, FOLDER, OPENAPI
from tests.integration.entry_points.conftest import Answer, House

NIGHT = "/api/sessions/{session_id}"
GAMES, VOTES, CLOSE, EVENTS = (f"{NIGHT}/{rest}" for rest in ("games", "votes", "close", "events"))


def night(house: House, games: int = 0) -> str:
    started = house.ask("POST", "/api/sessions", {"notes": "Friday"})
    session_id = str(started.body["id"])
    for number in range(games):
        house.ask("POST", GAMES, {"title": f"Game {number + 1}"}, session_id=session_id)
    return session_id


def problem(answer: Answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["status"] == answer.status
    return answer.status, answer.body["code"]


def test_a_client_is_told_where_everything_is(house: House) -> None:
    told = house.ask("GET", "/api", token=None)

    assert told.body == {
        "name": "Game Night Live",
        "version": "0.1.0",
        "websocket_url": "wss://nights.example/live",
        "openapi_url": "https://nights.example/api/openapi.json",
        "asyncapi_url": "https://nights.example/api/asyncapi.json",
    }


@pytest.mark.parametrize("name", [OPENAPI, ASYNCAPI])
def test_the_specifications_are_served_to_anyone(house: House, name: str) -> None:
    served = house.ask("GET", f"/api/{name}", token=None)

    assert served.text == (FOLDER / name).read_text()
    assert (served.status, served.headers["Content-Type"]) == (200, "application/json")


def test_a_request_without_a_body_may_have_any_type_of_content(house: House) -> None:
    answer = house.ask("GET", "/api/sessions", headers={"Content-Type": "text/plain"})

    assert answer.status == 200


def test_a_whole_night(house: House) -> None:
    session_id = night(house)
    game = house.ask("POST", GAMES, {"title": "Quiplash", "min_players": 3}, session_id=session_id)
    vote = house.ask("POST", VOTES, {"username": "Zoë", "type": "up"}, session_id=session_id, token=house.bot)
    shown = house.ask("GET", NIGHT, session_id=session_id, token=house.bot)
    active = house.ask("GET", "/api/sessions/active", token=house.bot)
    closed = house.ask("POST", CLOSE, session_id=session_id)
    listed = house.ask("GET", "/api/sessions", token=house.bot)
    events = house.ask("GET", EVENTS, session_id=session_id, token=house.bot)

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
    assert problem(house.ask("GET", "/api/sessions/active")) == (404, "no_active_session")


def test_events_are_polled_page_by_page(house: House) -> None:
    session_id = night(house, games=4)
    first = house.ask("GET", EVENTS, query={"limit": "3"}, session_id=session_id)

    rest = house.ask("GET", EVENTS, query={"since": first.body["cursor"]}, session_id=session_id)

    assert (len(first.body["events"]), first.body["more"], first.body["recovered"]) == (3, True, True)
    assert (len(rest.body["events"]), rest.body["more"], rest.body["recovered"]) == (2, False, True)
    assert first.headers["Content-Type"] == "application/json"


def test_sessions_are_polled_page_by_page(house: House) -> None:
    for _ in range(3):
        night(house)
    first = house.ask("GET", "/api/sessions", query={"limit": "2"})

    rest = house.ask("GET", "/api/sessions", query={"since": first.body["cursor"]})

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
def test_a_query_that_is_not_as_the_contract_says_is_a_400(
    house: House, query: dict[str, str], code: str
) -> None:
    night(house)

    assert problem(house.ask("GET", "/api/sessions", query=query)) == (400, code)
    assert problem(house.ask("GET", EVENTS, query=query, session_id="1")) == (400, code)


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
    house: House, method: str, route: str, body: Any, session_id: str
) -> None:
    assert problem(house.ask(method, route, body, session_id=session_id)) == (404, "session_not_found")


def test_what_a_night_cannot_take_is_a_409_or_a_404(house: House) -> None:
    session_id = night(house)
    ballot = {"username": "zoë", "type": "up"}

    no_game = house.ask("POST", VOTES, ballot, session_id=session_id)
    no_such_game = house.ask("POST", VOTES, {**ballot, "game_id": 1}, session_id=session_id)
    house.ask("POST", CLOSE, session_id=session_id)
    closed = [
        house.ask("POST", CLOSE, session_id=session_id),
        house.ask("POST", VOTES, ballot, session_id=session_id),
        house.ask("POST", GAMES, {"title": "Quiplash"}, session_id=session_id),
    ]

    assert problem(no_game) == (409, "no_game")
    assert problem(no_such_game) == (404, "game_not_found")
    assert [problem(one) for one in closed] == [(409, "session_closed")] * 3


def test_what_only_a_host_may_do_is_a_403_for_a_bot(house: House) -> None:
    session_id = night(house)

    refused = [
        house.ask("POST", GAMES, {"title": "Quiplash"}, session_id=session_id, token=house.bot),
        house.ask("POST", CLOSE, session_id=session_id, token=house.bot),
        house.ask("POST", "/api/tokens", {"name": "x", "ttl_seconds": 60}, token=house.bot),
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
def test_nothing_is_told_to_whoever_does_not_say_who_it_is(house: House, method: str, route: str) -> None:
    refused = house.ask(method, route, token=None, session_id="1" if "{" in route else None)

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
def test_the_same_key_answers_with_the_first_result_and_another_body_is_a_422(
    house: House, route: str, body: Any, other: Any
) -> None:
    night(house, games=1)
    night_id = "1" if "{" in route else None
    key = {"Idempotency-Key": "k-1"}
    first = house.ask("POST", route, body, headers=key, session_id=night_id)
    before = house.ask("GET", EVENTS, session_id="1").text

    again = house.ask("POST", route, body, headers=key, session_id=night_id)
    refused = house.ask("POST", route, other, headers=key, session_id=night_id)

    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.headers == first.headers
    assert problem(refused) == (422, "idempotency_mismatch")
    assert house.ask("GET", EVENTS, session_id="1").text == before


def test_closing_again_under_the_same_key_is_not_an_error(house: House) -> None:
    session_id = night(house)
    key = {"Idempotency-Key": "k-1"}

    first = house.ask("POST", CLOSE, headers=key, session_id=session_id)
    again = house.ask("POST", CLOSE, headers=key, session_id=session_id)

    assert (first.status, again.status) == (200, 200)
    assert first.body == again.body


def test_a_minted_token_lets_its_bot_in_and_is_not_kept_by_any_cache(house: House) -> None:
    minted = house.ask("POST", "/api/tokens", {"name": "discord", "ttl_seconds": 3600})

    assert (minted.status, minted.body["role"], minted.body["sub"]) == (201, "bot", "discord")
    assert minted.headers["Cache-Control"] == "no-store"
    assert house.ask("GET", "/api/sessions", token=minted.body["token"]).status == 200


def test_envelopes_are_polled_byte_for_byte(house: House) -> None:
    night(house)

    text = house.ask("GET", EVENTS, session_id="1").text

    envelope = json.loads(text)["events"][0]
    assert json.dumps(envelope, separators=(",", ":"), ensure_ascii=False) in text
