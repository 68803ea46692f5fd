"""Connects to a stage's account and Region, and waits for changes there."""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Self, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, NoRegionError

from infra.deploy.output import DeploymentError, code_of

T = TypeVar("T")

CONFIG = Config(retries={"mode": "standard", "max_attempts": 8})
"""Deploying makes many calls to APIs with low limits (API Gateway: a few a second), and has time."""

ABSENT = frozenset(
    {"NotFoundException", "ResourceNotFoundException", "QueueDoesNotExist"}
    | {"AWS.SimpleQueueService.NonExistentQueue"}
)
"""What AWS answers where there is no such thing."""

IN_USE = frozenset({"ResourceInUseException", "ResourceConflictException"})
"""What Lambda answers while an earlier change of the same function or mapping is going on."""


class Aws:
    """An account in a Region. Clients are made when they are first asked for."""

    def __init__(self, session: boto3.Session, account: str, region: str) -> None:
        self.account = account
        self.region = region
        self._session = session
        self._clients: dict[str, Any] = {}

    @classmethod
    def connect(cls) -> Self:
        """Connect with the environment's credentials. Raises what botocore raises if there are none."""
        # boto3 reads AWS_DEFAULT_REGION; AWS_REGION is what Lambda and the other SDKs read, and wins.
        session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
        if session.region_name is None:
            raise NoRegionError
        caller = session.client("sts", config=CONFIG).get_caller_identity()
        return cls(session, caller["Account"], session.region_name)

    def client(self, service: str) -> Any:
        """Return the client of a service."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service, config=CONFIG)
        return self._clients[service]

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
        """Yield what an operation lists under a key, from all its pages."""
        for page in self.client(service).get_paginator(operation).paginate(**arguments):
            yield from page[key]


def if_there(call: Callable[..., Any], **arguments: Any) -> Any:
    """Return a client's answer, an empty dict if what was asked for is not there."""
    try:
        return call(**arguments)
    except ClientError as error:
        if code_of(error) in ABSENT:
            return {}
        raise


def when_free(for_what: str, call: Callable[[], T], *, within: float = 300.0) -> T:
    """Call again while an earlier change is going on. Raises DeploymentError after ``within`` seconds."""

    def look() -> tuple[T] | None:
        try:
            return (call(),)
        except ClientError as error:
            if code_of(error) not in IN_USE:
                raise
            return None

    return wait(for_what, look, within=within)[0]


def update_function(aws: Aws, name: str, **changes: Any) -> None:
    """Change a function's configuration, and wait until Lambda has done so."""
    client = aws.client("lambda")
    update = partial(client.update_function_configuration, FunctionName=name, **changes)
    when_free(f"the function {name}", update)
    client.get_waiter("function_updated_v2").wait(FunctionName=name)


def wait(for_what: str, look: Callable[[], T | None], *, within: float, every: float = 2.0) -> T:
    """Look until the answer is not None. Raises DeploymentError after ``within`` seconds."""
    deadline = time.monotonic() + within
    while (found := look()) is None:
        if time.monotonic() >= deadline:
            raise DeploymentError(
                f"Waited {within:.0f} s for {for_what}, and it is not there yet. Run the same command again: "
                "it goes on from where things are."
            )
        time.sleep(every)
    return found
