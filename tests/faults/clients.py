"""What clients answer to posts, what they have taken, and what their four lines of code make of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.integration.aws.hostile_server import OK, Behaviour, HostileServer, Request


@dataclass
class Clients:
    """The clients of an @connections server, each of which takes what it is sent, or does not."""

    server: HostileServer = field(default_factory=lambda: HostileServer(delete=OK))

    def behave(self, client: str, *behaviours: Behaviour) -> None:
        """Let a client answer from now on, one after the other; the last stays."""
        before = [self._behaviour(client, number) for number in range(self.server.posted_to(client))]
        self.server.behaviours[client] = [*before, *behaviours]

    def frames(self, client: str) -> list[Any]:
        """Return the frames that a client has taken until it was closed, in the order in which they came."""
        taken = []
        for number, one in enumerate(self.requests(client)):
            if one.method == "DELETE" and self.closed(client):
                break
            if one.method == "POST" and self._behaviour(client, number) is OK:
                taken.append(json.loads(one.body))
        return taken

    def heard(self, client: str) -> list[Any]:
        """Return the events among them."""
        return [frame for frame in self.frames(client) if "data" in frame]

    def closed(self, client: str) -> bool:
        return client in self.server.closed

    def requests(self, client: str) -> list[Request]:
        return [one for one in self.server.requests if one.connection_id == client]

    def _behaviour(self, client: str, number: int) -> Behaviour:
        behaviours = self.server.behaviours.get(client, [self.server.otherwise])
        return behaviours[min(number, len(behaviours) - 1)]


@dataclass
class Follower:
    """A client of the contract's four lines, which comes back with its cursors on a new connection."""

    clients: Clients
    name: str
    lives: int = 0

    @property
    def connection_ids(self) -> list[str]:
        return [f"{self.name}{life}=" for life in range(self.lives + 1)]

    @property
    def connection_id(self) -> str:
        return self.connection_ids[-1]

    def cursors(self) -> dict[str, str]:
        return {stream: frame["cursor"] for stream, frame in self.followed()[0].items()}

    def followed(self) -> tuple[dict[str, Any], list[Any]]:
        """Return where it is in each stream, and what it has kept of all events that came.

        Fails where an event comes before an earlier one came the first time.
        """
        places: dict[str, Any] = {}
        kept: list[Any] = []
        frames = [
            frame for connection_id in self.connection_ids for frame in self.clients.frames(connection_id)
        ]
        for frame in frames:
            if "data" in frame:
                place = places[frame["stream"]]
                if frame["sequence"] <= place["sequence"]:
                    continue  # came twice
                assert frame["sequence"] == place["sequence"] + 1, (frame, place)
                kept.append(frame)
            if "stream" in frame:
                places[frame["stream"]] = frame
        return places, kept


def titles(heard: Sequence[Any]) -> list[str]:
    """Return the games that were heard of, each the first time it came."""
    return list(dict.fromkeys(one["data"]["game"]["title"] for one in heard if one["type"] == "game.added"))
