"""Every write that delivery makes, without an SDK, on the rows of audiences and on its progress."""

from typing import Any

from chalicelib.delivery.jobs import Checkpoint, Pending
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import session_stream
from tests.faults.service import Service
from tests.faults.writes import PUT, UPDATE, Write

STREAM = session_stream(1)
AUDIENCE = f"audience#{STREAM}"
PROGRESS = f"fan_out#{STREAM}"
THIRD = Cursor("e", 3)


def row(service: Service) -> Any:
    """Return the bot's row in the audience of session 1, as DynamoDB has it."""
    rows = service.client("dynamodb").scan(TableName=service.settings.connections_table)["Items"]
    [found] = [one for one in rows if one["PK"]["S"].startswith(AUDIENCE)]
    return {name: value["N"] for name, value in found.items() if "N" in value}


def falls_behind(service: Service) -> Any:
    return service.app._audiences.fall_behind(STREAM, "bot=", 2, 2)


WRITES_OF_DELIVERY = [
    Write("fall behind", falls_behind, UPDATE, AUDIENCE, lambda s: row(s)["behind"] == "2"),
    Write(
        "note a missed event",
        lambda s: s.app._audiences.note_missed(STREAM, "bot=", 3),
        UPDATE,
        AUDIENCE,
        lambda s: row(s)["missed"] == "3",
        falls_behind,
    ),
    Write(
        "advance",
        lambda s: s.app._audiences.advance(STREAM, "bot=", 2, 3),
        UPDATE,
        AUDIENCE,
        lambda s: row(s)["behind"] == "3",
        falls_behind,
    ),
    Write(
        "become live",
        lambda s: s.app._audiences.become_live(STREAM, "bot=", 2, 2),
        UPDATE,
        AUDIENCE,
        lambda s: row(s)["position"] == "2" and "behind" not in row(s),
        falls_behind,
    ),
    Write("save what was handled", lambda s: s.app._progress.save_handled(STREAM, THIRD), UPDATE, PROGRESS),
    Write(
        "save what is pending",
        lambda s: s.app._progress.save_pending(STREAM, Pending(2, THIRD)),
        UPDATE,
        PROGRESS,
    ),
    Write(
        "save a checkpoint",
        lambda s: s.app._progress.save_checkpoint(STREAM, 0, Checkpoint(THIRD, first=2)),
        PUT,
        PROGRESS,
    ),
]
