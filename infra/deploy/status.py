"""What is deployed of a stage, and where it differs from what is declared here."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import __version__
from infra.deploy import drift
from infra.deploy.chalice.package import build
from infra.deploy.chalice.state import deployed_functions, mappings, rest_api_ids, websocket_api_ids
from infra.deploy.deploy import answered
from infra.deploy.destroy import tables_of
from infra.deploy.errors import code_of
from infra.deploy.target import Target

QUEUES = ("delivery.fifo", "delivery-dead.fifo", "stream-failures")


def show(target: Target) -> bool:
    """Show the state of a stage; say whether everything is as declared here."""
    aws, stage, progress, stack = target.aws, target.stage, target.progress, target.stack
    state = stack.status()
    progress.step(f"Stage {stage.name} in {aws.region}, account {aws.account}")
    if state is None:
        progress.detail(f"not deployed: `gamenight stage deploy --stage {stage.name}` does it")
        return False
    progress.detail(f"stack {stage.stack}: {state}")
    for api_id in rest_api_ids(aws, stage):
        url = target.addresses.rest(api_id)
        health = answered(f"{url}/health")
        serving = f"serves version {health['version']}" if health else "does not answer"
        progress.detail(f"{url}  {serving}")
    for api_id in websocket_api_ids(aws, stage):
        progress.detail(target.addresses.websocket(api_id))
    progress.detail(f"here: version {__version__}, Chalice {version('chalice')}")
    progress.step("Functions")
    for entry in deployed_functions(aws, stage):
        _show_function(target, entry["name"])
    progress.step("Tables")
    for name in tables_of(stage):
        progress.detail(f"{name}: {_if_there(lambda name=name: _table(target, name))}")
    progress.step("Queues")
    for name in QUEUES:
        queue = f"{stage.stack}-{name}"
        progress.detail(f"{queue}: {_if_there(lambda queue=queue: _queue(target, queue))}")
    progress.step("Differences from what is declared here")
    found = drift.differences(target, build(target.project, target.shape.architecture))
    found += [f"stack: {line}" for line in stack.drift() or ()]
    for line in found or ["none"]:
        progress.detail(line)
    return not found


def _show_function(target: Target, name: str) -> None:
    full_name, progress = target.stage.function(name), target.progress
    function = target.aws.client("lambda").get_function_configuration(FunctionName=full_name)
    progress.detail(
        f"{name:22} {function['MemorySize']:5} MB {function['Timeout']:3} s  {function['Runtime']}  "
        f"code {function['CodeSha256'][:8]}  of {function['LastModified'][:19]}"
    )
    for mapping in mappings(target.aws, full_name):
        progress.detail(f"{'':22} reads {mapping['EventSourceArn'].split(':', 5)[5]}: {mapping['State']}")


def _table(target: Target, name: str) -> str:
    table = target.aws.client("dynamodb").describe_table(TableName=name)["Table"]
    # DynamoDB counts about every six hours.
    return f"about {table['ItemCount']} items, {table['TableSizeBytes'] / 1e6:.1f} MB"


def _queue(target: Target, name: str) -> str:
    client = target.aws.client("sqs")
    waiting, taken = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
    url = client.get_queue_url(QueueName=name)["QueueUrl"]
    counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=[waiting, taken])["Attributes"]
    return f"{counts[waiting]} waiting, {counts[taken]} being worked on"


def _if_there(look: Callable[..., Any]) -> str:
    try:
        return str(look())
    except ClientError as error:
        if "NotFound" not in code_of(error) and "NonExistentQueue" not in code_of(error):
            raise
        return "is not there"
