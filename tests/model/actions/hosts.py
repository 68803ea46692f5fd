"""What hosts and voters do, each thing as a value that is called with the night.

What it is about is a number that wraps around, so that every action means something in every state; where
there is nothing to do it does nothing. ``interruptions`` are what happens within it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from tests.model.actions.which import Interruptions, session_of
from tests.model.night import Night
from tests.model.world.functions import Answer
from tests.model.world.interruptions import FunctionFailed
from tests.model.world.ledger import Entry

VOTERS = ("annamarialouise", "bartholomewjames")
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Request:
    """A POST of a host. What it says tells its event from all others; ``key`` None is one without a key."""

    number: int
    key: str | None
    path: str
    body: Any
    marker: str


@dataclass(frozen=True, slots=True)
class _HostAction:
    """Something that a host asks for, under an idempotency key or without."""

    session: int
    keyed: bool
    interruptions: Interruptions = ()

    def __call__(self, night: Night) -> None:
        if self._needs_session and not night.ledger.sessions:
            return
        number = night.new_number()
        session_id = session_of(night, self.session)
        path, body, marker = self._asks(number, session_id)
        request = Request(number, f"key{number}" if self.keyed else None, path, body, marker)
        if self.keyed:
            night.keyed.append(request)
        ask(night, request, self.interruptions)

    _needs_session: ClassVar[bool] = True

    def _asks(self, number: int, session_id: int) -> tuple[str, Any, str]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Start(_HostAction):
    _needs_session: ClassVar[bool] = False

    def _asks(self, number: int, session_id: int) -> tuple[str, Any, str]:  # noqa: ARG002 - a start has none
        notes = f"night {number}: Zoë's 🎲"
        return "/api/sessions", {"notes": notes}, notes


@dataclass(frozen=True, slots=True)
class AddGame(_HostAction):
    def _asks(self, number: int, session_id: int) -> tuple[str, Any, str]:
        title = f"game {number}"
        return f"/api/sessions/{session_id}/games", {"title": title}, title


@dataclass(frozen=True, slots=True)
class Vote(_HostAction):
    def _asks(self, number: int, session_id: int) -> tuple[str, Any, str]:
        # A voter is the same however the name is typed, and no two votes are typed alike.
        name = VOTERS[number % len(VOTERS)]
        typed = "".join(
            letter.upper() if number >> place & 1 else letter for place, letter in enumerate(name)
        )
        body = {"username": typed, "type": "up" if number % 3 else "down"}
        return f"/api/sessions/{session_id}/votes", body, typed


@dataclass(frozen=True, slots=True)
class Close(_HostAction):
    def _asks(self, number: int, session_id: int) -> tuple[str, Any, str]:  # noqa: ARG002 - nothing is numbered
        return f"/api/sessions/{session_id}/close", {}, f"the end of {session_id}"


@dataclass(frozen=True, slots=True)
class AskAgain:
    """A host that does not know whether its request was heard; it may still be on its way."""

    which: int
    interruptions: Interruptions = ()

    def __call__(self, night: Night) -> None:
        if night.keyed:
            ask(night, night.keyed[-1 - self.which % len(night.keyed)], self.interruptions)


def ask(night: Night, request: Request, interruptions: Interruptions) -> None:
    """Send a request, again after a failure where it has a key, and check what is answered."""
    life = night.ledger
    for attempt in range(ATTEMPTS if request.key else 1):
        try:
            answer = night.request(
                "POST",
                request.path,
                request.body,
                key=request.key,
                interruptions=() if attempt else interruptions,
            )
        except FunctionFailed:
            continue
        if answer.status != 503 and life is night.ledger:
            _check_answer(night, request, answer)
            return


def _check_answer(night: Night, request: Request, answer: Answer) -> None:
    fired = night.ledger.fired.get(request.marker, [])
    if answer.status >= 400:
        ended = request.path.endswith("/close") and answer.body["code"] == "session_closed"
        if answer.body["code"] == "session_closed" and not ended:
            night.refused.add(request.marker)
        if answer.body["code"] not in {"session_closed", "no_game"} or (fired and not ended):
            night.complain(f"{request} was answered {answer}, and fired {fired}")
        return
    first = night.answers.setdefault(request.key or f"no key {request.number}", answer)
    if first != answer:
        night.complain(f"{request} was answered {answer}, and {first} before")
    if answer.status == 202:
        night.accepted[request.marker] = answer.body
    elif not fired or _shown(fired[0]) != answer.body:
        night.complain(f"{request} was answered {answer}, and fired {fired}")


def _shown(entry: Entry) -> Any:
    """Return the part of an event that its request is answered with."""
    data = entry.data
    match entry.type:
        case "session.started" | "session.ended":
            return data["session"]
        case "game.added":
            return data["game"]
        case _:
            return data
