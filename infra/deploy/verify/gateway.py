"""Measures what API Gateway does with paths and connections."""

import json
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from infra.deploy.verify.finding import Finding, NotMeasured, judged
from infra.deploy.verify.service import Service, frames

SILENT_SECONDS = 20.0
IDLE_SECONDS = 11 * 60.0
"""API Gateway closes a connection that is idle for ten minutes."""

PING_SECONDS = 60.0


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
