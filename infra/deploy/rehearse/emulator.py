"""Serves MiniStack, as unkind as AWS, with what it lacks of API Gateway and of drift.

Run by the Python of MiniStack's own environment, for as long as standard input is open. AUTH=true makes it
enforce IAM: every function has the rights of its role and no others. Files in REHEARSAL_DIR:

- ``calls.jsonl``: what MiniStack decided on, one object a line: who, what, on what, and whether they may;
- ``wrong-calls``: what is wrong with calls by botocore's models, one thing a line;
- ``mapping-seconds``: how long an event source mapping takes to get ready, 30 where there is no such file;
- ``deny-once``: the next call of the action named in it is denied, and the file removed.
"""

import asyncio
import copy
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ministack import app as server
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import apigateway as websocket_apis
from ministack.services import apigateway_v1 as rest_apis
from ministack.services import cloudwatch, eventbridge, iam, pipes
from ministack.services import lambda_svc as functions
from ministack.services.cloudformation import drift, helpers, provisioners
from ministack.services.cloudformation import handlers as stacks
from models import problems
from unkind import Unkind

FOLDER = Path(os.environ["REHEARSAL_DIR"])

AT_ONCE = asyncio.Semaphore(8)
"""So many REST requests at once: each takes a function, and each function is a process of its own here."""

ACTIONS = {"sqs:SendMessageBatch": "sqs:SendMessage"}
"""Operations that AWS allows by the action of another operation, and MiniStack by one of their own."""

RULE = "arn:aws:events:us-east-1:000000000000:rule/game-night-live-rehearsal-"
ALARM = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:game-night-live-rehearsal-"
ON_RULES = ("DeleteRule", "ListTargetsByRule", "PutRule", "PutTargets", "RemoveTargets")
UNNAMED = {
    **dict.fromkeys([f"events:{one}" for one in ON_RULES], RULE),
    **dict.fromkeys(["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms"], ALARM),
    "cloudwatch:DeleteDashboards": "arn:aws:cloudwatch::000000000000:dashboard/game-night-live-rehearsal",
    "lambda:CreateFunction": "arn:aws:lambda:us-east-1:000000000000:function:game-night-live-rehearsal",
}
"""The resource of each action for which AWS names one and MiniStack doesn't, or names the bus of a rule."""

ATTEMPTS = 10
"""So often a part of a batch of stream records is handed over; AWS's mapping is set to as many retries."""

_handle_request = rest_apis.handle_request
_handle_execute = rest_apis.handle_execute
_evaluate_route_selection = websocket_apis._evaluate_route_selection
_enforce = iam_evaluator.enforce
_execute_function = functions._execute_function
_create_change_set = stacks._create_change_set
_create_pipe = provisioners._pipes_pipe_create
_deliver_batch = pipes._deliver_batch
_read_role, _role_properties = drift._DRIFT_READERS["AWS::IAM::Role"]
_written: set[tuple[str, str, str, bool]] = set()


async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
    """Answer ImportRestApi and PutRestApi with parts that MiniStack has, and leave all else to it."""
    if method == "POST" and path == "/restapis" and "import" in query_params.get("mode", ()):
        _, answer_headers, answer = rest_apis._get_rest_api(rest_apis._import_rest_api(json.loads(body)))
        return 201, answer_headers, answer
    api_id = path.removeprefix("/restapis/")
    if method == "PUT" and api_id in rest_apis._rest_apis:
        _overwrite(api_id, json.loads(body))
        return rest_apis._get_rest_api(api_id)
    return await _handle_request(method, path, headers, body, query_params)


async def handle_execute(*args: Any, **more: Any) -> Any:
    """Enter a function as MiniStack does, once this machine has room for it."""
    async with AT_ONCE:
        return await _handle_execute(*args, **more)


def evaluate_route_selection(expression: str, payload: str) -> str:
    """Choose the route as MiniStack does, and ``$default`` for a frame too deep for its JSON parser."""
    try:
        route: str = _evaluate_route_selection(expression, payload)
    except RecursionError:
        return "$default"
    return route


def enforce(access_key_id: str, iam_action: str, *args: Any, resource_arn: str = "*", **more: Any) -> Any:
    """Decide as MiniStack does, by AWS's names of actions, and write each decision down once."""
    iam_action = ACTIONS.get(iam_action, iam_action)
    if resource_arn == "*" or ":event-bus/" in resource_arn:
        resource_arn = UNNAMED.get(iam_action, resource_arn)
    resource_arn = resource_arn.replace(":rule/default/", ":rule/")
    denial = _enforce(access_key_id, iam_action, *args, resource_arn=resource_arn, **more)
    decided = (access_key_id, iam_action, resource_arn, denial is None)
    if decided not in _written:
        _written.add(decided)
        call = {"principal": _principal(access_key_id), "action": iam_action, "resource": resource_arn}
        with (FOLDER / "calls.jsonl").open("a") as calls:
            calls.write(json.dumps({**call, "allowed": denial is None}) + "\n")
    if _denied_once(iam_action):
        return iam_evaluator.EvalResult("ImplicitDeny", principal_arn=_principal(access_key_id))
    return denial


