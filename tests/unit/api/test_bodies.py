import json
from typing import Any

import pytest

from chalicelib.api.rest import bodies
from chalicelib.errors import InvalidRequest
from chalicelib.nights.games import NewGame
from chalicelib.nights.votes import VoteRequest, VoteType
from tests.fakes.identity import claims


def game(**members: Any) -> NewGame:
    return bodies.body_of(json.dumps(members), bodies.NewGame).as_game()


def test_a_game_is_read_with_all_its_fields() -> None:
    whole = game(title="Quiplash", pack_name="Party Pack 2", min_players=3, max_players=8)

    assert whole == NewGame("Quiplash", "Party Pack 2", 3, 8)
    assert game(title="é" * 200, min_players=8, max_players=8).title == "é" * 200
    assert game(title="Q", pack_name=None, min_players=None) == NewGame("Q")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": " \t"}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": 5}, "title"),
        ({"title": None}, "title"),
        ({"title": "x", "pack_name": ""}, "pack_name"),
        ({"title": "x", "pack_name": "x" * 201}, "pack_name"),
        ({"title": "x", "min_players": 0}, "min_players"),
        ({"title": "x", "min_players": "3"}, "min_players"),
        ({"title": "x", "min_players": True}, "min_players"),
        ({"title": "x", "max_players": 1001}, "max_players"),
        ({"title": "x", "max_players": 2.5}, "max_players"),
        ({"title": "x", "min_players": 9, "max_players": 8}, "min_players"),
        ({"title": "x", "players": 3}, "players"),
    ],
)
def test_a_game_that_breaks_the_contract_is_refused(members: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        game(**members)

    assert [one.field for one in refused.value.errors] == [field]


@pytest.mark.parametrize("written", ["3", "3.0", "3e0", "30e-1", "0.3E1"])
def test_an_integer_is_read_however_it_is_written(written: str) -> None:
    body = bodies.body_of(f'{{"title":"Q","min_players":{written}}}', bodies.NewGame)

    assert repr(body.min_players) == "3"


@pytest.mark.parametrize("written", ["3.5", "1e400", "-1e400", "0.0", "1e308", '"3"', '"3.0"'])
def test_what_is_no_integer_in_bounds_is_refused(written: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        bodies.body_of(f'{{"title":"Q","min_players":{written}}}', bodies.NewGame)

    assert [one.field for one in refused.value.errors] == ["min_players"]


def test_two_bodies_that_say_the_same_are_one_idempotent_request() -> None:
    asked = [
        bodies.idempotent_request(
            {"idempotency-key": "k"}, claims(), "POST /x", bodies.body_of(text, bodies.NewGame)
        )
        for text in ('{"title":"Q","min_players":3}', '{ "min_players": 3.0, "title": "Q" }')
    ]

    assert asked[0] == asked[1] is not None


def test_a_vote_is_read() -> None:
    body = bodies.body_of('{"username":"Zoë","type":"down","game_id":3}', bodies.NewVote)

    assert body.as_request() == VoteRequest("Zoë", VoteType.DOWN, 3)
    assert bodies.body_of('{"username":"Zoë","type":"up"}', bodies.NewVote).as_request().game_id is None


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"type":"up"}', "username"),
        ('{"username":"zoë"}', "type"),
        ('{"username":"zoë","type":"sideways"}', "type"),
        ('{"username":"zoë","type":"UP"}', "type"),
        ('{"username":" ","type":"up"}', "username"),
        ('{"username":"' + "x" * 81 + '","type":"up"}', "username"),
        ('{"username":"zoë","type":"up","game_id":0}', "game_id"),
        ('{"username":"zoë","type":"up","game_id":"1"}', "game_id"),
        ('{"username":"zoë","type":"up","weight":5}', "weight"),
    ],
)
def test_a_vote_that_breaks_the_contract_is_refused(text: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        bodies.body_of(text, bodies.NewVote)

    assert [one.field for one in refused.value.errors] == [field]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"name":"kosmi"}', "ttl_seconds"),
        ('{"name":"","ttl_seconds":60}', "name"),
        ('{"name":"' + "x" * 129 + '","ttl_seconds":60}', "name"),
        ('{"name":"kosmi","ttl_seconds":59}', "ttl_seconds"),
        ('{"name":"kosmi","ttl_seconds":31622401}', "ttl_seconds"),
        ('{"name":"kosmi","ttl_seconds":60,"role":"admin"}', "role"),
    ],
)
def test_a_token_that_may_not_be_is_refused(text: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        bodies.body_of(text, bodies.NewToken)

    assert [one.field for one in refused.value.errors] == [field]
