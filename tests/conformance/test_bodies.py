"""Bodies of every POST: what each field may hold, and what is refused by name."""

import json
from typing import Any

import pytest

from tests.clients import Host
from tests.conformance.problems import problem

SESSIONS, TOKENS = "/api/sessions", "/api/tokens"
GAMES, VOTES, CLOSE = (f"/api/sessions/{{id}}/{rest}" for rest in ("games", "votes", "close"))
DAY = 24 * 60 * 60
EXAMPLES: dict[str, dict[str, Any]] = {
    SESSIONS: {"notes": "Friday"},
    GAMES: {"title": "Fibbage"},
    VOTES: {"username": "zoe", "type": "up"},
    CLOSE: {},
    TOKENS: {"name": "kosmi", "ttl_seconds": DAY},
}
REFUSED: list[tuple[str, str, list[object]]] = [
    (SESSIONS, "notes", ["x" * 501, "🎲" * 501, 5, True, [], {}]),
    (GAMES, "title", [None, 5, "", " \t", "x" * 201, "🎲" * 201, ["x"]]),
    (GAMES, "pack_name", [5, "", " \t", "x" * 201]),
    (GAMES, "min_players", [0, -1, 1001, 1.5, "3", True]),
    (GAMES, "max_players", [0, 1001, 1.5, "3"]),
    (VOTES, "username", [None, 5, "", " \n", "x" * 81, ["zoe"]]),
    (VOTES, "type", [None, "UP", "sideways", "", 1, True]),
    (VOTES, "game_id", [0, -1, 1.5, "1", True, 2**53 + 1]),
    (TOKENS, "name", [None, 5, "", " ", "x" * 129]),
    (TOKENS, "ttl_seconds", [None, 0, 59, 366 * DAY + 1, 60.5, "60", True]),
]
KILOBYTE = 1024

pytestmark = pytest.mark.usefixtures("game")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (SESSIONS, {"notes": "x" * 500}),
        (SESSIONS, {"notes": "🎲" * 500}),
        (SESSIONS, {"notes": None}),
        (SESSIONS, {"notes": ""}),
        (SESSIONS, {"notes": " \t\n "}),
        (GAMES, {"title": "🎲" * 200, "pack_name": "x" * 200, "min_players": 1, "max_players": 1000}),
        (GAMES, {"pack_name": None, "min_players": 1000, "max_players": None}),
        (GAMES, {"min_players": 3.0, "max_players": 3}),
        (VOTES, {"username": "🎲" * 80, "game_id": 1.0}),
        (VOTES, {"game_id": None}),
        (TOKENS, {"name": "x", "ttl_seconds": 60}),
        (TOKENS, {"name": "x" * 128, "ttl_seconds": 366 * DAY}),
    ],
)
async def test_the_limits_themselves_are_accepted(
    host: Host, night: Any, path: str, fields: dict[str, object]
) -> None:
    answer = await host.send(path.format(**night), {**EXAMPLES[path], **fields})

    assert answer.status_code == 201, answer.text
    assert answer.json().get("notes") == fields.get("notes")


@pytest.mark.parametrize(("path", "field", "values"), REFUSED)
async def test_a_field_out_of_bounds_is_named(
    host: Host, night: Any, path: str, field: str, values: list[object]
) -> None:
    for value in values:
        answer = await host.send(path.format(**night), {**EXAMPLES[path], field: value})

        document = problem(answer, 400, "invalid_request")
        assert [error["field"] for error in document["errors"]] == [field], value
    assert len(await host.polled(night["id"])) == 2


@pytest.mark.parametrize("path", EXAMPLES)
async def test_a_body_of_another_shape_is_refused(host: Host, night: Any, path: str) -> None:
    example = EXAMPLES[path]
    required = [] if path == SESSIONS else list(example)
    incomplete = [{name: example[name] for name in example if name != left_out} for left_out in required]

    for body in ([], [example], "text", 5, True, {**example, "unknown": 1}, *incomplete):
        problem(await host.send(path.format(**night), body), 400, "invalid_request")
    null = await host.http.post(
        path.format(**night), content="null", headers={"Content-Type": "application/json"}
    )
    problem(null, 400, "invalid_request")
    assert len(await host.polled(night["id"])) == 2


async def test_fewer_players_at_most_than_at_least_are_refused(host: Host, night: Any) -> None:
    body = {"title": "Quiplash", "min_players": 4, "max_players": 3}

    answer = await host.send(GAMES.format(**night), body)

    assert problem(answer, 400, "invalid_request")["errors"][0]["field"] == "min_players"


@pytest.mark.parametrize(
    ("text", "content_type"),
    [("", None), ("", "application/json"), (" { } ", "application/json; charset=utf-8")],
)
async def test_a_body_may_be_left_out(host: Host, text: str, content_type: str | None) -> None:
    answer = await host.post_text(text, content_type)

    assert answer.status_code == 201, answer.text
    assert answer.json()["notes"] is None


@pytest.mark.parametrize(
    "text",
    ["{", "nope", "{'notes': 'x'}", '{"notes": "x",}', '{"notes": "x"} {}', '{"notes": NaN}', "notes=x"],
)
async def test_a_body_that_is_not_json_is_refused(host: Host, text: str) -> None:
    problem(await host.post_text(text), 400, "invalid_json")


@pytest.mark.parametrize("text", ["[" * 3000, '{"notes":' * 3000, '{"notes": "\\ud83c"}'])
async def test_json_that_no_parser_should_take_is_refused(host: Host, text: str) -> None:
    answer = await host.post_text(text)

    assert problem(answer, 400, answer.json()["code"])["code"] in {"invalid_json", "invalid_request"}


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain"])
async def test_a_body_of_another_content_type_is_refused(host: Host, content_type: str) -> None:
    answer = await host.post_text(json.dumps(EXAMPLES[SESSIONS]), content_type)

    problem(answer, 415, "unsupported_media_type")


async def test_a_body_has_32_kb_at_most(host: Host) -> None:
    largest = await host.post_text("{}".ljust(32 * KILOBYTE))
    larger = await host.post_text("{}".ljust(32 * KILOBYTE + 1))
    junk = await host.post_text("junk" * 32 * KILOBYTE)

    assert largest.status_code == 201
    problem(larger, 413, "payload_too_large")
    problem(junk, 413, "payload_too_large")
