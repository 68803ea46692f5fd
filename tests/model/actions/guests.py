"""How guests get in, and who is shut out; see ``hosts`` for how actions are made. ``which`` is a name.

A voter who has joined a session votes there with the guest's token (``hosts``).
"""

from math import inf
from urllib.parse import quote

from tests.model.actions.hosts import ATTEMPTS, VOTERS, answered, session_of
from tests.model.night import Night
from tests.model.world.interruptions import Interruptions


def invite(night: Night, back: int, *, keyed: bool, within: Interruptions = ()) -> None:
    """Ask for a code for a session's guests."""
    session_id = session_of(night, back)
    if not session_id:
        return
    attempts, headers = _keyed(night.new_number(), keyed=keyed)
    path, life = f"/api/sessions/{session_id}/invites", night.ledger
    answer = answered(night, "POST", path, attempts=attempts, within=within, body={}, headers=headers)
    if answer is None or life is not night.ledger:
        return
    if answer.status == 201:
        night.codes[session_id] = answer.body["code"]
    elif answer.body["code"] != "session_closed" or not _is_closing(night, session_id):
        night.complain(f"POST {path} was answered {answer}")


def join(night: Night, back: int, which: int, *, keyed: bool, within: Interruptions = ()) -> None:
    """Join a session by its code. A name is given to one request, as often as that asks."""
    session_id, name = session_of(night, back), VOTERS[which % len(VOTERS)]
    if session_id not in night.codes:
        invite(night, back, keyed=False)
    code = night.codes.get(session_id)
    if code is None:
        return
    number, person, life = night.new_number(), (session_id, name), night.ledger
    night.names_asked_for.setdefault(person, set()).add(number)
    attempts, headers = _keyed(number, keyed=keyed)
    typed = {"code": code.lower(), "name": f" {name.title()}"}
    answer = answered(
        night,
        "POST",
        "/api/join",
        attempts=attempts,
        within=within,
        body=typed,
        headers=headers,
        token=None,
    )
    if answer is None or life is not night.ledger:
        return
    if answer.status == 201:
        if person in night.joined:
            night.complain(f"{name} has joined {session_id} before, and was answered {answer}")
        night.joined[person] = answer.body["token"]
        return
    is_right = {
        "name_taken": night.names_asked_for[person] != {number},
        "invite_expired": _is_closing(night, session_id),
    }
    if not is_right.get(answer.body["code"]):
        night.complain(f"{name} could not join {session_id}: {answer}")


def shut_out(night: Night, back: int, which: int, within: Interruptions = ()) -> None:
    """Remove a guest, again after a failure. The name stays taken, and from then on the token is refused."""
    session_id, name = session_of(night, back), VOTERS[which % len(VOTERS)]
    person, life = (session_id, name), night.ledger
    token = night.joined.get(person)
    if token is not None:
        night.shut_out.setdefault(token, inf)
    path = f"/api/sessions/{session_id}/guests/{quote(name.upper())}"
    answer = answered(night, "DELETE", path, attempts=ATTEMPTS, within=within)
    if answer is None or life is not night.ledger:
        return
    if answer.status != 204 and token is not None:
        night.complain(f"{name} could not be removed from {session_id}: {answer}")
    if answer.status == 204 and token is not None:
        night.shut_out[token] = min(night.shut_out[token], night.new_number())
    if answer.status == 204 and person not in night.names_asked_for:
        night.complain(f"{name} never asked to join {session_id}, and was removed")


def _keyed(number: int, *, keyed: bool) -> tuple[int, list[tuple[str, str]]]:
    """Return how often to ask, and the headers: without a key only once."""
    return (ATTEMPTS, [("Idempotency-Key", f"key{number}")]) if keyed else (1, [])


def _is_closing(night: Night, session_id: int) -> bool:
    return f"the end of {session_id}" in night.asked_at
