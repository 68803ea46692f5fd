"""A night under attack: the deployed handlers, entered by raw AWS events, real tokens, and one who listens.

``tests.model`` has the machinery; here the callers are strangers, and what counts is what must not happen.
It is collected in ``complaints``: a 5xx, an error in the log, a frame that no document knows, and anything
that somebody hears who should not.
"""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalicelib.api.specifications import served as specifications
from chalicelib.auth.claims import Role
from chalicelib.auth.secrets import TokenSecrets
from chalicelib.auth.tokens import JwtVerifier, TokenIssuer
from infra.local.apigateway.rest_event import RestRequest, rest_event
from infra.token_secrets import new_secrets
from tests.model.night import Night, Setting
from tests.model.world.environment import Environment
from tests.model.world.functions import Answer
from tests.specified import Live

ISSUER = "game-night-live"
HOUR = 3600
ANSWERING = "websocket_message"
FRAMES_OF_ONE = 90
"""Below what a connection may send at once: here nobody is to be refused for that."""

OPENAPI: Any = json.loads(specifications.specification(specifications.OPENAPI))
ASYNCAPI: Any = json.loads(specifications.specification(specifications.ASYNCAPI))


@dataclass(slots=True)
class Ear:
    """A WebSocket client: what it was told, and what it may be told."""

    siege: "Siege"
    connection_id: str
    authenticated: bool = False
    subscribed: set[int] = field(default_factory=set)
    told: list[Any] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    sent: int = 0
    open: bool = True

    def hear(self, connection_id: str, body: bytes, function: str) -> None:
        """Take a frame, and complain of one that is not for this client."""
        text = body.decode()
        frame = json.loads(text)
        try:
            self.siege.live.told(text)
        except AssertionError as error:
            self.siege.complain(str(error))
        if "data" in frame:
            self._judge(frame, text)
            self.events.append(frame)
            return
        if function == ANSWERING and self.siege.speaking != connection_id:
            self.siege.complain(f"{connection_id} was told what {self.siege.speaking} asked: {text}")
        if frame.get("code") == "internal_error":
            self.siege.complain(f"a mistake of ours: {text}")
        self.told.append(frame)

    def _judge(self, event: Any, text: str) -> None:
        if not self.authenticated:
            self.siege.complain(f"{self.connection_id} has not authenticated, and heard {text}")
        elif event["type"] != "session.started" and event["data"]["session"]["id"] not in self.subscribed:
            self.siege.complain(f"{self.connection_id} hears what it is not subscribed to: {text}")


