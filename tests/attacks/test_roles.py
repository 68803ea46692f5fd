"""Who may do what: every route and every frame of the documents, for everyone who might try.

Nothing is listed here: what is added to the service is in its documents, and so in these tests.
"""

from collections.abc import Iterator

import pytest

from tests.attacks.service import OPENAPI, AttackedService, attacked
from tests.attacks.surface import FRAMES, LOCKED, ROUTES, ClientFrame, Route

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW")
REFUSED = {
    "nobody": (401, "token_missing"),
    "stranger": (401, "token_invalid"),
    "expired": (401, "token_expired"),
}


@pytest.fixture(scope="module")
def service() -> Iterator[AttackedService]:
    with attacked() as service:
        yield service


@pytest.fixture
def night(service: AttackedService) -> int:
    """A night of its own for each test, with a game to vote for."""
    return service.start()


@pytest.fixture
def tokens(service: AttackedService) -> dict[str, str | None]:
    known = {"admin": service.admin, "bot": service.bot, "guest": service.guests[service.quiet_id]}
    return {**known, "nobody": None, "stranger": "junk", "expired": service.expired}


def test_every_route_and_frame_says_who_may() -> None:
    operations = [one for path in OPENAPI["paths"].values() for one in path.values()]

    assert all("security" in one for one in operations)
    assert len(ROUTES) == len(operations)
    assert frozenset().union(*(one.roles for one in ROUTES), *(one.roles for one in FRAMES)) == {
        "admin",
        "bot",
        "guest",
    }


@pytest.mark.parametrize("route", [one for one in LOCKED if "{session_id}" in one.path], ids=str)
def test_a_guest_is_let_into_no_other_night(service: AttackedService, night: int, route: Route) -> None:
    other = service.guests[service.quiet_id]
    before = service.events(night)

    for path in (route.of(night), route.of(10**9)):
        answer = service.ask(route.method, path, other, route.body, query=route.query)
        assert (answer.status, answer.body["code"]) == (403, "forbidden"), answer

    assert service.events(night) == before


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_route_lets_in_whom_its_document_names(
    service: AttackedService, tokens: dict[str, str | None], route: Route
) -> None:
    for who, token in tokens.items():
        night = service.start()
        before = service.events(night)

        shown = service.guests[night] if who == "guest" else token
        body = service.with_code(route.body, night)

        answer = service.ask(route.method, route.of(night), shown, body, query=route.query)

        if not route.roles or who in route.roles:
            assert answer.status == min(route.statuses), (who, answer)
        else:
            assert (answer.status, answer.body["code"]) == REFUSED.get(who, (403, "forbidden")), who
            assert service.events(night) == before, who


@pytest.mark.parametrize("route", LOCKED, ids=str)
def test_who_may_not_is_told_so_first(
    service: AttackedService, tokens: dict[str, str | None], night: int, route: Route
) -> None:
    for who, (status, code) in REFUSED.items():
        told = set()
        for path in (route.of(night), route.of(10**9), route.of("x")):
            for body in (None, b"{", b"\xff", b"x" * 40_000):
                answer = service.ask(route.method, path, tokens[who], body, query="since=junk&limit=junk")

                assert (answer.status, answer.body["code"]) == (status, code), (who, path, body)
                told.add(answer.text)
        assert len(told) == 1, told  # nobody learns which nights there are


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_an_undocumented_method_does_nothing(service: AttackedService, night: int, path: str) -> None:
    known = {route.method for route in ROUTES if route.path == path}
    before, sessions = service.events(night), service.ledger.sessions
    where = next(route for route in ROUTES if route.path == path).of(night)

    for method in [one for one in METHODS if one not in known]:
        answer = service.ask(method, where, service.admin, {})
        assert (answer.status, answer.body["code"]) == (405, "method_not_allowed"), method
    for override in ("X-HTTP-Method-Override", "X-Method-Override", "_method"):
        for method in known:
            headers = [(override, "POST")]
            service.ask(method, where, service.bot, {}, headers=headers)

    assert service.events(night) == before
    assert service.ledger.sessions == sessions


@pytest.mark.parametrize("frame", FRAMES, ids=str)
def test_a_frame_lets_in_whom_it_names(service: AttackedService, night: int, frame: ClientFrame) -> None:
    for token in (None, service.bot, service.admin, service.guests[night]):
        client = service.open() if token is None else service.connect_as(token)
        client.subscribed.add(night)

        answer = service.send(client, frame.about(night))

        let_in = answer.get("code") != "not_authenticated"
        assert let_in is (not frame.roles or token is not None), (token, answer)
        assert not service.closed(client)
