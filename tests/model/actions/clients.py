"""What clients do on their connections; see ``hosts`` for how actions are made."""

from dataclasses import dataclass, replace

from tests.model.actions.which import Interruptions, stream_of
from tests.model.clients import Client, Since
from tests.model.night import CLIENTS, Night
from tests.model.world.ledger import SESSIONS


@dataclass(frozen=True, slots=True)
class ClientAction:
    client: int
    interruptions: Interruptions = ()

    def _of(self, night: Night) -> Client:
        return night.clients[self.client % CLIENTS]


@dataclass(frozen=True, slots=True)
class Connect(ClientAction):
    def __call__(self, night: Night) -> None:
        client = self._of(night)
        if client.line is None:
            night.connect(client, self.interruptions)


@dataclass(frozen=True, slots=True)
class Authenticate(ClientAction):
    """For the first time, or once more on the same connection."""

    since: Since = Since.LAST

    def __call__(self, night: Night) -> None:
        client = self._of(night)
        if client.line is None:
            night.connect(client)
        night.say(client, "auth", SESSIONS, self.since, self.interruptions)


@dataclass(frozen=True, slots=True)
class Subscribe(ClientAction):
    session: int = 0
    since: Since = Since.LAST

    def __call__(self, night: Night) -> None:
        client = self._of(night)
        if client.line is None:
            come_back(night, client)
        if client.line is None or not client.line.authenticated or not night.ledger.sessions:
            return
        stream = stream_of(night, self.session)
        if client.line.ear(stream).leaving:
            # It does not know whether it has left, and what it opted in to lasts until it has.
            night.say(client, "unsubscribe", stream)
        else:
            night.say(client, "subscribe", stream, self.since, self.interruptions)


@dataclass(frozen=True, slots=True)
class Unsubscribe(ClientAction):
    session: int = 0

    def __call__(self, night: Night) -> None:
        client = self._of(night)
        if client.line is None or not client.line.authenticated or not night.ledger.sessions:
            return
        night.say(
            client,
            "unsubscribe",
            stream_of(night, self.session),
            interruptions=self.interruptions,
        )


@dataclass(frozen=True, slots=True)
class Vanish(ClientAction):
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
class ComeBack(ClientAction):
    """On another connection, with the last cursor of every stream that the client is in."""

    def __call__(self, night: Night) -> None:
        come_back(night, self._of(night), self.interruptions)


def come_back(night: Night, client: Client, interruptions: Interruptions = ()) -> None:
    """Vanish, connect and resume. Each interruption happens in the resume that its ``at`` names."""
    night.hang_up(client)
    night.connect(client)
    line = client.line
    streams = [SESSIONS, *(one for one in client.places if one != SESSIONS)]
    for position, stream in enumerate(streams):
        if client.line is not line or (position and not (line and line.authenticated)):
            return
        if stream not in night.ledger.streams:
            continue
        here = [
            replace(one, at=one.at // len(streams))
            for one in interruptions
            if one.at % len(streams) == position
        ]
        night.say(client, "auth" if stream == SESSIONS else "subscribe", stream, Since.LAST, here)
