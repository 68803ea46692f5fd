"""What clients answer to posts, and what they have taken."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.integration.aws.hostile_server import OK, Behaviour, HostileServer


@dataclass
class Clients:
    """The clients of an @connections server, each of which takes what it is sent, or does not."""

    server: HostileServer = field(default_factory=lambda: HostileServer(delete=OK))

    def behave(self, client: str, *behaviours: Behaviour) -> None:
        """Let a client answer from now on, one after the other; the last stays."""
        before = [self._behaviour(client, number) for number in range(self.server.posted_to(client))]
        self.server.behaviours[client] = [*before, *behaviours]

    def heard(self, client: str) -> list[Any]:
        """Return the events that a client has taken until it was closed, in the order in which they came."""
        taken = []
        requests = [one for one in self.server.requests if one.connection_id == client]
        for number, one in enumerate(requests):
            if one.method == "DELETE" and self.closed(client):
                break
            if one.method == "POST" and self._behaviour(client, number) is OK:
                taken.append(json.loads(one.body))
        return [frame for frame in taken if "data" in frame]

    def closed(self, client: str) -> bool:
        return client in self.server.closed

    def _behaviour(self, client: str, number: int) -> Behaviour:
        behaviours = self.server.behaviours.get(client, [self.server.otherwise])
        return behaviours[min(number, len(behaviours) - 1)]


def titles(heard: Sequence[Any]) -> list[str]:
    """Return the games that were heard of, each the first time it came."""
    return list(dict.fromkeys(one["data"]["game"]["title"] for one in heard if one["type"] == "game.added"))
