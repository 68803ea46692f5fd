"""The emulator's manners: states, rates and conflicts as on AWS."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from infra.deploy.rehearse.unkind import ONE_OF, Message, Receive, Send, Unkind

MAPPING = {
    "UUID": "m1",
    "State": "Enabled",
    "FunctionArn": "arn:aws:lambda:us-east-1:0:function:deliver",
    "EventSourceArn": "arn:aws:sqs:us-east-1:0:jobs",
}
MAPPINGS = "/2015-03-31/event-source-mappings/"


class Emulator:
    """Answers as it is told, and notes what reaches it."""

    def __init__(self) -> None:
        self.reached: list[tuple[str, str, bytes]] = []
        self.answers: dict[tuple[str, str], Any] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        self.reached.append((scope["method"], scope["path"], body))
        answer = self.answers.get((scope["method"], scope["path"]), MAPPING)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


class Account:
    """An unkind account and its time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.emulator = Emulator()
        self.wrong: list[str] = []
        self.noted: list[str] = []
        self.app = Unkind(
            self.emulator, now=lambda: self.now, problems=lambda _: self.wrong, note=self.noted.append
        )

    async def ask(
        self, service: str, method: str, path: str, body: Mapping[str, Any] | None = None, target: str = ""
    ) -> tuple[int, dict[str, Any]]:
        told: list[Message] = []
        signed = f"AWS4-HMAC-SHA256 Credential=k/20261130/us-east-1/{service}/aws4_request, Signature=0"
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(b"Authorization", signed.encode()), (b"x-amz-target", target.encode())],
        }
        parts: Iterator[Message] = iter(
            [
                {"type": "http.request", "body": b"", "more_body": True},
                {"type": "http.request", "body": json.dumps(body or {}).encode()},
            ]
        )

        async def receive() -> Message:
            return next(parts)

        async def send(message: Message) -> None:
            told.append(message)

        await self.app(scope, receive, send)
        return told[0]["status"], json.loads(told[1]["body"])

    async def ask_for_mapping(self, method: str, name: str = "m1") -> tuple[int, dict[str, Any]]:
        asked = {"FunctionName": "deliver", "EventSourceArn": MAPPING["EventSourceArn"]}
        return await self.ask("lambda", method, MAPPINGS + ("" if method == "POST" else name), asked)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.mark.parametrize(("method", "state"), [("POST", "Creating"), ("PUT", "Updating")])
async def test_a_mapping_is_not_ready_at_once(account: Account, method: str, state: str) -> None:
    assert (await account.ask_for_mapping(method))[1]["State"] == state

    account.now += 29.9
    assert (await account.ask_for_mapping("GET"))[1]["State"] == state
    for change in ("PUT", "DELETE"):
        assert (await account.ask_for_mapping(change))[0] == 400

    account.now += 0.2
    assert (await account.ask_for_mapping("GET"))[1]["State"] == "Enabled"
    assert (await account.ask_for_mapping("PUT"))[0] == 200


async def test_a_mapping_that_is_disabled_says_so_at_once(account: Account) -> None:
    account.emulator.answers["PUT", f"{MAPPINGS}m1"] = MAPPING | {"State": "Disabled"}

    assert (await account.ask_for_mapping("PUT"))[1]["State"] == "Disabling"


async def test_a_mapping_that_is_being_deleted_is_in_the_way(account: Account) -> None:
    account.emulator.answers["GET", MAPPINGS] = {"EventSourceMappings": []}
    await account.ask_for_mapping("DELETE")

    listed = (await account.ask("lambda", "GET", MAPPINGS))[1]["EventSourceMappings"]
    assert [one["State"] for one in listed] == ["Deleting"]
    assert (await account.ask_for_mapping("GET"))[1]["State"] == "Deleting"
    assert (await account.ask_for_mapping("POST"))[0] == 409

    account.now += 30.1
    assert (await account.ask("lambda", "GET", MAPPINGS))[1]["EventSourceMappings"] == []
    assert (await account.ask_for_mapping("POST"))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "at_once", "seconds"),
    [
        ("DELETE", "/restapis/a", 1, 30),
        ("POST", "/restapis", 1, 3),
        ("POST", "/v2/apis/a/deployments", 1, 5),
        ("GET", "/restapis/a/resources", 5, 0.4),
        ("GET", "/v2/apis", 40, 0.1),
    ],
)
async def test_who_asks_too_often_is_refused(
    account: Account, method: str, path: str, at_once: int, seconds: float
) -> None:
    said = [(await account.ask("apigateway", method, path))[0] for _ in range(at_once + 1)]
    assert said == [*[200] * at_once, 429]

    account.now += seconds * 1.01
    assert (await account.ask("apigateway", method, path))[0] == 200
    assert len(account.emulator.reached) == at_once + 1


async def test_a_wrong_call_is_refused_and_noted(account: Account) -> None:
    account.wrong += ["Key is missing", "Table is unknown"]
    status, said = await account.ask("dynamodb", "POST", "/", {}, "DynamoDB_20120810.GetItem")

    assert (status, said["__type"]) == (400, "ValidationException")
    assert said["message"] == "Key is missing; Table is unknown"
    assert account.noted == account.wrong
    assert account.emulator.reached == []


async def test_invoking_a_function_counts_nowhere(account: Account) -> None:
    said = [
        (await account.ask("lambda", "POST", "/2015-03-31/functions/f/invocations"))[0] for _ in range(50)
    ]
    assert set(said) == {200}


async def test_one_write_of_ten_meets_another(account: Account) -> None:
    async def write(operation: str, **more: Any) -> dict[str, Any]:
        return (await account.ask("dynamodb", "POST", "/", more, f"DynamoDB_20120810.{operation}"))[1]

    answers = [await write("PutItem") for _ in range(3 * ONE_OF)]
    assert Counter(one.get("__type", "") for one in answers) == {"": 27, "TransactionConflictException": 3}
    assert not any([(await write("GetItem")).get("__type") for _ in range(ONE_OF)])

    items: list[Any] = [{}, {}, {}]
    answers = [await write("TransactWriteItems", TransactItems=items) for _ in range(3 * ONE_OF)]
    reasons = [one["CancellationReasons"] for one in answers if "__type" in one]
    assert [len(one) for one in reasons] == [3, 3, 3]
    assert {one[0]["Code"] for one in reasons} == {
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    }
