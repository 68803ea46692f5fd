"""Codes and names: guessed, used twice, or made to reach further than they should."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.limits import ATTEMPTS_A_MINUTE_OF_ONE_SOURCE
from tests.attacks.service import AttackedService, attacked

NAMES = ["a/b", "..", "../votes/1", "?", "#", "%", "%2F", "a\u0000b", "\u202eeoZ", "guest#zoë", "' OR 1=1"]
NAMES += ["😀" * 20]
BODIES: list[Any] = [
    {"code": 5},
    {"code": None, "name": "Ada"},
    {"code": ["A"], "name": "Ada"},
    {"code": "A" * 65, "name": "Ada"},
    {"code": "   ", "name": "Ada"},
    {"code": "AAAAAAA", "name": ""},
    {"code": "AAAAAAA", "name": "x" * 81},
    {"code": "AAAAAAA", "name": {"$ne": ""}},
    {"code": "AAAAAAA", "name": "Ada", "role": "admin"},
    {"code": "AAAAAAA", "name": "Ada", "session_id": 1},
    {"name": "Ada"},
    [],
]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[AttackedService]:
    monkeypatch.setattr("chalicelib.auth.revocations.CACHE_SECONDS", 0)  # nobody waits here
    with attacked() as service:
        yield service


def invited(service: AttackedService, path: str) -> str:
    code: str = service.ask("POST", path, service.admin).body["code"]
    return code


def join(service: AttackedService, **body: Any) -> Any:
    return service.ask("POST", "/api/join", body=body)


@pytest.mark.parametrize("body", BODIES, ids=json.dumps)
def test_what_is_no_code_and_name_is_a_bad_request(service: AttackedService, body: Any) -> None:
    answer = service.ask("POST", "/api/join", body=body)

    assert (answer.status, answer.body["code"]) == (400, "invalid_request")


def test_guessing_ends_before_a_code_is_found(service: AttackedService) -> None:
    code = invited(service, f"/api/sessions/{service.quiet_id}/invites")

    told = {join(service, code=f"AAAA{number}", name="Eve").body["code"] for number in range(1000)}
    right = join(service, code=code, name="Eve")

    assert told == {"invite_not_found", "too_many_attempts"}
    assert (right.status, right.body["code"]) == (429, "too_many_attempts")
    service.pass_time(61)
    assert join(service, code=code, name="Eve").status == 201


def test_a_code_says_nothing_that_a_wrong_one_does_not(service: AttackedService) -> None:
    night = service.start()
    wrong = [join(service, code=one, name="Eve").text for one in ("AAAAAAA", "AAAAAAC", "x", "A" * 24)]

    assert len({*wrong}) == 1
    assert str(night) not in wrong[0]


def test_a_hosts_code_is_used_once_by_whoever_is_first(service: AttackedService) -> None:
    code = invited(service, "/api/invites")

    answers = [join(service, code=code) for _ in range(5)]

    assert [one.status for one in answers] == [201, 410, 410, 410, 410]
    assert service.ask("POST", "/api/sessions", answers[0].body["token"]).status == 201


@pytest.mark.parametrize("name", NAMES)
def test_no_name_reaches_further_than_a_name(service: AttackedService, name: str) -> None:
    night = service.start()
    here = f"/api/sessions/{night}"

    joined = join(service, code=invited(service, f"{here}/invites"), name=name)
    service.pass_time(60)  # its clock stands still, and tokens are minted in the real time
    voted = service.ask("POST", f"{here}/votes", joined.body["token"], {"username": name, "type": "up"})
    removed = service.ask("DELETE", f"{here}/guests/{quote(name, safe='')}", service.admin)
    again = service.ask("GET", here, joined.body["token"])

    assert (joined.status, joined.body["name"], voted.status, removed.status) == (201, name, 201, 204)
    assert (again.status, again.body["code"]) == (401, "token_revoked")
    assert service.ask("GET", here, service.guests[night]).status == 200
    [game] = service.ask("GET", here, service.admin).body["games"]
    assert game["totals"]["score"] == 2  # Zoë's, and this guest's


def test_a_key_gives_a_token_only_to_who_has_the_code_and_the_name(service: AttackedService) -> None:
    code = invited(service, f"/api/sessions/{service.quiet_id}/invites")
    key = [("Idempotency-Key", "7e1c2f6a")]
    service.ask("POST", "/api/join", body={"code": code, "name": "Ada"}, headers=key)

    stolen = [
        service.ask("POST", "/api/join", body={"code": other, "name": name}, headers=key)
        for other, name in (("AAAAAAA", "Ada"), (code, "Eve"), (code, "ada"))
    ]

    assert {(one.status, one.body["code"]) for one in stolen} == {(422, "idempotency_mismatch")}


def test_a_removed_guest_hears_nothing_more(service: AttackedService) -> None:
    night = service.start()
    guest = service.connect_as(service.guests[night])
    guest.subscribed.add(night)
    service.send(guest, {"type": "subscribe", "sessionId": night})

    service.pass_time(60)  # its clock stands still, and tokens are minted in the real time
    service.ask("DELETE", f"/api/sessions/{night}/guests/zo%C3%AB", service.admin)
    service.ask("POST", f"/api/sessions/{night}/close", service.admin)
    service.drain()

    assert service.closed(guest)
    assert guest.answers[-1]["code"] == "token_revoked"
    assert guest.events == []
    for _ in range(2):
        late = service.open()
        assert service.send(late, {"type": "auth", "token": service.guests[night]})["code"] == "token_revoked"


def test_one_source_has_so_many_attempts_and_no_more(service: AttackedService) -> None:
    code = invited(service, f"/api/sessions/{service.quiet_id}/invites")

    statuses = [
        join(service, code=code, name=f"guest {number}").status
        for number in range(ATTEMPTS_A_MINUTE_OF_ONE_SOURCE + 5)
    ]

    assert statuses == [201] * ATTEMPTS_A_MINUTE_OF_ONE_SOURCE + [429] * 5
