"""What hosts and voters do; a vote and all other requests are told apart by their own words.

``back`` is a session: the newest, or one so many further back, so that every action means something in every
state; where there is nothing to do it does nothing. ``within`` are the interruptions.
"""

from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Any

from chalicelib.nights.events import session_stream
from tests.model.clients import Client
from tests.model.night import HOST, Night
from tests.model.world.functions import Answer
from tests.model.world.interruptions import FunctionFailed, Interruptions
from tests.model.world.ledger import Entry

VOTERS = ("annamarialouise", "bartholomewjames")
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Request:
    """A POST. ``marker`` tells its event from all others; ``key`` None is one without a key."""

    number: int
    key: str | None
    path: str
    body: Any
    marker: str
    token: str


def session_of(night: Night, back: int) -> int:
    """Return the id of the newest session, or of one so many further back."""
    return night.ledger.sessions - back % max(night.ledger.sessions, 1)


def stream_of(night: Night, back: int) -> str:
    """Return the name of that session's stream."""
    return session_stream(session_of(night, back))


def start(night: Night, *, keyed: bool, within: Interruptions = ()) -> None:
    number = night.new_number()
    notes = f"night {number}: Zoë's 🎲"
    _ask_first(night, number, ("/api/sessions", {"notes": notes}, notes, HOST), within, keyed=keyed)


def of_session(night: Night, kind: str, back: int, *, keyed: bool, within: Interruptions = ()) -> None:
    """Vote in a session, add a game to it, or close it."""
    if not night.ledger.sessions:
        return
    number, session_id = night.new_number(), session_of(night, back)
    body, marker = _asked(kind, number, session_id)
    # A voter who has joined the session votes with a token of its own.
    token = night.joined.get((session_id, marker.lower()), HOST)
    _ask_first(
        night, number, (f"/api/sessions/{session_id}/{kind}", body, marker, token), within, keyed=keyed
    )


def _asked(kind: str, number: int, session_id: int) -> tuple[Any, str]:
    if kind == "games":
        return {"title": f"game {number}"}, f"game {number}"
    if kind == "close":
        return {}, f"the end of {session_id}"
    # A voter is the same however the name is typed, and no two votes are typed alike.
    name = VOTERS[number % len(VOTERS)]
    typed = "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate(name))
    return {"username": typed, "type": "up" if number % 3 else "down"}, typed


def _ask_first(
    night: Night, number: int, asked: tuple[str, Any, str, str], within: Interruptions, *, keyed: bool
) -> None:
    request = Request(number, f"key{number}" if keyed else None, *asked)
    night.asked_at[request.marker] = number
    if keyed:
        night.keyed.append(request)
    _ask(night, request, within)


def ask_again(night: Night, which: int, within: Interruptions = ()) -> None:
    """Ask what was asked before; it may still be on its way."""
    if night.keyed:
        _ask(night, night.keyed[-1 - which % len(night.keyed)], within)


def revoke(night: Night, client: Client, within: Interruptions = ()) -> None:
    """Revoke a client's tokens, again after a failure. It has others afterwards."""
    at = night.clock().timestamp()
    client.is_being_revoked()
    answer = answered(night, "DELETE", f"/api/tokens/{client.name}", attempts=ATTEMPTS, within=within)
    if answer is not None and answer.status != 204:
        night.complain(f"{client.name} could not be revoked: {answer}")
    client.was_revoked(at if answer else None)


def answered(
    night: Night,
    method: str,
    path: str,
    *,
    attempts: int,
    within: Interruptions,
    **more: Any,
) -> Answer | None:
    """Send a request, again after a failure; return the first answer but 503, None where there is none.

    The interruptions are for the first attempt. ``more`` is for ``Night.request``.
    """
    for attempt in range(attempts):
        here = () if attempt else within
        with suppress(FunctionFailed):
            answer = night.request(method, path, interruptions=here, **more)
            if answer.status != 503:
                return answer
    return None


def _ask(night: Night, request: Request, within: Interruptions) -> None:
    """Send a request, again after a failure where it has a key, and check what is answered."""
    attempts, headers = (ATTEMPTS, [("Idempotency-Key", request.key)]) if request.key else (1, [])
    life, how = night.ledger, {"body": request.body, "headers": headers, "token": request.token}
    answer = answered(night, "POST", request.path, attempts=attempts, within=within, **how)
    if answer is not None and life is night.ledger:
        _check_answer(night, request, answer)


def _check_answer(night: Night, request: Request, answer: Answer) -> None:
    fired = night.ledger.fired.get(request.marker, [])
    if answer.status == 401 and request.token in night.shut_out:
        return
    if request.number > night.shut_out.get(request.token, inf):
        night.complain(f"{request} came after its guest was removed, and was answered {answer}")
    if answer.status >= 400:
        ended = request.path.endswith("/close") and answer.body["code"] == "session_closed"
        if answer.body["code"] in {"session_closed", "game_not_found"} and not ended:
            night.refused.add(request.marker)
        if answer.body["code"] not in {"session_closed", "no_game", "game_not_found"} or (
            fired and not ended
        ):
            night.complain(f"{request} was answered {answer}, and fired {fired}")
        return
    night.answered_at.setdefault(request.marker, night.new_number())
    first = night.answers.setdefault(request.key or f"no key {request.number}", answer)
    if first != answer:
        night.complain(f"{request} was answered {answer}, and {first} before")
    if answer.status == 202:
        night.accepted[request.marker] = answer.body
    elif not fired or _shown(fired[0]) != answer.body:
        night.complain(f"{request} was answered {answer}, and fired {fired}")


def _shown(entry: Entry) -> Any:
    """Return the part of an event that its request is answered with."""
    part = {"session.started": "session", "session.ended": "session", "game.added": "game"}.get(entry.type)
    return entry.data[part] if part else entry.data
