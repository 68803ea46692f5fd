"""Runs the local gateway: the engine, the functions, their triggers, and the sockets.

Every process that it starts ends when it ends, even if it is killed.
"""

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import uvloop
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.auth.claims import Claims, Role
from chalicelib.auth.secret_file import FileSecrets
from chalicelib.auth.tokens import TokenIssuer
from chalicelib.limits import ADMIN_TOKEN_SECONDS, BOT_TOKEN_SECONDS
from chalicelib.settings import JSON_LINES, TEXT_LINES, Settings
from infra import ROOT
from infra.local.apigateway.connections import Connections
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.management_api import ManagementApi
from infra.local.apigateway.rest_api import RestApi
from infra.local.apigateway.server import BACKLOG, bound, network_address, server
from infra.local.apigateway.websocket_api import PATH, WebSocketApi
from infra.local.banner import banner
from infra.local.deployment import STAGE
from infra.local.engine.embedded import ALL_SERVICES, BUT_DYNAMODB, EngineError, embedded_engine
from infra.local.engine.endpoints import Endpoints, engine_client, point_the_sdks_at, sdk_variables
from infra.local.engine.queues import EngineQueue, ensure_queues
from infra.local.engine.tables import ensure_tables
from infra.local.functions.deployed import deployed_functions
from infra.local.functions.environment import start_fork_server
from infra.local.functions.service import LambdaService
from infra.local.log_file import LogFile
from infra.local.state import StateDir, write_whole
from infra.local.triggers.sources import call_functions, stream_poller
from infra.template import queues, tables

SCHEDULE_SECONDS = 60.0
"""The interval in ``app.py``, which has only one schedule."""

ONE_MACHINE = {"AUDIENCE_SHARDS": "1", "INLINE_AUDIENCE": "10000"}
"""Defaults that suit one machine; variables of the shell override them. On AWS eight functions each bring a
part of the account's rate, so jobs pay off from an audience of 501. Here all functions share a few cores and
nothing limits the rate, so shards and jobs would only add work."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line.

    ``dynamodb`` is the URL of an engine that is already running. Functions with a schedule run every
    ``schedule_seconds``.
    """

    port: int
    state: StateDir
    limits: Limits
    dynamodb: str | None
    schedule_seconds: float = SCHEDULE_SECONDS
    host: str = "localhost"


Announce = Callable[[Mapping[str, str], str], None]
"""Called once requests are served, with the URLs of the service and its engines, and a text for people."""


def serve(options: Options, say: Callable[[str], None], announce: Announce) -> None:
    """Serve until SIGINT or SIGTERM, or until the engine ends. ``say`` prints text for people.

    Raises StateInUse, StateUnusable, PortInUse, EngineError.
    """
    state = options.state
    with ExitStack() as stack:
        stack.enter_context(state.lock("gateway"))
        state.readable_token_secrets()
        sockets = [stack.enter_context(listener) for listener in bound(options.port, options.host)]
        port: int = sockets[0].getsockname()[1]
        posts = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=BACKLOG))
        say("Starting MiniStack...")
        services = BUT_DYNAMODB if options.dynamodb else ALL_SERVICES
        embedded = stack.enter_context(embedded_engine(state, say, services, ended=_stop))
        endpoints = Endpoints(options.dynamodb or embedded, embedded)
        stream_arn, made = _prepare(endpoints)
        urls = {"rest_url": f"http://localhost:{port}", "websocket_url": f"ws://localhost:{port}{PATH}"}
        if options.host != "localhost" and (address := network_address()):
            urls["network_url"] = f"http://{address}:{port}"
        ours = {**sdk_variables(endpoints), **_function_variables(posts, stream_arn, made, state)}
        # On a terminal the log is short. The shell's LOG_FORMAT wins.
        log_format = {"LOG_FORMAT": TEXT_LINES if sys.stdout.isatty() else JSON_LINES}
        point_the_sdks_at(ours)
        os.environ.update({**ONE_MACHINE, **log_format, **os.environ, **ours})
        # Tells ``infra.deploy.operate`` where tables and queues are, while this serves.
        write_whole(state.served, {"AUDIENCE_SHARDS": os.environ["AUDIENCE_SHARDS"], **ours})
        for file in (state.served, state.addresses):
            stack.callback(file.unlink, missing_ok=True)
        # Raise the limit of open files, usually 1,024: each connection is one.
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        start_fork_server()

        def ready() -> None:
            addresses = {**urls, "dynamodb_url": endpoints.dynamodb, "sqs_url": endpoints.everything}
            write_whole(state.addresses, addresses)
            announce(addresses, _banner(options, urls))

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(options, endpoints, made, [*sockets, posts], ready))


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _prepare(endpoints: Endpoints) -> tuple[str, dict[str, EngineQueue]]:
    """Create missing tables and queues. Return the ARN of the sessions table's stream, and the queues."""
    defined = tables(STAGE)
    dynamodb = engine_client("dynamodb", endpoints)
    try:
        ensure_tables(dynamodb, defined.values())
        described = dynamodb.describe_table(TableName=defined["SessionsTable"].name)
        made = ensure_queues(engine_client("sqs", endpoints), queues(STAGE))
    except (BotoCoreError, ClientError) as error:
        raise EngineError(f"Tables or queues can't be created on {endpoints.dynamodb}: {error}") from error
    return described["Table"]["LatestStreamArn"], made


