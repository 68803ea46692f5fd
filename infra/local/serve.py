"""Runs the local gateway from start to end: the engine, the functions, their triggers, the sockets.

Everything that it starts ends with it, even if it is killed.
"""

import asyncio
import json
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.auth.claims import Role
from chalicelib.auth.secret_file import FileSecrets
from chalicelib.auth.tokens import TokenIssuer
from chalicelib.limits import ADMIN_TOKEN_SECONDS, BOT_TOKEN_SECONDS
from chalicelib.settings import Settings
from infra import ROOT
from infra.local.apigateway.connections import Connections
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.management_api import ManagementApi
from infra.local.apigateway.rest_api import RestApi
from infra.local.apigateway.server import BACKLOG, bound, server
from infra.local.apigateway.websocket_api import WebSocketApi
from infra.local.banner import Banner
from infra.local.deployment import STAGE
from infra.local.engine.embedded import ALL_SERVICES, BUT_DYNAMODB, EngineError, embedded_engine
from infra.local.engine.endpoints import Endpoints, engine_client, sdk_variables, without_aws
from infra.local.engine.queues import EngineQueue, ensure_queues
from infra.local.engine.tables import ensure_tables
from infra.local.functions.deployed import deployed_functions
from infra.local.functions.environment import start_fork_server
from infra.local.functions.service import LambdaService
from infra.local.log_file import LogFile
from infra.local.state import StateDir
from infra.local.triggers.sources import Sources
from infra.local.variables import ONE_MACHINE, function_variables, log_format, urls
from infra.template import queues, tables

SCHEDULE_SECONDS = 60.0
"""As ``app.py`` has it: the only schedule there is."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line. ``dynamodb`` is the URL of an engine that runs already.

    Functions with a schedule start every ``schedule_seconds``.
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
    state = options.state
    with ExitStack() as stack:
        stack.enter_context(state.lock("gateway"))
        state.readable_token_secrets()
        sockets = [stack.enter_context(listener) for listener in bound(options.port)]
        port: int = sockets[0].getsockname()[1]
        posts = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=BACKLOG))
        say("Starting MiniStack...")
        services = BUT_DYNAMODB if options.dynamodb else ALL_SERVICES
        embedded = stack.enter_context(embedded_engine(state, say, services))
        endpoints = Endpoints(options.dynamodb or embedded, embedded)
        stream_arn, made = _prepare(endpoints)
        ours = {**sdk_variables(endpoints), **function_variables(port, posts, stream_arn, made, state)}
        environment = {**ONE_MACHINE, **log_format(terminal=sys.stdout.isatty()), **without_aws(os.environ)}
        # Tells ``infra.deploy.operate`` where tables and queues are, while this serves.
        _write_whole(state.served, {"AUDIENCE_SHARDS": environment["AUDIENCE_SHARDS"], **ours})
        for file in (state.served, state.addresses):
            stack.callback(file.unlink, missing_ok=True)
        os.environ.clear()
        os.environ.update({**environment, **ours})
        # As many connections as the system allows; the usual 1,024 files are few for a gateway.
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        start_fork_server()

        def announce() -> None:
            addresses = urls(port)
            _write_whole(state.addresses, addresses)
            if options.ready_file is not None:
                engines = {"dynamodb_url": endpoints.dynamodb, "sqs_url": endpoints.everything}
                _write_whole(options.ready_file, {**addresses, **engines})
            say(_banner(options, addresses).render())

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(options, endpoints, made, [*sockets, posts], announce))


def _prepare(endpoints: Endpoints) -> tuple[str, dict[str, EngineQueue]]:
    """Create what is missing; return the name of the sessions table's stream, and the queues."""
    defined = tables(STAGE)
    dynamodb = engine_client("dynamodb", endpoints)
    try:
        ensure_tables(dynamodb, defined.values())
        described = dynamodb.describe_table(TableName=defined["SessionsTable"].name)
    except (BotoCoreError, ClientError) as error:
        raise EngineError(f"The tables can't be created on {endpoints.dynamodb}: {error}") from error
    try:
        made = ensure_queues(engine_client("sqs", endpoints), queues(STAGE))
    except (BotoCoreError, ClientError) as error:
        raise EngineError(f"The queues can't be created on {endpoints.everything}: {error}") from error
    return described["Table"]["LatestStreamArn"], made


async def _run(
    options: Options,
    endpoints: Endpoints,
    made: Mapping[str, EngineQueue],
    sockets: list[socket.socket],
    announce: Callable[[], None],
) -> None:
    """Serve until a signal comes, or until what triggers the functions fails; posts go to the last socket."""
    from app import app  # noqa: PLC0415 - it reads the environment that has just been made

    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    limits, connections = options.limits, Connections()
    functions = LambdaService(deployed_functions(app, ROOT, STAGE))
    sources = Sources.of(app, functions, endpoints, made, options.schedule_seconds)
    websocket = WebSocketApi(functions, connections, limits)
    serving = server(RestApi(app, functions, limits), websocket, limits)
    await loop.create_server(lambda: ManagementApi(connections, limits), sock=sockets.pop())
    try:
        await asyncio.gather(sources.stream.position(), functions.warm())
        if stopped.is_set():
            return
        announce()  # the sockets listen already
        tasks = [
            asyncio.create_task(serving.serve(sockets)),  # which handles signals itself
            asyncio.create_task(sources.run()),
            asyncio.create_task(stopped.wait()),  # for a signal that comes before that
            asyncio.create_task(LogFile(options.state.log).keep_bounded()),
        ]
        await asyncio.wait(tasks[:3], return_when=asyncio.FIRST_COMPLETED)
        serving.should_exit = True
        for task in tasks[1:]:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
    finally:
        websocket.close()
        functions.close()


def _banner(options: Options, addresses: Mapping[str, str]) -> Banner:
    issuer = TokenIssuer(FileSecrets(options.state.token_secrets), Settings.from_env(os.environ).jwt_issuer)
    if options.dynamodb:
        engine = f"on {options.dynamodb}; it survives a kill as well as that engine does"
    else:
        engine = f"in {options.state.path}; it survives a clean stop; a kill -9 may lose the last moments"
    return Banner(
        **addresses,
        admin_token=issuer.mint("host", Role.ADMIN, ADMIN_TOKEN_SECONDS),
        bot_token=issuer.mint("bot", Role.BOT, BOT_TOKEN_SECONDS),
        engine=engine,
        log=options.state.log,
    )


def _write_whole(path: Path, content: Mapping[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content))
    draft.replace(path)
