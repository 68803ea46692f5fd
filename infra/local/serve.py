"""The local gateway from its start to its end: the engine, the functions, the stream, the sockets.

The only place that ties them together. Everything that it starts ends with it, however it ends.
"""

import asyncio
import json
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.auth.claims import Role
from chalicelib.auth.tokens import TokenIssuer
from chalicelib.aws.secrets import FileSecrets
from chalicelib.limits import ADMIN_TOKEN_SECONDS, BOT_TOKEN_SECONDS
from chalicelib.settings import Settings
from infra.deploy.template import queues, tables
from infra.local.apigateway.connections import Connections
from infra.local.apigateway.gateway import Gateway
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.management_api import ManagementApi
from infra.local.apigateway.rest_api import RestApi
from infra.local.apigateway.server import Server, bound
from infra.local.apigateway.websocket_api import PATH, WebSocketApi
from infra.local.banner import Banner
from infra.local.deployment import STAGE
from infra.local.engine.embedded import ALL_SERVICES, BUT_DYNAMODB, ROOT, EngineError, embedded_engine
from infra.local.engine.queues import EngineQueue, ensure_queues
from infra.local.engine.tables import ensure_tables
from infra.local.functions.deployed import deployed_functions
from infra.local.functions.environment import Nursery
from infra.local.functions.service import LambdaService
from infra.local.log_file import LogFile
from infra.local.state import StateDir
from infra.local.triggers.sources import Engine, Sources, engine_client
from infra.local.variables import (
    ONE_MACHINE,
    Endpoints,
    function_variables,
    log_format,
    sdk_variables,
    without_aws,
)

SCHEDULE_SECONDS = 60.0
"""As ``app.py`` has it: the only schedule there is."""

logger = logging.getLogger("gateway")


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line. ``dynamodb`` is the URL of an engine that is there already.

    ``schedule_seconds`` is how often whatever has a schedule is started.
    """

    port: int
    state: StateDir
    ready_file: Path | None
    limits: Limits
    dynamodb: str | None
    schedule_seconds: float = SCHEDULE_SECONDS


def serve(options: Options, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. ``say`` prints for a person.

    Raises StateInUse, StateUnusable, PortInUse, EngineError.
    """
    with ExitStack() as stack:
        stack.enter_context(options.state.lock("gateway"))
        options.state.readable_token_secrets()
        stack.callback(options.state.addresses.unlink, missing_ok=True)
        sockets = bound(options.port)
        for listener in sockets:
            stack.enter_context(listener)
        port: int = sockets[0].getsockname()[1]
        endpoints = stack.enter_context(_engine(options, say))
        ours = _prepare(options, endpoints, port)
        stack.enter_context(_noted(options.state.served, ours))
        shown = log_format(terminal=sys.stdout.isatty())
        variables = {**ONE_MACHINE, **shown, **without_aws(os.environ), **ours}
        os.environ.clear()
        os.environ.update(variables)
        _raise_file_limit()
        nursery = Nursery()
        nursery.open()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_Run(options, endpoints, port, say).main(sockets, nursery))


@contextmanager
def _engine(options: Options, say: Callable[[str], None]) -> Iterator[Endpoints]:
    say("Starting MiniStack...")
    services = BUT_DYNAMODB if options.dynamodb else ALL_SERVICES
    with embedded_engine(options.state, say, services) as url:
        yield Endpoints(options.dynamodb or url, url)


def _prepare(options: Options, endpoints: Endpoints, port: int) -> dict[str, str]:
    """Create what is missing, and return what of the functions' environment is ours."""
    defined = tables(STAGE)
    dynamodb = engine_client("dynamodb", endpoints)
    try:
        ensure_tables(dynamodb, defined.values())
        arn = dynamodb.describe_table(TableName=defined["SessionsTable"].name)["Table"]["LatestStreamArn"]
    except (BotoCoreError, ClientError) as error:
        raise EngineError(f"The tables can't be created on {endpoints.dynamodb}: {error}") from error
    try:
        made = ensure_queues(engine_client("sqs", endpoints), queues(STAGE))
    except (BotoCoreError, ClientError) as error:
        raise EngineError(f"The queues can't be created on {endpoints.everything}: {error}") from error
    names = {logical_name: table.name for logical_name, table in defined.items()}
    return {
        **sdk_variables(endpoints),
        **function_variables(port, names, arn, made, options.state),
    }