def _function_variables(
    posts: socket.socket, stream_arn: str, made: Mapping[str, EngineQueue], state: StateDir
) -> dict[str, str]:
    """Return the functions' environment variables. ``posts`` is the socket that takes posts to clients."""
    defined = tables(STAGE)
    return {
        "SESSIONS_TABLE": defined["SessionsTable"].name,
        "CONNECTIONS_TABLE": defined["ConnectionsTable"].name,
        "SESSIONS_STREAM_ARN": stream_arn,
        "DELIVERY_QUEUE_URL": made["DeliveryQueue"].url,
        "DELIVERY_QUEUE_ARN": made["DeliveryQueue"].arn,
        "STREAM_FAILURE_QUEUE_URL": made["StreamFailureQueue"].url,
        "JWT_SECRET_FILE": str(state.token_secrets.resolve()),
        "LOG_FILE": str(state.log.resolve()),
        # An IP address, so that no broadcast has to resolve a name.
        "PUSH_ENDPOINT": "http://{}:{}/{{stage}}".format(*posts.getsockname()),
        "WEBSOCKET_URL": PATH,
    }


async def _run(
    options: Options,
    endpoints: Endpoints,
    made: Mapping[str, EngineQueue],
    sockets: list[socket.socket],
    ready: Callable[[], None],
) -> None:
    """Serve until a signal comes or a trigger fails. The last of ``sockets`` takes posts to clients."""
    from app import app  # noqa: PLC0415 - it reads the environment, which is complete only now

    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    limits, connections = options.limits, Connections()
    functions = LambdaService(deployed_functions(app, ROOT, STAGE))
    stream = stream_poller(app, functions, endpoints, made["StreamFailureQueue"])
    websocket = WebSocketApi(functions, connections, limits)
    serving = server(RestApi(app, functions, limits), websocket, limits)
    await loop.create_server(lambda: ManagementApi(connections, limits), sock=sockets.pop())
    try:
        await asyncio.gather(stream.position(), functions.warm())
        if stopped.is_set():
            return
        ready()  # the sockets are already listening
        tasks = [
            asyncio.create_task(serving.serve(sockets)),  # it handles signals itself
            asyncio.create_task(call_functions(app, functions, stream, made, options.schedule_seconds)),
            asyncio.create_task(stopped.wait()),  # a signal may come before that
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


def _host_code() -> str:
    """Return a code that signs in a host. ``POST /api/invites`` can't be called yet."""
    from chalicelib.bootstrap import application  # noqa: PLC0415 - it reads the environment too

    host = Claims("host", Role.ADMIN, issued_at=0, expires_at=0, token_id="")
    return application().invites.invite_host(host)[0]


def _banner(options: Options, urls: Mapping[str, str]) -> str:
    issuer = TokenIssuer(FileSecrets(options.state.token_secrets), Settings.from_env(os.environ).jwt_issuer)
    if options.dynamodb:
        engine = f"on {options.dynamodb}; it survives a kill as well as that engine does"
    else:
        engine = f"in {options.state.path}; it survives a clean stop; a kill -9 may lose the last moments"
    return banner(
        rest_url=urls["rest_url"],
        websocket_url=urls["websocket_url"],
        network_url=urls.get("network_url"),
        host_code=_host_code,
        log=options.state.log,
        admin_token=issuer.mint("host", Role.ADMIN, ADMIN_TOKEN_SECONDS),
        bot_token=issuer.mint("bot", Role.BOT, BOT_TOKEN_SECONDS),
        engine=engine,
    )
