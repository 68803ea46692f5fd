"""The candidates, each in a process of its own, as on Lambda.

Each is told of one session that has started and takes it to the last post; what it did is printed as one line
of JSON. Everything is imported and made before the clock starts: cold starts are `make bench-cold-start`'s.
"""

import asyncio
import json
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from benchmarks.broadcast.crowd import REGION, SAMPLES, SHARDS

ENVELOPE = (
    '{"type":"session.started","timestamp":"2025-11-01T20:00:00.123Z","data":{"session":{"id":17,'
    '"is_active":1,"created_at":"2025-11-01T20:00:00.123Z","notes":"Friday Game Night"}}}'
)


@dataclass(frozen=True, slots=True)
class Task:
    """``engine`` has the tables, ``queue`` the delivery queue; posts go to ``sink``."""

    engine: str
    sqs: str
    queue: str
    table: str
    sink: str
    session: int


class Context:
    """What Lambda tells a function of itself."""

    def get_remaining_time_in_millis(self) -> int:
        return 600_000


def record(session: int) -> dict[str, Any]:
    """Return a record of the first start in a stream of its own, as Lambda hands it over."""
    keys = {"PK": {"S": "sessions"}, "SK": {"S": "event#0000000001"}}
    image = {
        **keys,
        "type": {"S": "session.started"},
        "envelope": {"S": ENVELOPE},
        "epoch": {"S": f"bench{session}"},
    }
    change = {"Keys": keys, "NewImage": image, "SequenceNumber": str(session)}
    return {"eventName": "INSERT", "dynamodb": change}


def ours(task: Task) -> dict[str, Any]:
    """The product: the deployed handlers, one environment of each, entered with Lambda's events."""
    import app
    from benchmarks.broadcast.crowd import client
    from infra.local.engine.queues import EngineQueue
    from infra.local.triggers.queue_poller import queue_event

    queue = EngineQueue(client(task.sqs, "sqs"), task.queue, "arn:aws:sqs:us-east-1:000000000000:q.fifo")
    application = app.application()
    delivered = Counted(application.push)
    application.__dict__["push"] = delivered
    _ = application.broadcast, application.worker
    started = time.perf_counter()
    again = app.broadcast({"Records": [record(task.session)]}, Context())["batchItemFailures"]
    jobs = 0
    while messages := queue.receive(1):
        again += app.deliver(queue_event(messages, queue.arn), Context())["batchItemFailures"]
        queue.delete(messages[0])
        jobs += 1
    seconds = time.perf_counter() - started
    if again:
        raise RuntimeError(f"something has to come again: {again}")
    return {"seconds": seconds, "posts": delivered.posts, "jobs": jobs}


class Counted:
    """A push that counts what it delivered."""

    def __init__(self, push: Any) -> None:
        self._push = push
        self.posts = 0

    async def send(self, *args: Any, **options: Any) -> Any:
        outcome = await self._push.send(*args, **options)
        self.posts += len(outcome.delivered)
        return outcome


def parts(task: Task) -> dict[str, Any]:
    """The product's three parts, one after the other where the product has them at the same time."""
    from chalicelib.aws.connections_api import ConnectionsApi, connections_endpoint
    from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences
    from chalicelib.aws.http import HttpClient
    from chalicelib.aws.sigv4 import SignedRequests
    from chalicelib.connections.connection import Recipient
    from chalicelib.connections.messages import Message
    from chalicelib.nights.events import SESSIONS_STREAM
    from chalicelib.settings import Keys

    keys = Keys("local", "local")

    async def run() -> dict[str, Any]:
        http = HttpClient()
        api = Metered(http, task.engine, REGION, lambda: keys)
        audiences = DynamoAudiences(api, task.table, SHARDS, time.time)
        await audiences.page(SESSIONS_STREAM, 0, limit=1)  # connects
        api.units = 0.0
        recipients: list[Recipient] = []

        async def read(shard: int) -> None:
            after: str | None = None
            while True:
                page = await audiences.page(SESSIONS_STREAM, shard, after)
                recipients.extend(page.recipients)
                if (after := page.next_after) is None:
                    return

        started = time.perf_counter()
        await asyncio.gather(*(read(shard) for shard in range(SHARDS)))
        reading = time.perf_counter() - started

        endpoint = connections_endpoint(task.sink, REGION, "abcdef1234", "prod")
        signing_of = "execute-api", REGION, keys, time.time, "POST", endpoint, "/@connections/"
        requests = SignedRequests(*signing_of, ENVELOPE.encode())
        started = time.perf_counter()
        for recipient in recipients:
            requests.to(recipient.connection_id)
        signing = time.perf_counter() - started

        push = ConnectionsApi(http, task.sink, REGION, lambda: keys)
        started = time.perf_counter()
        outcome = await push.send(Message(ENVELOPE.encode()), recipients, within=600)
        posting = time.perf_counter() - started
        await push.close()
        return {
            "reading": reading,
            "signing": signing,
            "posting": posting - signing,
            "posts": len(outcome.delivered),
            "read_units": api.units,
        }

    return asyncio.run(run())


