"""What is read from a body, and what its sender is told of anything that is wrong."""

import json

import msgspec
import pytest

from chalicelib.api.rest import bodies, problems
from chalicelib.api.rest.bodies import NewGame, NewSession, NewToken, NewVote, body_of
from chalicelib.api.validation_messages import HALF_A_CHARACTER
from chalicelib.errors import Contended, GameNightError, InvalidRequest, TooManyGames, Unavailable
from chalicelib.nights import games
from chalicelib.nights.votes import VoteRequest, VoteType


def test_games_and_votes_are_read_with_all_fields() -> None:
    game = body_of('{"title":"Q","pack_name":"P","min_players":3,"max_players":8}', NewGame)
    vote = body_of('{"username":"Zoë","type":"down","game_id":3}', NewVote)

    assert game.as_game() == games.NewGame("Q", "P", 3, 8)
    assert body_of('{"title":"Q","pack_name":null}', NewGame).as_game() == games.NewGame("Q")
    assert vote.as_request() == VoteRequest("Zoë", VoteType.DOWN, 3)


@pytest.mark.parametrize("written", ["3", "3.0", "3e0", "30e-1", "0.3E1"])
def test_an_integer_is_read_however_it_is_written(written: str) -> None:
    assert repr(body_of(f'{{"title":"Q","min_players":{written}}}', NewGame).min_players) == "3"


