"""The deployed handlers under attack, entered by raw AWS events, with real tokens, and a bystander.

``tests.model`` has the machinery; here the callers are strangers, and what counts is what must not happen.
It is collected in ``complaints``: a 5xx, an error in the log, a frame that no document knows, and anything
that somebody is told who should not be.
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
from chalicelib.auth.ports import Guest
from chalicelib.auth.secrets import TokenSecrets
from chalicelib.auth.tokens import JwtVerifier, TokenIssuer
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
class Client:
    """A WebSocket client: what it was told, and what it may be told. A guest is one of one night."""

    service: "AttackedService"
    connection_id: str
    authenticated: bool = False
    guest_of: int | None = None
    subscribed: set[int] = field(default_factory=set)
    answers: list[Any] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    sent: int = 0

    def hear(self, connection_id: str, body: bytes, function: str) -> None:
        """Take a frame, and complain of one that is not for this client."""
        text, service = body.decode(), self.service
        frame = json.loads(text)
        try:
            service.live.told(text)
        except AssertionError as error:
            service.complain(str(error))
        if "data" in frame:
            self.events.append(frame)
            about = frame["data"]["session"]["id"]
            if self.guest_of not in (None, about):
                service.complain(f"{self.connection_id} is a guest, and hears another night: {text}")
            if not self.authenticated:
                service.complain(f"{self.connection_id} has not authenticated, and heard {text}")
            elif frame["type"] != "session.started" and about not in self.subscribed:
                service.complain(f"{self.connection_id} hears what it is not subscribed to: {text}")
            return
        if function == ANSWERING and service.asking != connection_id:
            service.complain(f"{connection_id} was told what {service.asking} asked: {text}")
        if frame.get("code") == "internal_error":
            service.complain(f"a mistake of ours: {text}")
        self.answers.append(frame)


class AttackedService(Night):
    """A service with an admin, a bot, and a bystander who listens to a session that nobody attacks.

    ``cases`` counts what was tried. ``secrets`` are the real ones; an attack knows them only to make what
    nobody could.
    """

    def __init__(self, secrets: TokenSecrets | None = None) -> None:
        self.secrets = secrets or new_secrets()
        self.live = Live(ASYNCAPI)
        self.asking: str | None = None
        super().__init__(Setting())
        self.pass_time(time.time() - self.seconds())  # tokens live in the real time
        self.admin, self.bot = self.mint("host", Role.ADMIN), self.mint("kosmi", Role.BOT)
        self.expired = self.mint("host", Role.ADMIN, -HOUR)
        self.cases = 0
        self.guests: dict[int, str] = {}
        self.quiet_id = self.start()
        self.drain()
        self.bystander = self.connect_as(self.mint("bystander", Role.BOT))
        self.bystander.subscribed.add(self.quiet_id)
        self.send(self.bystander, {"type": "subscribe", "sessionId": self.quiet_id})
        self.cases = 0

    def load(self) -> TokenSecrets:
        """Return the secrets; this is their source."""
        return self.secrets

    def mint(self, subject: str, role: Role, seconds: int = HOUR) -> str:
        """Return a real token."""
        return TokenIssuer(self, ISSUER).mint(subject, role, seconds)

    def _environment(self) -> Environment:
        environment = super()._environment()
        vars(environment).update(
            verifier=JwtVerifier(self, ISSUER), _signer=TokenIssuer(self, ISSUER), secrets=self
        )
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
        """Send a request. This is one case."""
        self.cases += 1
        answer = self.request(method, path, body, token=token, headers=headers, query=query)
        if answer.status == 503:
            self.complain(f"{method} {path} was answered {answer}")
        return answer

    def start(self) -> int:
        """Start a session with a game in it, as its host does, and with the documented vote."""
        session_id: int = self.ask("POST", "/api/sessions", self.admin, {"notes": None}).body["id"]
        self.ask("POST", f"/api/sessions/{session_id}/games", self.admin, {"title": "Quiplash"})
        self.ask("POST", f"/api/sessions/{session_id}/votes", self.bot, {"username": "Zoë", "type": "up"})
        guest = Guest(session_id, "Zoë", f"guest-{session_id}")
        self.stores.sessions.add_guest(guest)
        signer = TokenIssuer(self, ISSUER)
        terms = signer.issue(guest.subject, Role.GUEST, HOUR, session_id, guest.name)
        self.guests[session_id] = signer.sign(terms)
        return session_id

    def with_code(self, body: Any, session_id: int) -> Any:
        """Return a documented body; one with a code has a real one, and a name that nobody has."""
        if not isinstance(body, dict) or "code" not in body:
            return body
        invite = self.ask("POST", f"/api/sessions/{session_id}/invites", self.admin)
        return {"code": invite.body["code"], "name": f"Ada {self.new_number()}"}

    def events(self, session_id: int) -> str:
        """Return the text of all that has happened in a session."""
        return self.ask("GET", f"/api/sessions/{session_id}/events", self.admin, query="limit=100").text

    # The WebSocket.

    def open(self) -> Client:
        """Open a connection."""
        client = Client(self, f"client-{self.new_number()}=")
        event = self._socket_event(client.connection_id, "$connect", "CONNECT")
        self.invoke("websocket_connect", self._app.websocket_connect, event)
        self.gateway.open[client.connection_id] = client
        return client

    def connect_as(self, token: str) -> Client:
        """Open a connection, and authenticate."""
        client = self.open()
        client.authenticated = True
        client.guest_of = next((night for night, known in self.guests.items() if known == token), None)
        answer = self.send(client, {"type": "auth", "token": token})
        if answer["type"] != "auth_success":
            self.complain(f"a good token was answered {answer}")
        return client

    def send(self, client: Client, frame: object, *, binary: bool = False) -> Any:
        """Send a frame, a text as it is or anything else as JSON, and return its answer. This is one case."""
        before, text = len(client.answers), frame if isinstance(frame, str) else json.dumps(frame)
        self.send_unanswered(client, text, binary=binary)
        answers = client.answers[before:]
        if len(answers) != 1:
            self.complain(f"{text[:200]!r} was answered {answers}")
            return {"type": "nothing"}
        return answers[0]

    def send_unanswered(self, client: Client, text: str, *, binary: bool = False) -> None:
        """Send a text on a connection that may be gone. This is one case."""
        self.cases += 1
        client.sent += 1
        event = self._socket_event(client.connection_id, "$default", "MESSAGE")
        self.asking = client.connection_id
        try:
            event |= {"body": text, "isBase64Encoded": binary}
            self.invoke(ANSWERING, self._app.websocket_message, event)
        finally:
            self.asking = None

    def leave(self, client: Client) -> None:
        """Close a connection from the client's side."""
        self.gateway.open.pop(client.connection_id, None)
        event = self._socket_event(client.connection_id, "$disconnect", "DISCONNECT")
        self.invoke("websocket_disconnect", self._app.websocket_disconnect, event)

    def closed(self, client: Client) -> bool:
        """Whether we have closed a connection."""
        return client.connection_id not in self.gateway.open

    def fresh(self, client: Client, token: str | None) -> Client:
        """Return a connection that can go on: this one, or one like it where it is closed or said much."""
        if not self.closed(client) and client.sent < FRAMES_OF_ONE:
            return client
        self.leave(client)
        return self.open() if token is None else self.connect_as(token)

    def _closed_by_us(self, connection_id: str) -> None:
        self.gateway.open.pop(connection_id, None)

    # At the end.

    def check(self) -> None:
        """Fail where anything was not as it should be, or the bystander does not hear its own night end."""
        self.drain()
        self.ask("POST", f"/api/sessions/{self.quiet_id}/close", self.admin)
        self.drain()
        assert not self.complaints, "\n".join(self.complaints[:10])
        heard = [event["type"] for event in self.bystander.events if event["type"] != "session.started"]
        assert heard == ["session.ended"]


class _Errors(logging.Handler):
    """Complains of every error in the log, and of every exception."""

    def __init__(self, service: AttackedService) -> None:
        super().__init__()
        self._service = service

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self._service.complain(f"logged: {self.format(record)}")


@contextmanager
def attacked(secrets: TokenSecrets | None = None) -> Iterator[AttackedService]:
    """Have a service to attack, and judge it at the end of the block."""
    service = AttackedService(secrets)
    errors = _Errors(service)
    logging.getLogger().addHandler(errors)
    try:
        yield service
        service.check()
    finally:
        logging.getLogger().removeHandler(errors)
        service.close()