def _metered() -> type[Any]:
    from chalicelib.aws.json_api import DynamoApi

    class MeteredApi(DynamoApi):
        """Adds up the read capacity that is consumed."""

        units = 0.0

        async def call(self, operation: str, arguments: Any) -> dict[str, Any]:
            found = await super().call(operation, {**arguments, "ReturnConsumedCapacity": "TOTAL"})
            self.units += found["ConsumedCapacity"]["CapacityUnits"]
            return found

    return MeteredApi


Metered = _metered()


def chalice_sample(task: Task) -> dict[str, Any]:
    """As Chalice's own chat sample does: query the room, then ``websocket_api.send`` to each in turn."""
    from boto3.dynamodb.conditions import Key

    table, post = _samples_tools(task)
    started = time.perf_counter()
    answer = table.query(KeyConditionExpression=Key("room").eq("all"), ReturnConsumedCapacity="TOTAL")
    return _one_at_a_time(
        answer,
        lambda last: table.query(
            KeyConditionExpression=Key("room").eq("all"),
            ReturnConsumedCapacity="TOTAL",
            ExclusiveStartKey=last,
        ),
        post,
        started,
    )


def aws_sample(task: Task) -> dict[str, Any]:
    """As AWS's chat sample does: scan the table of connections, then post to one after the other."""
    table, post = _samples_tools(task)
    started = time.perf_counter()
    answer = table.scan(ReturnConsumedCapacity="TOTAL")
    return _one_at_a_time(
        answer,
        lambda last: table.scan(ReturnConsumedCapacity="TOTAL", ExclusiveStartKey=last),
        post,
        started,
    )


def _samples_tools(task: Task) -> tuple[Any, Callable[[str], None]]:
    import boto3

    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    table = boto3.resource("dynamodb", REGION, endpoint_url=task.engine, **keys).Table(SAMPLES)
    endpoint = task.sink.format(api_id="abcdef1234", region=REGION, stage="prod")
    management = boto3.client("apigatewaymanagementapi", REGION, endpoint_url=endpoint, **keys)
    body = ENVELOPE.encode()

    def post(connection_id: str) -> None:
        management.post_to_connection(ConnectionId=connection_id, Data=body)

    return table, post


def _one_at_a_time(
    answer: Any, more: Callable[[Any], Any], post: Callable[[str], None], started: float
) -> dict[str, Any]:
    items, units = answer["Items"], answer["ConsumedCapacity"]["CapacityUnits"]
    while "LastEvaluatedKey" in answer:
        answer = more(answer["LastEvaluatedKey"])
        items += answer["Items"]
        units += answer["ConsumedCapacity"]["CapacityUnits"]
    reading = time.perf_counter() - started
    for item in items:
        if item["room"] == "all":  # the sample has no others; it would post to them too
            post(item["connectionId"])
    seconds = time.perf_counter() - started
    posts = sum(item["room"] == "all" for item in items)
    return {"seconds": seconds, "reading": reading, "posts": posts, "read_units": units}


CANDIDATES: dict[str, Callable[[Task], dict[str, Any]]] = {
    "ours": ours,
    "parts": parts,
    "Chalice's sample": chalice_sample,
    "AWS's sample": aws_sample,
}


@click.command(help=__doc__)
@click.argument("name", type=click.Choice([*CANDIDATES]))
@click.argument("task")
def main(name: str, task: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    done = CANDIDATES[name](Task(**json.loads(task)))
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    click.echo(json.dumps({**done, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main()
