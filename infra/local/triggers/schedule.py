"""Starts a function at intervals, as a schedule of EventBridge does, whether it succeeds or fails.

Here each run waits for the last one. No function may rely on that, since EventBridge does not wait.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from infra.local.deployment import ACCOUNT_ID, REGION, STAGE, Moment
from infra.local.functions.environment import FunctionFailed
from infra.local.triggers.polling import Sleep

logger = logging.getLogger("gateway.schedule")


def schedule_event(function: str, moment: Moment) -> dict[str, Any]:
    """Return the event of a function's schedule. Its time is in whole seconds, as EventBridge's is."""
    rule = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/game-night-live-{STAGE}-{function}-event"
    return {
        "version": "0",
        "id": moment.request_id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT_ID,
        "time": moment.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [rule],
        "detail": {},
    }


async def run_schedule(
    name: str,
    seconds: float,
    invoke: Callable[[str, Any], Awaitable[Any]],
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Start a function every ``seconds``, until cancelled."""
    while True:
        await sleep(seconds)
        try:
            await invoke(name, schedule_event(name, Moment.present()))
        except FunctionFailed:
            continue  # the failure has been logged; the next run makes up for it
        except Exception:
            logger.exception("a scheduled function could not be started")
