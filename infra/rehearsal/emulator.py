"""MiniStack, with the two calls of API Gateway that the released server lacks and Chalice makes.

Run with the Python of MiniStack's own environment; its settings come from the environment, as MiniStack's do.
Every authorization that MiniStack decides is appended to the file named by REHEARSAL_CALLS: one JSON object a
line with ``principal``, ``action``, ``resource`` and ``allowed``. Leaves judging them to ``permissions``.
"""

import json
import os
from pathlib import Path
from typing import Any

from ministack import app as server
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import apigateway_v1 as rest_apis

CALLS = Path(os.environ["REHEARSAL_CALLS"])

_handle_request = rest_apis.handle_request
_enforce = iam_evaluator.enforce


async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
    """Answer ImportRestApi and PutRestApi with the parts that MiniStack has; leave the rest to it."""
    if path == "/restapis" and method == "POST" and "import" in query_params.get("mode", ()):
        api_id = rest_apis._import_rest_api(json.loads(body))
        _, answer_headers, answer = rest_apis._get_rest_api(api_id)
        return 201, answer_headers, answer
    api_id = path.removeprefix("/restapis/")
    if method == "PUT" and api_id in rest_apis._rest_apis:
        _overwrite(api_id, json.loads(body))
        return rest_apis._get_rest_api(api_id)
    return await _handle_request(method, path, headers, body, query_params)


def _overwrite(api_id: str, spec: Any) -> None:
    resources = rest_apis._resources[api_id]
    for resource_id in [key for key, resource in resources.items() if resource["path"] != "/"]:
        del resources[resource_id]
    for root in resources.values():
        root["resourceMethods"] = {}
    for path, item in spec["paths"].items():
        rest_apis._import_path_item(api_id, path, item)


def enforce(access_key_id: str, iam_action: str, *args: Any, resource_arn: str = "*", **kwargs: Any) -> Any:
    """Decide as MiniStack does, and write down who asked for what."""
    denial = _enforce(access_key_id, iam_action, *args, resource_arn=resource_arn, **kwargs)
    principal = iam_evaluator.resolve_principal(access_key_id, get_account_id())
    call = {
        "principal": getattr(principal, "arn", None),
        "action": iam_action,
        "resource": resource_arn,
        "allowed": denial is None,
    }
    with CALLS.open("a") as calls:
        calls.write(json.dumps(call) + "\n")
    return denial


rest_apis.handle_request = handle_request
iam_evaluator.enforce = enforce

if __name__ == "__main__":
    server.main()
