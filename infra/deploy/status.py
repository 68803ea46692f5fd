"""What is deployed of a stage, and where it differs from what is declared here."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import __version__
from infra.deploy import drift
from infra.deploy.aws import Aws
from infra.deploy.chalice_state import deployed_functions, mappings, rest_api_ids, websocket_api_ids
from infra.deploy.deploy import answered
from infra.deploy.destroy import tables_of
from infra.deploy.errors import code_of
from infra.deploy.package import build
from infra.deploy.progress import Progress
from infra.deploy.target import Target

QUEUES = ("delivery.fifo", "delivery-dead.fifo", "stream-failures")


def show(target: Target, ask: Callable[[str], dict[str, Any] | None] = answered) -> bool:
    """Show the state of a stage; say whether everything is as declared here."""
    aws, stage, progress, stack = target.aws, target.stage, target.progress, target.stack
    state = stack.status()
    progress.step(f"Stage {stage.name} in {aws.region}, account {aws.account}")
    if state is None:
        progress.detail(f"not deployed: `python -m infra deploy --stage {stage.name}` does it")
        return False
    progress.detail(f"stack {stage.stack}: {state}")
    for api_id in rest_api_ids(aws, stage):
        url = target.addresses.rest(api_id)
        health = ask(f"{url}/health")
        serving = f"serves version {health['version']}" if health else "does not answer"
        progress.detail(f"{url}  {serving}")
    for api_id in websocket_api_ids(aws, stage):
        progress.detail(target.addresses.websocket(api_id))
    progress.detail(f"here: version {__version__}, Chalice {version('chalice')}")
    progress.step("Functions")
    for entry in deployed_functions(aws, stage):
        _show_function(aws, stage.function(entry["name"]), entry["name"], progress)
    progress.step("Tables")
    for name in tables_of(stage):
        _show_table(aws, name, progress)
    progress.step("Queues")
    for name in QUEUES:
        _show_queue(aws, f"{stage.stack}-{name}", progress)
    progress.step("Differences from what is declared here")
    found = drift.differences(target, build(target.project, target.shape.architecture))
    found += [f"stack: {line}" for line in stack.drift() or ()]
    for line in found or ["none"]:
        progress.detail(line)
    return not found


def _show_function(aws: Aws, full_name: str, name: str, progress: Progress) -> None:
    function = aws.client("lambda").get_function_configuration(FunctionName=full_name)
    progress.detail(
        f"{name:22} {function['MemorySize']:5} MB {function['Timeout']:3} s  {function['Runtime']}  "
        f"code {function['CodeSha256'][:8]}  of {function['LastModified'][:19]}"
    )
    for mapping in mappings(aws, full_name):
        progress.detail(f"{'':22} reads {mapping['EventSourceArn'].split(':', 5)[5]}: {mapping['State']}")


def _show_table(aws: Aws, name: str, progress: Progress) -> None:
    try:
        table = aws.client("dynamodb").describe_table(TableName=name)["Table"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        progress.detail(f"{name}: is not there")
        return
    # DynamoDB counts about every six hours.
    progress.detail(f"{name}: about {table['ItemCount']} items, {table['TableSizeBytes'] / 1e6:.1f} MB")


def _show_queue(aws: Aws, name: str, progress: Progress) -> None:
    client = aws.client("sqs")
    try:
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
    except ClientError as error:
        if "NonExistentQueue" not in code_of(error):
            raise
        progress.detail(f"{name}: is not there")
        return
    counts = client.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    waiting = counts["ApproximateNumberOfMessages"]
    progress.detail(
        f"{name}: {waiting} waiting, {counts['ApproximateNumberOfMessagesNotVisible']} being worked on"
    )
