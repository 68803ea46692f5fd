"""Makes the emulator as unkind as AWS, which takes time, limits rates, and refuses writes now and then.

It stands between the emulator and everyone who uses it, as an ASGI application:

- Event source mappings are ``Creating``, ``Updating``, ``Disabling`` and ``Deleting`` for a time. A change
  of one in such a state is refused: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
- Calls to manage a stage have AWS's rates: those of API Gateway
  (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html), Lambda
  (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html) and Parameter Store
  (https://docs.aws.amazon.com/general/latest/gr/ssm.html).
- A call that is wrong by botocore's models is refused, noted, and reaches nobody (``models``).
- One write in ten to the tables is refused, as if it met another or a busy partition.

It imports nothing of ours: the emulator's environment has only the emulator.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MAPPINGS = "/2015-03-31/event-source-mappings"
SIGNED_BY = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/")
ROOT_KEY = "test"
"""The rehearsal's own, whose writes are not refused: it uses boto3, which does not try them again."""

IN_USE = "Cannot update the event source mapping because it is in use."
WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
REASONS = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")
ONE_OF = 10
"""One write in so many is refused."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer in place of the emulator's."""

    status: int
    code: str
    message: str
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """A request to one of AWS's services; ``target`` is the operation of those that name it in a header."""

    access_key: str
    service: str
    target: str
    method: str
    path: str
    query: dict[str, list[str]]
    body: bytes


@dataclass
class Quota:
    """``count`` requests in ``seconds``, of a service and of what matches; ``burst`` of them at once."""

    service: str
    matches: str
    count: int
    seconds: float
    burst: int = 0
    tokens: float = -1.0
    looked_at: float = 0.0

    def covers(self, request: Request) -> bool:
        """Say whether a request counts."""
        what = request.target or f"{request.method} {request.path}"
        return request.service == self.service and re.fullmatch(self.matches, what) is not None

    def admits(self, now: float) -> bool:
        """Count a request, and say whether there was room for it."""
        most = self.burst or self.count
        earned = (now - self.looked_at) * self.count / self.seconds
        self.tokens = most if self.tokens < 0 else min(most, self.tokens + earned)
        self.looked_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def quotas() -> list[Quota]:
    """Return the quotas that AWS publishes for an account."""
    api = r"/restapis/[^/]+"
    return [
        Quota("apigateway", r"POST /restapis", 1, 3),  # CreateRestApi and ImportRestApi
        Quota("apigateway", rf"PUT {api}", 1, 1),
        Quota("apigateway", rf"DELETE {api}", 1, 30),
        Quota("apigateway", rf"POST ({api}|/v2/apis/[^/]+)/deployments", 1, 5),
        Quota("apigateway", rf"(POST|DELETE) {api}/resources/[^/]+", 5, 1),
        Quota("apigateway", rf"GET {api}/resources", 5, 2),
        Quota("apigateway", r"PATCH /account", 1, 20),
        Quota("apigateway", r".*", 10, 1, burst=40),
        Quota("lambda", r"(?!.*/invocations).*", 15, 1),
        Quota("ssm", r".*\.GetParameters?", 40, 1),
    ]