def execute_function(function: Any, event: Any) -> Any:
    """Enter a function as MiniStack does, then again with the stream records that it could not handle.

    MiniStack alone takes a stream's batch for done whatever ``batchItemFailures`` says, and loses the rest.
    """
    records = event.get("Records", []) if isinstance(event, dict) else []
    if not records or "dynamodb" not in records[0]:
        return _execute_function(function, event)
    for _ in range(ATTEMPTS):
        answer = _execute_function(function, {"Records": records})
        said = answer.get("body")
        said = json.loads(said) if isinstance(said, str | bytes) else said
        failed = {one["itemIdentifier"] for one in (said or {}).get("batchItemFailures", ())}
        while records and records[0]["dynamodb"]["SequenceNumber"] not in failed:
            records = records[1:]
        if not records:
            break
        time.sleep(1)
    return answer


def create_change_set(params: Any) -> Any:
    """Make a change set as AWS does with REVERT_DRIFT: it compares with what is there, not with the template.

    The stack forgets what is gone, and takes what was changed by hand for what it had made.
    """
    if helpers._p(params, "DeploymentMode") == "REVERT_DRIFT":
        stack = stacks._resolve_stack(helpers._p(params, "StackName"))
        template = stack["_template"] = copy.deepcopy(stack["_template"])
        for name, record in [*stack["_resources"].items()]:
            found = drift.detect_resource_drift(stack, name, record, "")
            if found["StackResourceDriftStatus"] == "DELETED":
                del stack["_resources"][name], template["Resources"][name]
            elif found["StackResourceDriftStatus"] == "MODIFIED":
                for one in (record["Properties"], template["Resources"][name]["Properties"]):
                    for key in json.loads(found["ExpectedProperties"]):
                        one.pop(key, None)
                    one.update(json.loads(found["ActualProperties"]))
    return _create_change_set(params)


def create_pipe(logical_id: str, props: Any, stack_name: str) -> Any:
    """Make a pipe as MiniStack does, and keep its filter."""
    made = _create_pipe(logical_id, props, stack_name)
    pipes._pipes[made[0]]["FilterCriteria"] = props["SourceParameters"]["FilterCriteria"]
    return made


def deliver_batch(pipe: Any, batch: list[Any]) -> bool:
    """Hand over what passes a pipe's filter; MiniStack alone hands over everything."""
    passed = functions._apply_filter_criteria(batch, pipe)
    return not passed or bool(_deliver_batch(pipe, passed))


def read_role(name: str, properties: Any) -> Any:
    """Read a role for drift detection as MiniStack does, and its policies, as AWS does."""
    found = _read_role(name, properties)
    if found is not None:
        found["Policies"] = [
            {"PolicyName": one, "PolicyDocument": json.loads(document)}
            for one, document in iam._roles[name]["InlinePolicies"].items()
        ]
    return found


def ready_at_once(function: str, _delay: float) -> None:
    """Make a new or changed function ready at once: Chalice looks only every five seconds."""
    functions._functions[function]["config"].update(State="Active", LastUpdateStatus="Successful")


def _principal(access_key_id: str) -> str:
    principal = iam_evaluator.resolve_principal(access_key_id, get_account_id())
    return getattr(principal, "arn", "")


def _overwrite(api_id: str, document: Any) -> None:
    resources = rest_apis._resources[api_id]
    root = next(key for key, resource in resources.items() if resource["path"] == "/")
    for other in resources.keys() - {root}:
        del resources[other]
    resources[root]["resourceMethods"] = {}
    for path, item in document["paths"].items():
        rest_apis._import_path_item(api_id, path, item)


def mapping_seconds() -> float:
    """Return how long an event source mapping takes to get ready."""
    named = FOLDER / "mapping-seconds"
    return float(named.read_text()) if named.exists() else 30.0


def note_wrong_call(problem: str) -> None:
    """Write down what is wrong with a call."""
    with (FOLDER / "wrong-calls").open("a") as calls:
        calls.write(f"{problem}\n")


def _denied_once(action: str) -> bool:
    named = FOLDER / "deny-once"
    if not named.exists() or named.read_text() != action:
        return False
    named.unlink()
    return True


def _stop_with_whoever_started() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    rest_apis.handle_request = handle_request
    rest_apis.handle_execute = handle_execute
    websocket_apis._evaluate_route_selection = evaluate_route_selection
    iam_evaluator.enforce = enforce
    functions._execute_function = execute_function
    functions._schedule_state_transition = ready_at_once
    stacks._ACTION_HANDLERS["CreateChangeSet"] = create_change_set
    provisioners._pipes_pipe_create = create_pipe
    provisioners._RESOURCE_HANDLERS["AWS::Pipes::Pipe"]["create"] = create_pipe
    pipes._deliver_batch = deliver_batch
    drift._DRIFT_READERS |= {
        "AWS::Events::EventBus": (drift._exists_in(lambda: eventbridge._event_buses), frozenset()),
        "AWS::Pipes::Pipe": (lambda name, _: pipes._pipes.get(name), {"DesiredState"}),
        "AWS::IAM::Role": (read_role, _role_properties | {"Policies"}),
        "AWS::CloudWatch::Alarm": (lambda name, _: cloudwatch._alarms.get(name), {"ActionsEnabled"}),
        "AWS::CloudWatch::Dashboard": (drift._exists_in(lambda: cloudwatch._dashboards), frozenset()),
    }
    server.app = Unkind(server.app, mapping_seconds, problems=problems, note=note_wrong_call)
    threading.Thread(target=_stop_with_whoever_started, daemon=True).start()
    server.main()