DAY = 24 * 60 * 60
EXAMPLES: dict[type[msgspec.Struct], dict[str, object]] = {
    NewSession: {"notes": "Friday"},
    NewGame: {"title": "Fibbage"},
    NewVote: {"username": "zoe", "type": "up"},
    NewToken: {"name": "kosmi", "ttl_seconds": DAY},
}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        *((NewSession, {"notes": notes}) for notes in ("x" * 500, "🎲" * 500, None, "", " \t\n ")),
        (NewGame, {"title": "🎲" * 200, "pack_name": "x" * 200, "min_players": 1, "max_players": 1000}),
        (NewGame, {"pack_name": None, "min_players": 1000, "max_players": None}),
        (NewVote, {"username": "🎲" * 80, "game_id": 1.0}),
        (NewVote, {"game_id": None}),
        (NewToken, {"name": "x", "ttl_seconds": 60}),
        (NewToken, {"name": "x" * 128, "ttl_seconds": 366 * DAY}),
    ],
)
def test_a_field_may_reach_its_limits(kind: type[msgspec.Struct], fields: dict[str, object]) -> None:
    read = body_of(json.dumps({**EXAMPLES[kind], **fields}), kind)

    assert {name: getattr(read, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("kind", "field", "values"),
    [
        (NewSession, "notes", ["x" * 501, "🎲" * 501, 5, True, [], {}]),
        (NewGame, "title", [None, 5, "", " \t", "x" * 201, "🎲" * 201, ["x"]]),
        (NewGame, "pack_name", [5, "", " \t", "x" * 201]),
        (NewGame, "min_players", [0, -1, 1001, 1.5, "3", True]),
        (NewGame, "max_players", [0, 1001, 1.5, "3"]),
        (NewVote, "username", [None, 5, "", " \n", "x" * 81, ["zoe"]]),
        (NewVote, "type", [None, "UP", "sideways", "", 1, True]),
        (NewVote, "game_id", [0, -1, 1.5, "1", True, 2**53 + 1]),
        (NewToken, "name", [None, 5, "", " ", "x" * 129]),
        (NewToken, "ttl_seconds", [None, 0, 59, 366 * DAY + 1, 60.5, "60", True]),
    ],
)
def test_a_field_out_of_bounds_is_named(kind: type[msgspec.Struct], field: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(InvalidRequest) as refused:
            body_of(json.dumps({**EXAMPLES[kind], field: value}), kind)

        assert [one.field for one in refused.value.errors] == [field], value


@pytest.mark.parametrize("written", ["3.5", "1e400", "-1e400", "0.0", "1e308", '"3"', '"3.0"'])
def test_what_is_no_integer_in_bounds_is_refused(written: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        body_of(f'{{"title":"Q","min_players":{written}}}', NewGame)

    assert [one.field for one in refused.value.errors] == ["min_players"]


def test_fewer_players_at_most_than_at_least_are_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        NewGame("Quiplash", None, 4, 3).as_game()

    assert [one.field for one in refused.value.errors] == ["min_players"]


def test_bodies_that_say_the_same_are_one_request() -> None:
    one, same = (
        bodies.idempotent_request({"idempotency-key": "k"}, "host", "POST /x", body_of(text, NewGame))
        for text in ('{"title":"Q","min_players":3}', '{ "min_players": 3.0, "title": "Q" }')
    )

    elsewhere = bodies.idempotent_request({"idempotency-key": "k"}, "host", "POST /y", NewGame("Q", None, 3))

    assert one == same is not None
    assert elsewhere != one


@pytest.mark.parametrize("key", ["", "k" * 256, "é", "k\u0000", "k\n", "\u007f"])
def test_a_bad_key_is_refused_by_name(key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        bodies.idempotent_request({"idempotency-key": key}, "host", "POST /x", NewSession())

    assert [one.field for one in refused.value.errors] == ["Idempotency-Key"]


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        (NewGame, "{}", "Expected a field title."),
        (NewGame, '{"title":"x","players":3}', "There is no field players here; leave it out."),
        (NewGame, '{"title":"\\u001f\\u0085\\ufeff"}', "Expected text that is not blank, in title."),
        (NewGame, '{"title":5}', "Expected text, got a whole number, in title."),
        (NewGame, '{"title":"x","min_players":0}', "Expected a whole number, 1 or more, in min_players."),
        (NewSession, '{"notes":[]}', "Expected text or null, got an array, in notes."),
        (NewSession, f'{{"notes":"{"x" * 501}"}}', "Expected text of 500 characters at most, in notes."),
        (NewVote, '{"username":"zoë","type":"UP"}', "Expected up or down, got 'UP', in type."),
        (NewVote, "[]", "Expected an object, got an array."),
        (NewVote, '{"username"', "The body is not JSON: it ends too early."),
        (NewVote, '{"username":"\\ud800', "The body is not JSON: it ends too early."),
        (NewSession, '{"notes":"\\ud800"}', f"The body is not JSON: {HALF_A_CHARACTER}."),
        (NewSession, '{"notes":"\\ud800 more"}', f"The body is not JSON: {HALF_A_CHARACTER} (byte 16)."),
        (NewSession, '{"notes":"\\udc00"}', f"The body is not JSON: {HALF_A_CHARACTER} (byte 16)."),
        (NewVote, b'{"username":"\xff"}', "The body is not JSON: it is not UTF-8."),
        (NewSession, "{} {}", "The body is not JSON: trailing characters (byte 4)."),
    ],
)
def test_a_body_is_refused_in_words(kind: type[msgspec.Struct], text: str | bytes, told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        body_of(text, kind)

    assert refused.value.detail == told


def test_what_is_no_json_is_an_error_of_the_body() -> None:
    with pytest.raises(InvalidRequest) as refused:
        body_of("{", NewSession)

    [error] = json.loads(problems.problem_of(refused.value).body)["errors"]
    assert error == {"field": "(the whole body)", "message": "The body is not JSON: it ends too early"}


@pytest.mark.parametrize("body", [{"x" * 9000: 1}, {"username": "z", "type": "x" * 9000}])
def test_no_error_repeats_all_that_was_sent(body: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        body_of(json.dumps(body), NewVote)

    assert len(refused.value.detail) < 100


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (TooManyGames(17), 409, "too_many_games", None),
        (GameNightError("A defect."), 500, "internal_error", None),
        (Contended("Later."), 503, "contended", "1"),
        (Unavailable("Later."), 503, "unavailable", "1"),
    ],
)
def test_an_error_has_its_status_and_code(
    error: GameNightError, status: int, code: str, retry_after: str | None
) -> None:
    problem = problems.problem_of(error)

    assert (problem.status, json.loads(problem.body)["code"]) == (status, code)
    assert problem.headers.get("Retry-After") == retry_after


def test_another_content_type_is_told_what_to_send() -> None:
    told = problems.problem_of_framework(415, "Unsupported media type: text/plain")

    assert "Content-Type: application/json" in json.loads(told.body)["detail"]
    assert "text/plain" in json.loads(told.body)["detail"]