class Unkind:
    """The emulator's application, with the manners of AWS. Times are in seconds of ``now``.

    ``problems`` says what is wrong with a call, and ``note`` is told each of it.
    """

    def __init__(
        self,
        app: App,
        mapping_seconds: Callable[[], float] = lambda: 30.0,
        now: Callable[[], float] = time.monotonic,
        problems: Callable[[Request], list[str]] = lambda _: [],
        note: Callable[[str], object] = print,
    ) -> None:
        self._app = app
        self._mapping_seconds = mapping_seconds
        self._now = now
        self._problems = problems
        self._note = note
        self._quotas = quotas()
        self._states: dict[str, tuple[str, float]] = {}
        self._deleted: dict[str, dict[str, Any]] = {}
        self._writes = count(1)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve what is asked of the emulator."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request = await _read(scope, receive)
        if wrong := self._problems(request):
            for one in wrong:
                self._note(one)
            return await _refuse(send, request, Refusal(400, "ValidationException", "; ".join(wrong)))
        if refusal := self._refusal(request):
            return await _refuse(send, request, refusal)
        if request.service == "lambda" and request.path.rstrip("/").startswith(MAPPINGS):
            return await self._mapping(request, scope, send)
        return await self._app(scope, _body_again(request.body), send)

    def _refusal(self, request: Request) -> Refusal | None:
        if not all(quota.admits(self._now()) for quota in self._quotas if quota.covers(request)):
            if request.service == "ssm":
                return Refusal(400, "ThrottlingException", "Rate exceeded")
            return Refusal(429, "TooManyRequestsException", "Too Many Requests")
        if request.service == "dynamodb" and request.access_key != ROOT_KEY:
            return self._refused_write(request)
        return None

    def _refused_write(self, request: Request) -> Refusal | None:
        operation = request.target.rpartition(".")[2]
        if operation not in {*WRITES, "TransactWriteItems"}:
            return None
        number = next(self._writes)
        if number % ONE_OF:
            return None
        if operation in WRITES:
            message = "Transaction is ongoing for the item"
            return Refusal(400, "TransactionConflictException", message)
        items = len(json.loads(request.body)["TransactItems"])
        codes = [REASONS[number // ONE_OF % len(REASONS)], *["None"] * (items - 1)]
        message = f"Transaction cancelled, please refer cancellation reasons for specific reasons {codes}"
        reasons = {"CancellationReasons": [{"Code": code} for code in codes]}
        return Refusal(400, "TransactionCanceledException", message, reasons)

    async def _mapping(self, request: Request, scope: Message, send: Send) -> None:
        """Serve a request about event source mappings, which are not ready at once."""
        name = request.path.rstrip("/").removeprefix(MAPPINGS).strip("/")
        state = self._state(name)
        if state and request.method in {"PUT", "DELETE"}:
            return await _answer(send, 400, {"message": IN_USE}, "ResourceInUseException")
        if state == "Deleting":
            return await _answer(send, 200, {**self._deleted[name], "State": state})
        if request.method == "POST" and self._is_being_deleted(json.loads(request.body)):
            message = "The event source arn and function name provided mapping already exists."
            return await _answer(send, 409, {"message": message}, "ResourceConflictException")
        status, answer = await self._asked(scope, request.body)
        if status < 300:  # noqa: PLR2004 - the class of success
            self._change(request.method, answer)
            if "EventSourceMappings" in answer:
                [function] = request.query.get("FunctionName", [""])
                [source] = request.query.get("EventSourceArn", [""])
                answer["EventSourceMappings"] += self._being_deleted(function, source)
            for one in answer.get("EventSourceMappings", [answer]):
                one["State"] = self._state(one["UUID"]) or one["State"]
        return await _answer(send, status, answer, answer.get("__type", ""))

    def _state(self, name: str) -> str | None:
        """Return the state that a mapping is in on its way to another; None where it has arrived."""
        state, until = self._states.get(name, ("", 0.0))
        if self._now() < until:
            return state
        self._states.pop(name, None)
        self._deleted.pop(name, None)
        return None

    def _change(self, method: str, mapping: dict[str, Any]) -> None:
        put = "Disabling" if mapping.get("State") == "Disabled" else "Updating"
        states = {"POST": "Creating", "PUT": put, "DELETE": "Deleting"}
        if method in states:
            self._states[mapping["UUID"]] = states[method], self._now() + self._mapping_seconds()
        if method == "DELETE":
            self._deleted[mapping["UUID"]] = mapping

    def _being_deleted(self, function: str, source: str) -> list[dict[str, Any]]:
        return [
            one
            for name, one in [*self._deleted.items()]
            if self._state(name) and function in one["FunctionArn"] and source in one["EventSourceArn"]
        ]

    def _is_being_deleted(self, asked: dict[str, Any]) -> bool:
        """Say whether the mapping that is asked for is still there, on its way out."""
        function = asked["FunctionName"].rpartition(":")[2]
        found = self._being_deleted("", asked["EventSourceArn"])
        return any(one["FunctionArn"].rpartition(":")[2] == function for one in found)

    async def _asked(self, scope: Message, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return what the emulator answers: its status, and its body, which is JSON or nothing."""
        told: list[Message] = []

        async def keep(message: Message) -> None:
            told.append(message)

        await self._app(scope, _body_again(body), keep)
        answer = b"".join(one.get("body", b"") for one in told)
        return told[0]["status"], json.loads(answer) if answer else {}


async def _read(scope: Message, receive: Receive) -> Request:
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    signed = SIGNED_BY.search(headers.get("authorization", ""))
    access_key, service = signed.groups() if signed else ("", "")
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    query = parse_qs(scope["query_string"].decode())
    target = headers.get("x-amz-target", "")
    return Request(access_key, service, target, scope["method"], scope["path"], query, body)


def _body_again(body: bytes) -> Receive:
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    return receive


async def _refuse(send: Send, request: Request, refusal: Refusal) -> None:
    """Answer in JSON or, in AWS's query protocol, in XML."""
    names = {"__type": refusal.code, "message": refusal.message, "Message": refusal.message}
    if not request.body.startswith(b"Action="):
        await _answer(send, refusal.status, {**names, **refusal.more}, refusal.code)
        return
    said = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
    body = f"<ErrorResponse><Error>{said}</Error></ErrorResponse>".encode()
    await _send(send, refusal.status, body, [(b"content-type", b"text/xml")])


async def _answer(send: Send, status: int, body: dict[str, Any], error: str = "") -> None:
    headers = [(b"content-type", b"application/json"), (b"x-amzn-errortype", error.encode())]
    await _send(send, status, json.dumps(body).encode(), headers if error else headers[:1])


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
