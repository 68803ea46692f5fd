"""Takes the measures of a deployed stage: its contract, its functions, its stack, and API Gateway itself."""

import json
import re
import statistics
import sys
import time
from importlib.util import find_spec
from subprocess import PIPE, STDOUT, Popen
from threading import Timer

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from chalicelib.nights.events import SESSIONS_STREAM
from infra.deploy import post_deploy
from infra.deploy.aws import update_function
from infra.deploy.chalice.state import mappings
from infra.deploy.operate.stage import deployed_stage
from infra.deploy.stack import UNTOLD
from infra.deploy.target import Target
from infra.deploy.verify.finding import Finding, NotMeasured, Verdict, judged
from infra.deploy.verify.service import Service, frames, hear

WITHIN_SECONDS = 30 * 60.0
ROUNDS = 20
SILENT_SECONDS = 20.0
IDLE_SECONDS = 11 * 60.0
"""API Gateway closes a connection that is idle for ten minutes."""

PING_SECONDS = 60.0


def suite_options(rest_url: str, websocket_url: str, stage: str) -> list[str]:
    """Return the suite's options for a stage; ``rest_url`` ends in ``/api``."""
    token = f"{sys.executable} -m infra.cli token --stage {stage}"
    urls = ["--rest-url", rest_url.removesuffix("/api"), "--websocket-url", websocket_url]
    return [*urls, "--token-command", token, "-p", "no:cacheprovider"]


def conformance(service: Service, suite: str = "tests/conformance") -> Finding:
    """Check whether the service keeps its contract."""
    if find_spec("pytest") is None:
        raise NotMeasured("pytest is not installed; `make install` installs it")
    target = service.target
    named = suite_options(service.rest_url, service.websocket_url, target.stage.name)
    command, lines = [sys.executable, "-m", "pytest", suite, *named], [""]
    with Popen(command, cwd=target.project, stdout=PIPE, stderr=STDOUT, text=True) as suite_run:
        limit = Timer(WITHIN_SECONDS, suite_run.kill)
        limit.start()
        try:
            for line in suite_run.stdout or ():
                lines.append(line.strip())
                target.progress.detail(lines[-1])
            suite_run.wait()
        finally:
            limit.cancel()
            suite_run.kill()
    failed = [line.split(" - ")[0] for line in lines if re.match("(FAILED|ERROR) ", line)]
    return judged("; ".join([lines[-1].strip("= "), *failed]), holds=suite_run.returncode == 0)


def latency(service: Service) -> Finding:
    """Measure the first event after a cold start, then the next ones."""
    with service.bot() as bot:
        _renew(service.target, "api_handler", "broadcast")
        cold = service.seconds_to_event(bot)
        warm = sorted(service.seconds_to_event(bot) for _ in range(ROUNDS))
    median = _ms(statistics.median(warm))
    text = f"cold {_ms(cold)}; warm median {median}, longest of {ROUNDS} {_ms(warm[-1])}"
    return Finding(Verdict.SHOWN, text)


def queue_window(service: Service) -> Finding:
    """Deliver two events again by jobs, and read the mapping's batching window. The second event is warm."""
    aws, stage = service.target.aws, service.target.stage
    name = stage.function("deliver")
    [mapping] = [one for one in mappings(aws, stage) if one["FunctionArn"].endswith(name)]
    window = mapping.get("MaximumBatchingWindowInSeconds", 0)
    seconds = []
    with service.bot() as bot, deployed_stage(aws, stage).application() as (application, run):
        again = application.redelivery
        for _ in range(2):
            night = service.start_night()
            hear(bot, night)
            began = time.monotonic()
            run(again.deliver(again.log.events(SESSIONS_STREAM, night - 1, 1)))
            seconds.append(hear(bot, night) - began)
    text = f"{window} s; an event by a job after {_ms(seconds[0])}, the next after {_ms(seconds[1])}"
    return judged(text, holds=window == 0)


def redeploy(service: Service) -> Finding:
    """Deploy functions and routes while a connection is open."""
    target = service.target
    with service.bot() as bot:
        _renew(target, *target.functions)
        post_deploy.websocket_deployment(target, changed=True)
        try:
            seconds = service.seconds_to_event(bot)
        except (ConnectionClosed, TimeoutError) as lost:
            return judged(f"the connection hears nothing more: {lost!r}", holds=False)
    return judged(f"the connection is open and heard an event after {_ms(seconds)}", holds=True)


def drift(service: Service) -> Finding:
    """Ask CloudFormation what differs from the stack's template."""
    found = service.target.stack.drift()
    if found and found[0].startswith(UNTOLD):
        raise NotMeasured(found[0])
    return judged("; ".join(found) or "none", holds=not found)


def _renew(target: Target, *names: str) -> None:
    """Restart functions: Lambda does so after each change of their configuration."""
    for name in names:
        for text in ("being verified", ""):
            update_function(target.aws, target.stage.function(name), Description=text)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def missing_path(service: Service) -> Finding:
    """Request a path that does not exist, with a token."""
    _only_on_aws(service)
    status, answer = service.ask("GET", "/is/not/there")
    said = str(answer.get("message")).partition(" in Authorization header")[0]
    refused = said == "Invalid key=value pair (missing equal-sign)"
    return judged(f"{status}, {said}", holds=refused and status == 403)  # noqa: PLR2004 - Forbidden


def connect_by_message(service: Service) -> Finding:
    """Send a frame that API Gateway routes to ``$connect``."""
    began = time.time()
    with service.bot() as bot:
        try:
            bot.send(json.dumps({"action": "$connect"}))
            said = _answer(bot)
            bot.send(json.dumps({"type": "ping"}))
            next(frame for frame in frames(bot) if frame.get("type") == "pong")
        except (ConnectionClosed, TimeoutError) as lost:
            return judged(f"the connection no longer works: {lost!r}", holds=False)
    runs = _runs(service, "websocket_connect", began)
    text = f"{said}; websocket_connect logged {runs} runs for one connection, which still works"
    return judged(text, holds=True)


def protocol_pings(service: Service, idle_seconds: float = IDLE_SECONDS) -> Finding:
    """Leave two connections idle, one of them with the protocol's pings."""
    _only_on_aws(service)
    with service.bot() as silent, service.bot(PING_SECONDS) as pinged:
        time.sleep(idle_seconds)
        kept, control = _state(pinged), _state(silent)
    text = f"after {idle_seconds:.0f} s a connection with pings is {kept}, one without is {control}"
    return judged(text, holds=control == "closed")


def _only_on_aws(service: Service) -> None:
    if service.target.options.push_endpoint:
        raise NotMeasured("an emulator serves the stage, and differs from AWS here")


def _answer(bot: ClientConnection) -> str:
    try:
        found = next(one for one in frames(bot, SILENT_SECONDS) if one.get("type") != "session.started")
    except TimeoutError:
        return f"no answer in {SILENT_SECONDS:.0f} s"
    return f"answered {found.get('message')!r}"


def _runs(service: Service, function: str, since: float) -> int:
    """Count how often a function ran; its log is some seconds late."""
    aws, group, start = service.target.aws, service.target.stage.log_group(function), int(since * 1000)
    began = {"logGroupName": group, "filterPattern": '"START RequestId"', "startTime": start}
    return len([*aws.pages("logs", "filter_log_events", "events", **began)])


def _state(bot: ClientConnection) -> str:
    try:
        return "open" if bot.ping().wait(SILENT_SECONDS) else "silent"
    except ConnectionClosed:
        return "closed"
