"""What can be attacked, as the documents that are served say it: a new route or frame is attacked as well."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.attacks.service import ASYNCAPI, OPENAPI


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a path. ``roles`` is empty where no token is needed; ``body`` is the documented example.

    ``query`` has the documented examples of the parameters that it needs.
    """

    method: str
    path: str
    roles: frozenset[str]
    statuses: frozenset[int]
    body: Any
    query: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def of(self, session_id: object) -> str:
        """Return the path for a session, its first game, its guest, and a subject that has no token."""
        return self.path.format(session_id=session_id, game_id=1, name="Zo%C3%AB", subject="nobody")


@dataclass(frozen=True, slots=True)
class ClientFrame:
    """A frame that clients send. ``roles`` is empty where no token has to have come before."""

    name: str
    roles: frozenset[str]
    example: Any

    def __str__(self) -> str:
        return self.name

    def about(self, session_id: int) -> Any:
        """Return the documented example, about a session."""
        return {**self.example, **({"sessionId": session_id} if "sessionId" in self.example else {})}


def _routes() -> Iterator[Route]:
    for path, operations in OPENAPI["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {"content": {}})["content"]
            roles = frozenset(role for one in operation["security"] for role in one["token"])
            statuses = frozenset(map(int, operation["responses"]))
            body = content["application/json"]["example"] if content else None
            yield Route(method.upper(), path, roles, statuses, body, _query(operation))


def _query(operation: Any) -> str:
    names = [one["$ref"].rpartition("/")[2] for one in operation.get("parameters", ())]
    documented = [OPENAPI["components"]["parameters"][name] for name in names]
    needed = [one for one in documented if one["in"] == "query" and one.get("required")]
    return urlencode({one["name"]: one["example"] for one in needed})


def _frames() -> Iterator[ClientFrame]:
    for operation in ASYNCAPI["operations"].values():
        for reference in operation["messages"] if operation["action"] == "receive" else []:
            message = ASYNCAPI["components"]["messages"][reference["$ref"].rpartition("/")[2]]
            for example in message["examples"]:
                yield ClientFrame(example["name"], frozenset(operation["x-roles"]), example["payload"])


ROUTES = tuple(_routes())
LOCKED = tuple(route for route in ROUTES if route.roles)
FRAMES = tuple(_frames())
