"""``POST /api/sessions``: what a host may send, and what the host is answered."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.clients import Bot, Connect, Host, Target
from tests.conformance.problems import problem


async def every_id_is_heard(bot: Bot, first: int, last: int) -> None:
    """Wait for all starts from one to another: ids without gaps, whoever else is starting sessions."""
    for session_id in range(first, last + 1):
        await bot.hear_start_of(session_id)


async def test_a_session_is_answered_as_the_contract_shows_it(host: Host) -> None:
    answer = await host.post({"notes": "Friday Game Night"})

    session = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert list(session) == ["id", "is_active", "created_at", "notes"]
    assert type(session["id"]) is int
    assert session["id"] > 0
    assert (session["is_active"], session["notes"]) == (1, "Friday Game Night")
    assert type(session["is_active"]) is int


async def test_the_location_leads_to_the_session(target: Target, host: Host) -> None:
    answer = await host.post({})

    location = answer.url.join(answer.headers["location"])
    assert str(location) == f"{target.rest_url}/api/sessions/{answer.json()['id']}"


async def test_the_moment_of_creation_is_now_in_utc_and_milliseconds(host: Host) -> None:
    session = await host.start()

    created_at = datetime.strptime(session["created_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert len(session["created_at"]) == len("2025-11-01T20:00:00.123Z")
    assert abs(datetime.now(UTC) - created_at) < timedelta(minutes=5)


@pytest.mark.parametrize("body", ["{}", '{"notes": null}', "", " { } "])
async def test_notes_may_be_left_out(host: Host, body: str) -> None:
    answer = await host.post_text(body)

    assert answer.status_code == 201, answer.text
    assert answer.json()["notes"] is None


async def test_the_body_may_be_left_out_with_its_content_type(host: Host) -> None:
    answer = await host.post_text("", content_type=None)

    assert answer.status_code == 201, answer.text
    assert answer.json()["notes"] is None


@pytest.mark.parametrize(
    "notes",
    [
        pytest.param("", id="empty"),
        pytest.param(" \t\n ", id="spaces"),
        pytest.param("Spieleabend für Zoë, 遊戲之夜, ليلة الألعاب", id="languages"),
        pytest.param("🎲🎉 👨‍👩‍👧‍👦 🏳️‍🌈 e\u0301", id="emoji"),
        pytest.param("\"quoted\" \\ and / </script> {'a': 1} %s {0}", id="punctuation"),
        pytest.param("a\u0000b\u001f\u2028\u2029\ufeff\U0010ffff", id="controls"),
        pytest.param("x" * 500, id="500 letters"),
        pytest.param("🎲" * 500, id="500 emoji"),
    ],
)
async def test_notes_come_back_and_are_announced_as_they_were_sent(
    target: Target, connected: Connect, host: Host, notes: str
) -> None:
    bot = await connected(target.token("bot"))

    session = await host.start(notes)

    assert session["notes"] == notes
    assert json.loads(await bot.hear_start_of(session["id"]))["data"]["session"]["notes"] == notes


@pytest.mark.parametrize("notes", ["x" * 501, "🎲" * 501, 5, 1.5, True, [], ["Friday"], {}, {"a": "b"}])
async def test_notes_that_are_no_text_of_at_most_500_characters_are_refused(
    host: Host, notes: object
) -> None:
    answer = await host.post({"notes": notes})

    document = problem(answer, 400, "invalid_request")
    assert [error["field"] for error in document["errors"]] == ["notes"]
    assert document["errors"][0]["message"]


@pytest.mark.parametrize("body", [[], [{}], None, "notes", 5, True, {"note": "x"}, {"notes": "x", "id": 1}])
async def test_a_body_of_another_shape_is_refused(host: Host, body: object) -> None:
    answer = await host.post_text(json.dumps(body))

    document = problem(answer, 400, "invalid_request")
    assert document["errors"]
    assert all(error["field"] and error["message"] for error in document["errors"])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "nope",
        "{'notes': 'x'}",
        '{"notes": "x"',
        '{"notes": "x",}',
        '{"notes": "x"} {}',
        '{"notes": NaN}',
        "notes=x",
        "<notes>x</notes>",
    ],
)
async def test_a_body_that_is_not_json_is_refused(host: Host, text: str) -> None:
    answer = await host.post_text(text)

    problem(answer, 400, "invalid_json")


@pytest.mark.parametrize("opening", ["[", '{"notes":', '{"a":['])
async def test_json_that_is_nested_without_end_is_refused(host: Host, opening: str) -> None:
    answer = await host.post_text(opening * 3000)  # below the 32 KB of a body

    problem(answer, 400, answer.json()["code"])


async def test_half_a_surrogate_pair_is_refused(host: Host) -> None:
    answer = await host.post_text('{"notes": "\\ud83c"}')

    assert answer.status_code == 400
    problem(answer, 400, answer.json()["code"])


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain"])
async def test_a_body_of_another_content_type_is_refused(host: Host, content_type: str) -> None:
    answer = await host.post_text('{"notes": "x"}', content_type)

    problem(answer, 415, "unsupported_media_type")


async def test_a_content_type_may_name_its_charset(host: Host) -> None:
    answer = await host.post_text('{"notes": "ü"}'.encode(), "application/json; charset=utf-8")

    assert answer.status_code == 201, answer.text
    assert answer.json()["notes"] == "ü"


async def test_what_was_refused_has_used_up_no_id(target: Target, connected: Connect, host: Host) -> None:
    bot = await connected(target.token("bot"))
    first = await host.start()

    await host.post({"notes": 5})
    await host.post_text("{")
    last = await host.start()

    assert last["id"] > first["id"]
    await every_id_is_heard(bot, first["id"], last["id"])


async def test_fifty_hosts_at_once_get_consecutive_ids(
    target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot"))

    sessions = await asyncio.gather(*(host.start(f"night {number}") for number in range(50)))

    ids = {session["id"] for session in sessions}
    assert len(ids) == 50
    await every_id_is_heard(bot, min(ids), max(ids))


async def test_the_same_request_sent_twice_under_a_key_happens_once(
    target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot"))
    key = {"Idempotency-Key": str(uuid.uuid4())}
    once = f"once, {uuid.uuid4()}"

    first = await host.post({"notes": once}, key)
    second = await host.post({"notes": once}, key)
    later = await host.start()

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"]
    await every_id_is_heard(bot, first.json()["id"], later["id"])
    sessions = [json.loads(text)["data"]["session"] for text in bot.heard]
    assert {session["id"] for session in sessions if session["notes"] == once} == {first.json()["id"]}


async def test_one_key_at_ten_places_at_once_happens_once(host: Host) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}

    answers = await asyncio.gather(*(host.post({"notes": "once"}, key) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_bodies_under_a_key_are_the_same_however_they_are_spaced(host: Host) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"}

    first = await host.http.post("/api/sessions", content='{"notes":"once"}', headers=headers)
    second = await host.http.post("/api/sessions", content='{ "notes" : "once" }', headers=headers)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()


async def test_another_request_under_a_used_key_is_refused(host: Host) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    await host.start("one thing", key)

    answer = await host.post({"notes": "another thing"}, key)

    problem(answer, 422, "idempotency_mismatch")


async def test_a_key_belongs_to_who_used_it(target: Target, host: Host) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    mine = await host.start("mine", key)

    async with target.host(target.token("admin", "another-host")) as other:
        theirs = await other.start("theirs", key)

    assert theirs["id"] != mine["id"]


async def test_a_key_that_is_too_long_is_refused(host: Host) -> None:
    answer = await host.post({}, {"Idempotency-Key": "x" * 256})

    problem(answer, 400, "invalid_request")


async def test_a_refused_request_does_not_use_up_its_key(host: Host) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}

    refused = await host.post({"notes": 5}, key)
    accepted = await host.post({"notes": "five"}, key)

    assert (refused.status_code, accepted.status_code) == (400, 201)
