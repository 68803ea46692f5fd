"""Idempotency keys of other users: a key is its user's own, and says nothing to anybody else."""

from collections.abc import Iterator
from itertools import product

import pytest

from chalicelib.auth.claims import Role
from chalicelib.aws.dynamodb.keys import idempotency_key
from chalicelib.idempotency import IdempotentRequest
from tests.attacks.service import AttackedService, attacked
from tests.attacks.surface import POSTS, Route

NAMES = ["host", "host#a", "host%23a", "host ", "HOST", "höst", "host\u0301", "#", "%", "host#a#b"]
KEYS = ["k", "a#k", "#k", "%23k", "a#b#k", "b#k", " k", "k ", "K", "k" * 255]


@pytest.fixture
def service() -> Iterator[AttackedService]:
    with attacked() as service:
        yield service


def test_no_two_users_share_an_item_of_the_table() -> None:
    items = {idempotency_key(IdempotentRequest(name, key, "hash")) for name, key in product(NAMES, KEYS)}

    assert len(items) == len(NAMES) * len(KEYS)


@pytest.mark.parametrize("route", POSTS, ids=str)
def test_an_admins_key_gives_nobody_else_anything(service: AttackedService, route: Route) -> None:
    night = service.start()
    key = [("Idempotency-Key", "k")]
    first = service.ask(route.method, route.of(night), service.admin, route.body, headers=key)
    before = service.events(night)

    bots = [service.bot, service.mint("host", Role.BOT)]
    for token in (*bots, service.expired, None, "x"):
        answer = service.ask(route.method, route.of(night), token, route.body, headers=key)

        if token in bots and "bot" in route.roles:
            assert answer.status == first.status
        else:
            assert answer.status == (403 if token in bots else 401)
    if "bot" not in route.roles:
        assert service.events(night) == before
