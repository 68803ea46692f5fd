"""Measures the stage's functions, their triggers and its stack."""

import statistics
import time

from websockets.exceptions import ConnectionClosed

from chalicelib.nights.events import SESSIONS_STREAM
from infra.deploy import post_deploy
from infra.deploy.aws import update_function
from infra.deploy.chalice.state import mappings
from infra.deploy.operate.stage import deployed_stage
from infra.deploy.stack import UNTOLD
from infra.deploy.target import Target
from infra.deploy.verify.finding import Finding, NotMeasured, Verdict, judged
from infra.deploy.verify.service import Service, hear

ROUNDS = 20


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
