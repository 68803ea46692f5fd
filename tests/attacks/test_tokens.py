"""Forged tokens, each at every door: all routes that ask for one, ``auth``, and ``auth`` of one who is in."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.auth.secrets import TokenSecrets
from infra.token_secrets import new_secrets
from tests.attacks.cases import CASES
from tests.attacks.forgeries import FORGERIES, Forge
from tests.attacks.siege import Siege, besieged
from tests.attacks.surface import LOCKED

REFUSED = {"token_invalid", "token_expired"}
SENT_AS = [
    "{real}",
    "Bearer",
    "Bearer ",
    "Basic {real}",
    "Token {real}",
    "Bearer, {real}",
    "JWT {real}",
    "Bearer{real}",
    "",
    " ",
    "Bearer\t",
]
"""Values of the header Authorization that hold no bearer's token."""


@pytest.fixture
def siege() -> Iterator[Siege]:
    ended = replace(new_secrets().current, until=1)
    with besieged(TokenSecrets(new_secrets().current, ended)) as siege:
        yield siege


@pytest.fixture
def forge(siege: Siege) -> Forge:
    assert siege.secrets.previous is not None
    return Forge(siege.secrets.current, siege.bot, siege.secrets.previous)


def test_what_a_forgery_is_made_from_is_accepted(siege: Siege, forge: Forge) -> None:
    token = forge.signed()

    assert siege.ask("GET", "/api/sessions", token).status == 200
    assert siege.connect_as(token).told[-1]["role"] == "admin"


def test_no_forged_token_opens_any_door(siege: Siege, forge: Forge) -> None:
    insider = siege.connect_as(siege.bot)
    for name, make in FORGERIES.items():
        token = make(forge)
        codes = set()
        for route in LOCKED:
            answer = siege.ask(route.method, route.of(siege.quiet_id), token, route.body)
            assert answer.status == 401, f"{name}: {route} answered {answer}"
            codes.add(answer.body["code"])
            assert len(token) < 8 or token not in answer.text, name
        for ear in (siege.knock(), insider := siege.fresh(insider, siege.bot)):
            refused = siege.say(ear, {"type": "auth", "token": token})
            assert refused["type"] == "auth_error", f"{name}: auth answered {refused}"
            codes.add(refused["code"])
        if siege.closed(insider):
            insider = siege.connect_as(siege.bot)
        assert codes <= REFUSED | {"token_missing"}, f"{name}: {codes}"

    assert siege.cases >= CASES["tokens"]


def test_an_insider_stays_what_it_was(siege: Siege, forge: Forge) -> None:
    insider = siege.connect_as(siege.bot)

    for _ in range(2):
        siege.say(insider, {"type": "auth", "token": forge.raised()})
    other = siege.say(insider, {"type": "auth", "token": siege.admin})

    assert other["code"] == "subject_mismatch"
    assert siege.closed(insider)


@pytest.mark.parametrize("value", SENT_AS)
def test_a_token_counts_only_as_the_bearers(siege: Siege, value: str) -> None:
    for route in LOCKED:
        header = ("Authorization", value.format(real=siege.admin))
        answer = siege.ask(route.method, route.of(siege.quiet_id), body=route.body, headers=[header])

        assert (answer.status, answer.body["code"]) == (401, "token_missing")


def test_a_token_counts_nowhere_but_in_its_header(siege: Siege) -> None:
    for route in LOCKED:
        for name in ("token", "access_token", "jwt", "Authorization"):
            elsewhere = [
                siege.ask(
                    route.method,
                    route.of(siege.quiet_id),
                    body=route.body,
                    query=f"{name}={siege.admin}&Authorization=Bearer%20{siege.admin}",
                ),
                siege.ask(
                    route.method,
                    route.of(siege.quiet_id),
                    body=route.body,
                    headers=[
                        ("Cookie", f"{name}={siege.admin}"),
                        ("X-Authorization", f"Bearer {siege.admin}"),
                    ],
                ),
            ]
            assert [answer.status for answer in elsewhere] == [401, 401]


def test_the_third_forgery_closes_a_connection_whatever_lies_between(siege: Siege, forge: Forge) -> None:
    stranger = siege.knock()
    for attempt in range(3):
        assert not siege.closed(stranger), attempt
        siege.say(stranger, {"type": "ping"})
        siege.say(stranger, "junk")
        siege.say(stranger, {"type": "auth", "token": forge.token()})

    assert siege.closed(stranger)
