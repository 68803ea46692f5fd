"""An event of the log that nobody can read: set aside by the function, mended, and delivered by a redrive."""

from infra.deploy.aws import Clock
from infra.deploy.rehearse.terminal import DELIVERY_SECONDS, STAGE, Terminal, must

FAR_AWAY = "event#0000009999"
"""Where a night has no event of its own, so that it can go on as if there were none."""


def set_aside_and_redrive(terminal: Terminal) -> None:
    """Put an event into a night's log that has no meaning, wait until it is set aside, and redo it mended."""
    terminal.progress.step("An event that nobody can read is set aside, mended and redone")
    session_id = terminal.post("sessions")["id"]
    _put(terminal, session_id, "game.exploded")
    sqs, queue = terminal.queue("stream-failures")

    def waiting() -> bool | None:
        asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
        return True if asked["Attributes"]["ApproximateNumberOfMessages"] != "0" else None

    Clock().wait("the event on the failure queue", waiting, within=DELIVERY_SECONDS, every=0.5)
    still = terminal.asked("stage", "redrive", "--dry-run")["records"]
    must(still["unreadable"] == 1, f"an event that can't be read is not told of: {still}")
    _put(terminal, session_id, "game.added")
    redone = terminal.asked("stage", "redrive")["records"]
    must((redone["redone"], redone["events"]) == (1, 1), f"a mended event was not redone: {redone}")
    terminal.progress.detail("set aside, mended and redone")


def _put(terminal: Terminal, session_id: int, event_type: str) -> None:
    keys = {"PK": {"S": f"session#{session_id}"}, "SK": {"S": FAR_AWAY}}
    event = {"type": {"S": event_type}, "envelope": {"S": "{}"}, "epoch": {"S": "rehearsed"}}
    dynamodb = terminal.account.client("dynamodb")
    dynamodb.put_item(TableName=f"{STAGE.stack}-sessions", Item={**keys, **event})
