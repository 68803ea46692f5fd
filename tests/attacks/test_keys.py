"""Idempotency keys of other users: a key is its user's own, and says nothing to anybody else."""

from collections.abc import Iterator
from itertools import product

import pytest

from chalicelib.auth.claims import Role
from chalicelib.auth.tokens import TokenIssuer
from chalicelib.aws.dynamodb.keys import idempotency_key
from chalicelib.idempotency import IdempotentRequest
from tests.attacks.cases import CASES
from tests.attacks.siege import HOUR, ISSUER, Siege, besieged
from tests.attacks.surface import POSTS, Route

NAMES = ["host", "host#a", "host%23a", "host ", "HOST", "höst", "host\u0301", "#", "%", "host#a#b"]
KEYS = ["k", "a#k", "#k", "%23k", "a#b#k", "b#k", " k", "k ", "K", "k" * 255]
BAD_KEYS = ["", "k" * 256, "é", "k\u0000", "k\n", "\u007f"]


@pytest.fixture
def siege() -> Iterator[Siege]:
    with besieged() as siege:
        yield siege


def admin(siege: Siege, name: str) -> str:
    return TokenIssuer(siege, ISSUER).mint(name, Role.ADMIN, HOUR)


def test_nobody_is_answered_with_what_another_has_asked(siege: Siege) -> None:
    seen: dict[str, tuple[str, str]] = {}
    for number, (name, key) in enumerate(product(NAMES, KEYS)):
        body = {"name": f"bot {number}", "ttl_seconds": 60}

        answer = siege.ask(
            "POST", "/api/tokens", admin(siege, name), body, headers=[("Idempotency-Key", key)]
        )

        assert answer.status == 201, (name, key, answer)
        assert answer.body["sub"] == body["name"]
        assert seen.setdefault(answer.body["token"], (name, key)) == (name, key)


def test_no_two_users_share_an_item_of_the_table() -> None:
    items = {
        idempotency_key(IdempotentRequest(name, key, "hash")): (name, key)
        for name, key in product(NAMES, KEYS)
    }

    assert len(items) == len(NAMES) * len(KEYS)


@pytest.mark.parametrize("route", POSTS, ids=str)
def test_a_key_of_an_admin_gives_a_bot_nothing(siege: Siege, route: Route) -> None:
    night = siege.start()
    key = [("Idempotency-Key", "k")]
    first = siege.ask(route.method, route.of(night), siege.admin, route.body, headers=key)
    happened = siege.events(night)
    bot_called_host = TokenIssuer(siege, ISSUER).mint("host", Role.BOT, HOUR)

    for token, refused in (
        (siege.bot, 403),
        (bot_called_host, 403),
        (siege.expired, 401),
        (None, 401),
        ("x", 401),
    ):
        answer = siege.ask(route.method, route.of(night), token, route.body, headers=key)

        if "bot" in route.roles and refused == 403:
            assert answer.status == first.status
        else:
            assert answer.status == refused
            assert answer.body["status"] == refused
    if "bot" not in route.roles:
        assert siege.events(night) == happened


def test_a_key_belongs_to_one_route_and_one_night(siege: Siege) -> None:
    one, another = siege.start(), siege.start()
    key = [("Idempotency-Key", "k")]
    game = {"title": "Quiplash"}
    siege.ask("POST", f"/api/sessions/{one}/games", siege.admin, game, headers=key)

    for path, body in (
        (f"/api/sessions/{another}/games", game),
        (f"/api/sessions/{one}/close", None),
        ("/api/sessions", None),
        ("/api/tokens", {"name": "k", "ttl_seconds": 60}),
    ):
        answer = siege.ask("POST", path, siege.admin, body, headers=key)

        assert (answer.status, answer.body["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("key", BAD_KEYS)
@pytest.mark.parametrize("route", POSTS, ids=str)
def test_what_is_no_key_is_told_so(siege: Siege, route: Route, key: str) -> None:
    night = siege.start()

    answer = siege.ask(
        route.method, route.of(night), siege.admin, route.body, headers=[("Idempotency-Key", key)]
    )

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "Idempotency-Key")


def test_as_many_were_tried_as_are_counted() -> None:
    tried = len(NAMES) * len(KEYS) + len(POSTS) * (5 + len(BAD_KEYS))

    assert tried >= CASES["keys"]
