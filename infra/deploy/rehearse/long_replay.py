"""A client that has missed more than the function that answers it has time for: a job goes on, in order."""

import json
from collections.abc import Iterable
from typing import Any

from websockets.sync.client import ClientConnection, connect

from infra.deploy.rehearse.terminal import DELIVERY_SECONDS, STAGE, Terminal, must

ANSWER_SECONDS = 10
"""What the function has in the rehearsal, where posts are quick: half of it is kept for its last call."""

MISSED = 3000
"""Events that take longer than that, and fit into one item of the log."""


def miss_more_than_there_is_time_for(terminal: Terminal) -> None:
    """Have a client resume behind thousands of events, and see that it gets them and the next in order."""
    terminal.progress.step("A client that has missed more than there is time for")
    session_id, last = terminal.post("sessions")["id"], MISSED + 1
    # As if votes had been counted in one batch. Only a new item is delivered, so it is filled afterwards.
    _log(terminal, session_id, last, events=1)
    _log(terminal, session_id, last, events=MISSED)
    with connect(terminal.urls()[1]) as bot:
        _ask(bot, {"type": "auth", "token": terminal.token()})
        said = _ask(bot, {"type": "subscribe", "sessionId": session_id, "since": ""})
        must(said.get("last") == last, f"a client that resumes was told {said}")
        _hear(bot, range(1, last + 1))
        terminal.asked("game", "add", "Tee K.O.", "--night", str(session_id))
        _hear(bot, [last + 1])
    terminal.progress.detail(f"{last + 1:,} events in order")


def _log(terminal: Terminal, session_id: int, last: int, *, events: int) -> None:
    """Put the last so many of a night's events into one item of its log."""
    dynamodb, table = terminal.account.client("dynamodb"), f"{STAGE.stack}-sessions"
    head = {"PK": {"S": f"session#{session_id}"}, "SK": {"S": "head"}}
    found = dynamodb.get_item(TableName=table, Key=head, ConsistentRead=True)["Item"]
    envelope = '{"type":"vote.received","timestamp":"2025-11-01T20:00:00.123Z","data":{}}'
    item = {
        "PK": head["PK"],
        "SK": {"S": f"event#{last:010}"},
        "type": {"S": "vote.received"},
        "envelope": {"S": "\n".join([envelope] * events)},
        "epoch": found["epoch"],
        "expires_at": {"N": "4000000000"},
    }
    dynamodb.put_item(TableName=table, Item=item)
    dynamodb.put_item(TableName=table, Item=found | {"sequence": {"N": str(last)}})


def _ask(bot: ClientConnection, frame: dict[str, Any]) -> Any:
    bot.send(json.dumps(frame))
    return json.loads(bot.recv(timeout=DELIVERY_SECONDS))


def _hear(bot: ClientConnection, sequences: Iterable[int]) -> None:
    """See that the next events have these sequences; one that comes again is passed over."""
    heard = 0
    for sequence in sequences:
        while heard < sequence:
            heard = max(heard, json.loads(bot.recv(timeout=DELIVERY_SECONDS))["sequence"])
        must(heard == sequence, f"event {heard} came where {sequence} was next")
