"""Who may do what: every route and every frame of the documents, for everyone who might try.

Nothing is listed here: what is added to the service is in its documents, and so in these tests.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.attacks.cases import CASES
from tests.attacks.siege import HOUR, OPENAPI, Siege, besieged
from tests.attacks.surface import FRAMES, LOCKED, METHODS, ROUTES, ClientFrame, Route

ROUNDS = 3
"""So often does everyone try everything, each time in another night."""


@pytest.fixture(scope="module")
def siege() -> Iterator[Siege]:
    with besieged() as siege:
        yield siege


@pytest.fixture
def night(siege: Siege) -> int:
    """A night of its own for each test, with a game to vote for."""
    return siege.start()


def everyone(siege: Siege) -> dict[str, str | None]:
    return {
        "admin": siege.admin,
        "bot": siege.bot,
        "nobody": None,
        "stranger": "junk",
        "expired": siege.expired,
    }


REFUSED = {
    "nobody": (401, "token_missing"),
    "stranger": (401, "token_invalid"),
    "expired": (401, "token_expired"),
}


def test_the_documents_say_of_each_route_and_frame_who_may() -> None:
    operations = [one for path in OPENAPI["paths"].values() for one in path.values()]

    assert all("security" in one for one in operations)
    assert len(ROUTES) == len(operations)
    named = [one.roles for one in ROUTES] + [one.roles for one in FRAMES]
    assert set().union(*named) == {"admin", "bot"}


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_route_lets_in_whom_its_document_names_and_tells_all_others_why_not(
    siege: Siege, route: Route
) -> None:
    for who, token in everyone(siege).items():
        night = siege.start()
        before = siege.events(night)

        answer = siege.ask(route.method, route.of(night), token, route.body)

        if not route.roles or who in route.roles:
            assert answer.status == route.success, (who, answer)
            continue
        assert (answer.status, answer.body["code"]) == REFUSED.get(who, (403, "forbidden")), who
        assert siege.events(night) == before, who


@pytest.mark.parametrize("route", LOCKED, ids=str)
def test_who_may_not_is_told_so_whatever_else_is_wrong(siege: Siege, night: int, route: Route) -> None:
    for who, (status, code) in REFUSED.items():
        token = everyone(siege)[who]
        for path in (route.of(night), route.of(10**9), route.of("x")):
            for body in (None, b"{", b"\xff", b"x" * 40_000):
                answer = siege.ask(route.method, path, token, body, query="since=junk&limit=junk")

                assert (answer.status, answer.body["code"]) == (status, code), (who, path, body)


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_a_method_that_no_document_names_does_nothing(siege: Siege, path: str) -> None:
    night = siege.start()
    known = {route.method for route in ROUTES if route.path == path}
    before, log = siege.events(night), siege.ledger.sessions

    for method in [one for one in METHODS if one not in known]:
        answer = siege.ask(method, path.format(session_id=night), siege.admin, {})

        assert answer.status == 405, method
    for override in ("X-HTTP-Method-Override", "X-Method-Override", "_method"):
        for method in known:
            siege.ask(method, path.format(session_id=night), siege.bot, {}, headers=[(override, "POST")])
    assert siege.events(night) == before
    assert siege.ledger.sessions == log


@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_a_frame_lets_in_whom_its_document_names(siege: Siege, night: int, frame: ClientFrame) -> None:
    for token in (None, siege.bot, siege.admin):
        ear = siege.knock() if token is None else siege.connect_as(token)
        ear.subscribed.add(night)

        answer = siege.say(ear, about(frame, night))

        let_in = answer.get("code") != "not_authenticated"
        assert let_in is (not frame.roles or token is not None), (token, answer)
        assert not siege.closed(ear)


@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_a_frame_of_one_whose_token_has_expired_is_answered_with_that_and_the_end(frame: ClientFrame) -> None:
    with besieged() as siege:
        night, ear = siege.start(), siege.connect_as(siege.bot)
        siege.pass_time(HOUR)

        answer = siege.say(ear, about(frame, night))

        assert answer["code"] == "token_expired"
        assert siege.closed(ear)
        siege.pass_time(-HOUR)  # for the neighbour, who is to hear the end


@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_a_frame_of_one_who_has_left_does_nothing(siege: Siege, night: int, frame: ClientFrame) -> None:
    for token in (None, siege.bot):
        ear = siege.knock() if token is None else siege.connect_as(token)
        siege.leave(ear)

        siege.say_unheard(ear, about(frame, night))
        siege.ask("POST", f"/api/sessions/{night}/votes", siege.bot, {"username": "zoe", "type": "up"})
        siege.drain()

        assert ear.events == []


def about(frame: ClientFrame, night: int) -> Any:
    """Return the documented example of a frame, about a night that is there."""
    return {**frame.example, **({"sessionId": night} if "sessionId" in frame.example else {})}


def test_all_of_it_was_tried(siege: Siege) -> None:
    assert siege.cases >= CASES["roles"]
