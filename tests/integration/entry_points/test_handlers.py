"""What is deployed, on its own wiring; what each route promises: conformance."""

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.bootstrap import application
from chalicelib.nights.ports import Commit
from tests.integration.entry_points.conftest import Context, Service

NIGHT = "/api/sessions/1"


def test_a_whole_night_is_kept_in_the_tables(service: Service) -> None:
    _, session = service.ask("POST", "/api/sessions", {"notes": "Friday"})
    _, game = service.ask("POST", f"{NIGHT}/games", {"title": "Quiplash"})
    _, vote = service.ask("POST", f"{NIGHT}/votes", {"username": "Zoë", "type": "up"})
    _, active = service.ask("GET", "/api/sessions/active")
    _, ended = service.ask("POST", f"{NIGHT}/close")

    _, shown = service.ask("GET", NIGHT)
    _, polled = service.ask("GET", f"{NIGHT}/events")
    status, none_active = service.ask("GET", "/api/sessions/active")
    assert active == {**session, "games_played": 1, "ended_at": None}
    assert shown == {**ended, "games": [{**game, "totals": vote["totals"]}]}
    assert [event["data"] for event in polled["events"]] == [
        {"session": session},
        {"session": {"id": 1, "is_active": 1, "games_played": 1}, "game": game},
        vote,
        {"session": ended},
    ]
    assert (status, none_active["code"]) == (404, "no_active_session")


def test_a_vote_in_a_crowd_is_counted_later(service: Service) -> None:
    service.ask("POST", "/api/sessions")
    service.ask("POST", f"{NIGHT}/games", {"title": "Quiplash"})
    sessions = application()._sessions
    session = sessions.session(1)
    assert session is not None
    sessions.commit(Commit(session, replace(session, crowded_until=4_000_000_000_000), ()))
    pending = {"PK": {"S": "pending#1"}, "SK": {"S": "01762027200000#id"}}
    record = {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "5", "Keys": pending}}

    vote = {"username": "zoë", "type": "up"}
    first, again = [service.ask("POST", f"{NIGHT}/votes", vote, key="k") for _ in range(2)]
    done = service.app.broadcast({"Records": [record]}, Context())

    assert (first[0], list(first[1])) == (202, ["session", "game", "vote"])
    assert again == first
    assert done == {"batchItemFailures": []}
    [game] = service.ask("GET", NIGHT)[1]["games"]
    assert game["totals"] == {"upvotes": 1, "downvotes": 0, "score": 1}


def frame(event_type: str, body: str = "") -> dict[str, Any]:
    ids = {"connectionId": "abc=", "apiId": "api", "stage": "dev", "domainName": "d"}
    return {"requestContext": {**ids, "eventType": event_type}, "body": body}


@pytest.mark.parametrize("function", ["websocket_connect", "websocket_disconnect"])
def test_a_frame_neither_opens_nor_ends_its_connection(
    service: Service, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """API Gateway hands a frame to the function of another route, as a client's ``action`` asks for."""
    called: list[str] = []
    connections = SimpleNamespace(connect=called.append, disconnect=called.append)
    live = SimpleNamespace(time=Recorder(), connections=connections)
    monkeypatch.setattr(service.app, "application", lambda: live)

    action = f'{{"action":"${function.partition("_")[2]}"}}'
    getattr(service.app, function)(frame("MESSAGE", action), None)

    assert called == []


class Recorder:
    """Records how long each invocation may take."""

    def __init__(self) -> None:
        self.begun: list[float | None] = []

    def begin(self, seconds: float | None) -> None:
        self.begun.append(seconds)


@pytest.mark.parametrize("fails", [False, True])
def test_calls_have_their_invocations_time_less_a_margin(
    service: Service, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    def disconnect(_: str) -> None:
        if fails:
            raise RuntimeError

    time = Recorder()
    application = SimpleNamespace(time=time, connections=SimpleNamespace(disconnect=disconnect))
    monkeypatch.setattr(service.app, "application", lambda: application)
    try:
        service.app.websocket_disconnect(frame("DISCONNECT"), Context())
    except RuntimeError:
        assert fails

    assert time.begun == [25.0, None]
