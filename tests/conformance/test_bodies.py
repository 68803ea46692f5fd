"""Bodies of every POST: what each field may hold, and what is refused by name."""

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
KILOBYTE = 1024

pytestmark = pytest.mark.usefixtures("game")


async def test_a_field_may_reach_its_limits_and_no_more(host: Host, night: Any) -> None:
    widest = {"title": "🎲" * 200, "pack_name": "x" * 200, "min_players": 1, "max_players": 1000}
    accepted = await host.send(GAMES.format(**night), widest)

    for field, value in [
        ("title", "🎲" * 201),
        ("min_players", 0),
        ("max_players", 1001),
        ("pack_name", " "),
    ]:
        answer = await host.send(GAMES.format(**night), {**widest, field: value})

        document = problem(answer, 400, "invalid_request")
        assert [error["field"] for error in document["errors"]] == [field]
    assert accepted.status_code == 201, accepted.text
    assert len(await host.polled(night["id"])) == 3


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


@pytest.mark.parametrize(
    ("text", "content_type"),
    [("", None), ("", "application/json"), (" { } ", "application/json; charset=utf-8")],
)
async def test_a_body_may_be_left_out(host: Host, text: str, content_type: str | None) -> None:
    answer = await host.post_text(text, content_type)

    assert answer.status_code == 201, answer.text
    assert answer.json()["notes"] is None


@pytest.mark.parametrize(
    ("text", "content_type", "status", "code"),
    [
        *((text, "application/json", 400, "invalid_json") for text in ("{", "{'a': 1}", '{"notes": NaN}')),
        ("{}", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("{}", "text/plain", 415, "unsupported_media_type"),
    ],
)
async def test_a_body_that_is_not_json_is_refused(
    host: Host, text: str, content_type: str, status: int, code: str
) -> None:
    problem(await host.post_text(text, content_type), status, code)


async def test_a_body_has_32_kb_at_most(host: Host) -> None:
    largest = await host.post_text("{}".ljust(32 * KILOBYTE))
    larger = await host.post_text("{}".ljust(32 * KILOBYTE + 1))
    junk = await host.post_text("junk" * 32 * KILOBYTE)

    assert largest.status_code == 201
    problem(larger, 413, "payload_too_large")
    problem(junk, 413, "payload_too_large")
