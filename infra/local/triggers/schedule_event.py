"""The event that EventBridge hands to a function for each time that its schedule names."""

from typing import Any

from infra.local.deployment import ACCOUNT_ID, REGION, STAGE, Moment


def schedule_event(function: str, moment: Moment) -> dict[str, Any]:
    """Return the event of a function's schedule for a moment; EventBridge knows whole seconds."""
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