@contextmanager
def _noted(file: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Have noted down, while this serves, how ``infra.deploy.operate`` reaches what this uses."""
    shards = {**ONE_MACHINE, **os.environ}["AUDIENCE_SHARDS"]
    _write_whole(file, {"AUDIENCE_SHARDS": shards, **variables})
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _raise_file_limit() -> None:
    """Allow as many connections as the system does; the usual 1,024 files are few for a gateway."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Run:
    """One run, once everything below it is there."""

    def __init__(self, options: Options, endpoints: Endpoints, port: int, say: Callable[[str], None]) -> None:
        self._options = options
        self._endpoints = endpoints
        self._rest_url = f"http://localhost:{port}"
        self._websocket_url = f"ws://localhost:{port}{PATH}"
        self._say = say

    async def main(self, sockets: Sequence[socket.socket], nursery: Nursery) -> None:
        """Serve until told to stop."""
        from app import app  # noqa: PLC0415 - it reads the environment that has just been made

        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        limits = self._options.limits
        functions = LambdaService(deployed_functions(app, ROOT, STAGE), nursery.environment)
        engine = self._engine_in_use()
        sources = Sources.of(app, functions, engine, self._options.schedule_seconds)
        connections = Connections(limits, lambda: time.time_ns() // 1_000_000)
        websocket = WebSocketApi(functions, connections, limits)
        rest = RestApi(app, functions, limits, sources.stream.nudge)
        server = Server(Gateway(rest, websocket, ManagementApi(connections, limits)), limits)
        try:
            await asyncio.gather(sources.position(), functions.warm())
            if not stop.is_set():  # as it is by a Ctrl-C while the functions started
                await self._until_stopped(server, sources, sockets, stop)
        finally:
            websocket.close()
            functions.close()

    async def _until_stopped(
        self, server: Server, sources: Sources, sockets: Sequence[socket.socket], stop: asyncio.Event
    ) -> None:
        polling = asyncio.create_task(sources.run())
        serving = asyncio.create_task(server.serve([*sockets]))
        announcing = asyncio.create_task(self._announce_when(server.up))
        stopping = asyncio.create_task(stop.wait())
        trimming = asyncio.create_task(LogFile(self._options.state.log).keep_bounded())
        await asyncio.wait({polling, serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        # What the server has to cut short from here on is meant to be, and no error.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        server.stop()
        for task in (announcing, polling, stopping, trimming):
            task.cancel()
        outcomes = await asyncio.gather(serving, polling, announcing, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _announce_when(self, up: asyncio.Event) -> None:
        await up.wait()
        urls = {"rest_url": self._rest_url, "websocket_url": self._websocket_url}
        _write_whole(self._options.state.addresses, urls)
        if self._options.ready_file is not None:
            engines = {"dynamodb_url": self._endpoints.dynamodb, "sqs_url": self._endpoints.everything}
            _write_whole(self._options.ready_file, {**urls, **engines})
        issuer = TokenIssuer(
            FileSecrets(self._options.state.token_secrets), Settings.from_env(os.environ).jwt_issuer
        )
        banner = Banner(
            **urls,
            admin_token=issuer.mint("host", Role.ADMIN, ADMIN_TOKEN_SECONDS),
            bot_token=issuer.mint("bot", Role.BOT, BOT_TOKEN_SECONDS),
            engine=self._engine(),
            log=self._options.state.log,
        )
        self._say(banner.render())

    def _engine_in_use(self) -> Engine:
        sqs, names = engine_client("sqs", self._endpoints), queues(STAGE)
        return Engine(
            self._endpoints,
            os.environ["SESSIONS_TABLE"],
            EngineQueue.named(sqs, names["DeliveryQueue"].name),
            EngineQueue.named(sqs, names["StreamFailureQueue"].name),
        )

    def _engine(self) -> str:
        if self._options.dynamodb:
            return f"on {self._options.dynamodb}; it survives a kill as well as that engine does"
        return f"in {self._options.state.path}; it survives a clean stop; a kill -9 may lose the last moments"


def _write_whole(path: Path, content: Mapping[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content))
    draft.replace(path)
