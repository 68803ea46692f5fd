"""What people and machinery do on a night, each thing as a value, and how hypothesis chooses them.

An action is called with the night. Whom and what it is about are numbers that wrap around, so that every
action means something in every state; where there is nothing to do it does nothing. ``interruptions`` are
what happens within it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from chalicelib.limits import EVENT_RETENTION_SECONDS
from tests.model.clients import Asked, Client, Since
from tests.model.interruptions import FunctionFailed, Interruption
from tests.model.ledger import SESSIONS, Entry, StreamName
from tests.model.night import CLIENTS, Answer, Night

VOTERS = ("annamarialouise", "bartholomewjames")
ATTEMPTS = 3
Interruptions = Sequence[Interruption]


def session_of(night: Night, back: int) -> int:
    """Return the id of the newest session, or of one so many further back."""
    return night.ledger.sessions - back % max(night.ledger.sessions, 1)


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
    if len(fired) > 1:
        night.complain(f"{request} fired {len(fired)} times")
    if answer.status >= 400:
        ended = request.path.endswith("/close") and answer.body["code"] == "session_closed"
        if answer.body["code"] not in {"session_closed", "no_game"} or (fired and not ended):
            night.complain(f"{request} was answered {answer}, and fired {fired}")
        return
    first = night.answers.setdefault(request.key or f"no key {request.number}", answer)
    if first != answer:
        night.complain(f"{request} was answered {answer}, and {first} before")
    if not fired or _shown(fired[0]) != answer.body:
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


@dataclass(frozen=True, slots=True)
class _ClientAction:
    client: int
    interruptions: Interruptions = ()

    def _of(self, night: Night) -> Client:
        return night.clients[self.client % CLIENTS]


@dataclass(frozen=True, slots=True)
class Connect(_ClientAction):
    def __call__(self, night: Night) -> None:
        client = self._of(night)
        if client.line is None:
            night.connect(client, self.interruptions)


@dataclass(frozen=True, slots=True)
class Authenticate(_ClientAction):
    """For the first time, or once more on the same connection."""

    since: Since = Since.LAST

    def __call__(self, night: Night) -> None:
        client = self._of(night)
        if client.line is None:
            night.connect(client)
        night.say(client, "auth", SESSIONS, self.since, self.interruptions)


@dataclass(frozen=True, slots=True)
class Subscribe(_ClientAction):
    session: int = 0
    since: Since = Since.LAST

    def __call__(self, night: Night) -> None:
        client = self._of(night)
        if client.line is None:
            come_back(night, client)
        if client.line is None or not client.line.authenticated or not night.ledger.sessions:
            return
        session_id = session_of(night, self.session)
        if client.line.ear(session_id).leaving:
            # It does not know whether it has left, and what it opted in to lasts until it has.
            night.say(client, "unsubscribe", session_id)
        else:
            night.say(client, "subscribe", session_id, self.since, self.interruptions)


@dataclass(frozen=True, slots=True)
class Unsubscribe(_ClientAction):
    session: int = 0

    def __call__(self, night: Night) -> None:
        client = self._of(night)
        if client.line is None or not client.line.authenticated or not night.ledger.sessions:
            return
        night.say(
            client,
            "unsubscribe",
            session_of(night, self.session),
            interruptions=self.interruptions,
        )


@dataclass(frozen=True, slots=True)
class Vanish(_ClientAction):
    """The connection is closed; the service is told at once, later (``HearOfDeparture``) or never."""

    told: str = "at once"

    def __call__(self, night: Night) -> None:
        line = night.hang_up(self._of(night))
        if line is not None and self.told == "at once":
            night.disconnected(line, self.interruptions)
        elif line is not None and self.told == "later":
            night.departed.append(line)


@dataclass(frozen=True, slots=True)
class StopReading:
    """The next posts to the client are refused, until it reads again."""

    client: int
    posts: int

    def __call__(self, night: Night) -> None:
        line = night.clients[self.client % CLIENTS].line
        if line is not None:
            night.gateway.slow[line.connection_id] = self.posts


@dataclass(frozen=True, slots=True)
class HearOfDeparture:
    interruptions: Interruptions = ()

    def __call__(self, night: Night) -> None:
        if night.departed:
            night.disconnected(night.departed.pop(0), self.interruptions)


@dataclass(frozen=True, slots=True)
class ComeBack(_ClientAction):
    """On another connection, with the last cursor of every stream that the client was on."""

    def __call__(self, night: Night) -> None:
        come_back(night, self._of(night), self.interruptions)


def come_back(night: Night, client: Client, interruptions: Interruptions = ()) -> None:
    """Vanish, connect and resume. Each interruption happens in the resume that its ``at`` names."""
    night.hang_up(client)
    night.connect(client)
    line = client.line
    streams = [SESSIONS, *(one for one in client.epochs if one != SESSIONS)]
    for position, stream in enumerate(streams):
        if client.line is not line or (position and not (line and line.authenticated)):
            return
        if stream != SESSIONS and int(stream) > night.ledger.sessions:
            continue
        here = [
            replace(one, at=one.at // len(streams))
            for one in interruptions
            if one.at % len(streams) == position
        ]
        night.say(client, "auth" if stream == SESSIONS else "subscribe", stream, Since.LAST, here)


@dataclass(frozen=True, slots=True)
class Poll(_ClientAction):
    """A client that polls: everything there is after where it is, some entries at a time."""

    session: int = 0
    since: Since = Since.LAST
    limit: int = 50

    def __call__(self, night: Night) -> None:
        client = self._of(night)
        if not night.ledger.sessions:
            return
        poll(
            night,
            client,
            session_of(night, self.session),
            self.since,
            self.limit,
            self.interruptions,
        )


@dataclass(frozen=True, slots=True)
class ListSessions(_ClientAction):
    """A client that polls for new nights."""

    since: Since = Since.LAST
    limit: int = 50

    def __call__(self, night: Night) -> None:
        poll(night, self._of(night), SESSIONS, self.since, self.limit, self.interruptions)


def poll(  # noqa: PLR0917 - who, what, and from where
    night: Night,
    client: Client,
    stream: StreamName,
    since: Since,
    limit: int,
    interruptions: Interruptions = (),
) -> None:
    """Ask for page after page, and check every one. The interruptions are for the first."""
    ledger = night.ledger
    cursor = client.cursor(stream, since)
    path = "/api/sessions" if stream == SESSIONS else f"/api/sessions/{stream}/events"
    while True:
        asked = Asked("poll", stream, cursor, ledger.end(stream), polled=True, expires=stream != SESSIONS)
        query = f"limit={limit}" + ("" if cursor is None else f"&since={cursor}")
        try:
            answer = night.request("GET", path, query=query, interruptions=interruptions)
        except FunctionFailed:
            return
        interruptions = ()  # or who writes between any two pages would keep it busy without end
        if ledger is not night.ledger or answer.status == 503:
            return
        if answer.status != 200:
            night.complain(f"{path}?{query} was answered {answer}")
            return
        page = answer.body
        epoch, end = night.truth.check_answer(asked, page["cursor"], recovered=page["recovered"])
        start = int((cursor or "").rpartition(":")[2] or 0) if page["recovered"] else end
        entries = ledger.after(stream, start)[: end - start]
        client.resumed(asked, epoch, end, recovered=page["recovered"])
        if stream == SESSIONS:
            if [one["id"] for one in page["sessions"]] != [one.session_id for one in entries]:
                night.complain(f"{path}?{query} was answered {answer.text}")
            more = bool(page["sessions"])
        else:
            envelopes = b",".join(entry.envelope for entry in entries).decode()
            if not answer.text.startswith(f'{{"events":[{envelopes}],"cursor"'):
                night.complain(f"{path}?{query} was answered {answer.text}, and not {envelopes}")
            more = page["more"]
        client.polled(stream, epoch, range(start + 1, end + 1))
        if not more:
            if end < asked.end:
                night.complain(f"{path}?{query} ended at {end} of {asked.end}")
            return
        cursor = page["cursor"]


@dataclass(frozen=True, slots=True)
class Deliver:
    """The stream hands over ``count`` more records of a shard, behind ``again`` delivered ones."""

    shard: int
    count: int
    again: int
    interruptions: Interruptions = ()

    def __call__(self, night: Night) -> None:
        night.deliver(self.shard, self.count, self.again, self.interruptions)


@dataclass(frozen=True, slots=True)
class Work:
    """The worker of the queue gets the first job of one of the groups."""

    which: int
    interruptions: Interruptions = ()

    def __call__(self, night: Night) -> None:
        night.work(self.which, self.interruptions)


@dataclass(frozen=True, slots=True)
class DeliverAll:
    def __call__(self, night: Night) -> None:
        night.drain()


@dataclass(frozen=True, slots=True)
class Delivered:
    """Something happens, and everyone hears of it at once."""

    action: Any

    def __call__(self, night: Night) -> None:
        self.action(night)
        night.drain()


@dataclass(frozen=True, slots=True)
class SeasonPasses:
    """So long that all that was logged has expired. No connection, key or record lasts that long."""

    def __call__(self, night: Night) -> None:
        night.drain()
        night.stream.expire()
        for client in night.clients:
            night.hang_up(client)
        night.departed.clear()
        night.keyed.clear()
        night.pass_time(EVENT_RETENTION_SECONDS + 60)


@dataclass(frozen=True, slots=True)
class TablesAreMadeAnew:
    def __call__(self, night: Night) -> None:
        night.begin_life()


@dataclass(frozen=True, slots=True)
class Settle:
    """All is delivered, and what everyone has heard is checked; then everyone comes back, and once more."""

    def __call__(self, night: Night) -> None:
        night.drain()
        night.check_heard()
        for client in night.clients:
            come_back(night, client)
            for stream in client.epochs:
                if stream == SESSIONS or int(stream) <= night.ledger.sessions:
                    poll(night, client, stream, Since.BEGINNING, 3)
        night.drain()
        night.check_heard()
        for client in night.clients:
            for lack in client.behind():
                night.complain(lack)
        for entries in night.ledger.fired.values():
            if len(entries) > 1:
                night.complain(f"fired more than once: {entries}")
        self._check_heads(night)

    def _check_heads(self, night: Night) -> None:
        for session_id in range(1, night.ledger.sessions + 1):
            session = night.stores.sessions.session(session_id)
            if session.sequence != night.ledger.end(session_id):
                night.complain(f"the head of {session_id} is at {session.sequence}")
        if night.stores.sessions.head().sequence != night.ledger.sessions:
            night.complain("the head of sessions is not at their end")