class Siege(Night):
    """A night with a host, a bot, and a neighbour who listens to a session that nobody attacks.

    ``cases`` counts what was tried. ``secrets`` are the real ones; an attack knows them only to make what
    nobody could.
    """

    def __init__(self, secrets: TokenSecrets | None = None) -> None:
        self.secrets = secrets or new_secrets()
        self.live = Live(ASYNCAPI)
        self.cases = 0
        self.speaking: str | None = None
        self.ears: dict[str, Ear] = {}
        super().__init__(Setting())
        self.pass_time(time.time() - self.seconds())  # tokens live in the real time
        issuer = TokenIssuer(self, ISSUER)
        self.admin = issuer.mint("host", Role.ADMIN, HOUR)
        self.bot = issuer.mint("kosmi", Role.BOT, HOUR)
        self.expired = issuer.mint("host", Role.ADMIN, -HOUR)
        self.quiet_id = self.start()
        self.drain()
        self.neighbour = self.connect_as(issuer.mint("neighbour", Role.BOT, HOUR))
        self.follow(self.neighbour, self.quiet_id)
        self.cases = 0

    def load(self) -> TokenSecrets:
        """Return the secrets; this is their source."""
        return self.secrets

    def _environment(self) -> Environment:
        environment = super()._environment()
        vars(environment).update(tokens=JwtVerifier(self, ISSUER), secrets=self)
        return environment

    # REST.

    def ask(
        self,
        method: str,
        path: str,
        token: str | None = None,
        body: Any = None,
        *,
        headers: Sequence[tuple[str, str]] = (),
        query: str = "",
    ) -> Answer:
        """Send a request; ``body`` is bytes as they are, or anything else as JSON. This is one case.

        The answer of a path that API Gateway routes nowhere is its own, which is a 403.
        """
        self.cases += 1
        sent = [("Host", "localhost"), *([] if token is None else [("Authorization", f"Bearer {token}")])]
        if body is not None:
            sent.append(("Content-Type", "application/json"))
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        match = self._routes.match(path)
        if match is None:
            return Answer(403, "{}")
        request = RestRequest(method, path, query, [*sent, *headers], raw, "127.0.0.1")
        answer = self.invoke("api_handler", self._app.app, rest_event(request, match, self._moment()))
        told = Answer(answer["statusCode"], answer["body"])
        if told.status >= 500:
            self.complain(f"{method} {path} {raw[:200]!r} was answered {told}")
        return told

    def start(self) -> int:
        """Start a session with a game in it, as the host does."""
        session_id: int = self.ask("POST", "/api/sessions", self.admin, {"notes": None}).body["id"]
        self.ask("POST", f"/api/sessions/{session_id}/games", self.admin, {"title": "Quiplash"})
        return session_id

    def events(self, session_id: int) -> str:
        """Return the text of all that has happened in a session."""
        return self.ask("GET", f"/api/sessions/{session_id}/events", self.admin, query="limit=100").text

    # The WebSocket.

    def knock(self) -> Ear:
        """Open a connection."""
        connection_id = f"ear-{self.new_number()}="
        event = self._socket_event(connection_id, "$connect", "CONNECT")
        self.invoke("websocket_connect", self._app.websocket_connect, event)
        ear = self.ears[connection_id] = Ear(self, connection_id)
        self.gateway.open[connection_id] = ear
        return ear

    def connect_as(self, token: str) -> Ear:
        """Open a connection, and authenticate."""
        ear = self.knock()
        ear.authenticated = True
        answer = self.say(ear, {"type": "auth", "token": token})
        if answer["type"] != "auth_success":
            self.complain(f"a good token was answered {answer}")
        return ear

    def follow(self, ear: Ear, session_id: int) -> None:
        """Subscribe to a session."""
        ear.subscribed.add(session_id)
        self.say(ear, {"type": "subscribe", "sessionId": session_id})

    def say(self, ear: Ear, frame: object, *, binary: bool = False) -> Any:  # type: ignore[override] # said by a stranger
        """Send a frame, a text as it is or anything else as JSON, and return its answer. This is one case."""
        self.cases += 1
        ear.sent += 1
        before = len(ear.told)
        text = frame if isinstance(frame, str) else json.dumps(frame)
        event = self._socket_event(ear.connection_id, "$default", "MESSAGE")
        event |= {"body": text, "isBase64Encoded": binary}
        self.speaking = ear.connection_id
        try:
            self.invoke(ANSWERING, self._app.websocket_message, event)
        finally:
            self.speaking = None
        answers = ear.told[before:]
        if len(answers) != 1:
            self.complain(f"{text[:200]!r} was answered {answers}")
            return {"type": "nothing"}
        return answers[0]

    def say_unheard(self, ear: Ear, frame: object) -> None:
        """Send a frame on a connection that nobody listens on any more. This is one case."""
        self.cases += 1
        event = self._socket_event(ear.connection_id, "$default", "MESSAGE") | {"body": json.dumps(frame)}
        self.invoke(ANSWERING, self._app.websocket_message, event)

    def leave(self, ear: Ear) -> None:
        """Close a connection from the client's side."""
        self.gateway.open.pop(ear.connection_id, None)
        event = self._socket_event(ear.connection_id, "$disconnect", "DISCONNECT")
        self.invoke("websocket_disconnect", self._app.websocket_disconnect, event)

    def closed(self, ear: Ear) -> bool:
        """Whether we have closed a connection."""
        return ear.connection_id not in self.gateway.open

    def fresh(self, ear: Ear, token: str | None) -> Ear:
        """Return a connection that can go on: this one, or one like it where it is closed or said much."""
        if not self.closed(ear) and ear.sent < FRAMES_OF_ONE:
            return ear
        self.leave(ear)
        return self.knock() if token is None else self.connect_as(token)

    def _closed_by_us(self, connection_id: str) -> None:
        self.gateway.open.pop(connection_id, None)

    # At the end.

    def check(self) -> None:
        """Deliver all that has happened, and fail where anything was not as it should be."""
        self.drain()
        heard = [event for event in self.neighbour.events if event["type"] != "session.started"]
        if heard:
            self.complain(f"the neighbour's night was quiet, and it heard {heard}")
        assert not self.complaints, "\n".join(self.complaints[:10])

    def hears_its_own(self) -> bool:
        """Whether the neighbour still hears what happens in its night, once all is delivered."""
        before = len(self.neighbour.events)
        self.ask("POST", f"/api/sessions/{self.quiet_id}/close", self.admin)
        self.drain()
        return [event["type"] for event in self.neighbour.events[before:]][-1:] == ["session.ended"]


class _Errors(logging.Handler):
    """Complains of every error in the log, and of every exception."""

    def __init__(self, siege: Siege) -> None:
        super().__init__()
        self._siege = siege

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self._siege.complain(f"logged: {self.format(record)}")


@contextmanager
def besieged(secrets: TokenSecrets | None = None) -> Iterator[Siege]:
    """Have a night to attack, and judge it at the end of the block."""
    siege = Siege(secrets)
    errors = _Errors(siege)
    logging.getLogger().addHandler(errors)
    try:
        yield siege
        siege.check()
        assert siege.hears_its_own()
    finally:
        logging.getLogger().removeHandler(errors)
        siege.close()
