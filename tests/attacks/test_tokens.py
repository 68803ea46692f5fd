"""Forged tokens, each at every door: all routes that ask for one, ``auth``, and ``auth`` of one who is in."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from chalicelib.auth.secrets import TokenSecrets
from infra.token_secrets import new_secrets
from tests.attacks.forgeries import FORGERIES, Forge
from tests.attacks.service import AttackedService, attacked
from tests.attacks.surface import LOCKED

NO_BEARERS = ["{real}", "Bearer", "Bearer ", "Basic {real}", "Token {real}", "Bearer, {real}", "JWT {real}"]
NO_BEARERS += ["Bearer{real}", "", " ", "Bearer\t"]
"""Values of the header Authorization that hold no bearer's token."""


@pytest.fixture
def service() -> Iterator[AttackedService]:
    ended = replace(new_secrets().current, until=1)
    with attacked(TokenSecrets(new_secrets().current, ended)) as service:
        yield service


@pytest.fixture
def forge(service: AttackedService) -> Forge:
    assert service.secrets.previous is not None
    return Forge(service.secrets.current, service.secrets.previous, service.bot)


def test_what_a_forgery_is_made_from_is_accepted(service: AttackedService, forge: Forge) -> None:
    token = forge.signed()

    assert service.ask("GET", "/api/sessions", token).status == 200
    assert service.connect_as(token).answers[-1]["role"] == "admin"


def test_no_forged_token_opens_any_door(service: AttackedService, forge: Forge) -> None:
    insider = service.connect_as(service.bot)
    for name, make in FORGERIES.items():
        token = make(forge)
        codes = set()
        for route in LOCKED:
            answer = service.ask(route.method, route.of(service.quiet_id), token, route.body)
            assert answer.status == 401, f"{name}: {route} answered {answer}"
            assert len(token) < 8 or token not in answer.text, name
            codes.add(answer.body["code"])
        for client in (service.open(), insider := service.fresh(insider, service.bot)):
            refused = service.send(client, {"type": "auth", "token": token})
            assert refused["type"] == "auth_error", f"{name}: auth answered {refused}"
            codes.add(refused["code"])
        assert codes <= {"token_invalid", "token_expired", "token_missing"}, f"{name}: {codes}"

    assert service.cases >= 1800


@pytest.mark.parametrize("value", NO_BEARERS)
def test_a_token_counts_only_as_the_bearers(service: AttackedService, value: str) -> None:
    header = ("Authorization", value.format(real=service.admin))

    for route in LOCKED:
        answer = service.ask(route.method, route.of(service.quiet_id), body=route.body, headers=[header])
        assert (answer.status, answer.body["code"]) == (401, "token_missing")


@pytest.mark.parametrize("name", ["token", "access_token", "jwt", "Authorization"])
def test_a_token_counts_only_in_its_header(service: AttackedService, name: str) -> None:
    query = f"{name}={service.admin}&Authorization=Bearer%20{service.admin}"
    headers = [("Cookie", f"{name}={service.admin}"), ("X-Authorization", f"Bearer {service.admin}")]

    for route in LOCKED:
        path = route.of(service.quiet_id)
        assert service.ask(route.method, path, body=route.body, query=query).status == 401
        assert service.ask(route.method, path, body=route.body, headers=headers).status == 401
