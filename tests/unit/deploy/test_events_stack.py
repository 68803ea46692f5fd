"""The stack of the event bus: what its state machine makes of the log, and what its roles allow."""

import json
import subprocess
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml

from chalicelib.nights.events import EventType
from infra.ministack import PYTHON
from infra.template import EVENTS, MAX_SENT, sent

RESOURCES: Any = cfn_yaml.load(str(EVENTS))["Resources"]
EACH = RESOURCES["Machine"]["Properties"]["Definition"]["States"]["EachEvent"]
[ENTRY] = EACH["ItemProcessor"]["States"]["Put"]["Arguments"]["Entries"]

EVALUATE = """
import json, sys
from ministack.services.stepfunctions import _evaluate_jsonata
items, fields, records = json.load(sys.stdin)
found = _evaluate_jsonata(items, records, {})
print(json.dumps([[_evaluate_jsonata(field, one, {}) for field in fields] for one in found]))
"""


def published(*batches: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the type and the detail of each event that the state machine publishes."""
    texts = ["\n".join(map(json.dumps, batch)) for batch in batches]
    records = [{"dynamodb": {"NewImage": {"envelope": {"S": text}}}} for text in texts]
    items, *fields = [one[2:-2].strip() for one in (EACH["Items"], ENTRY["DetailType"], ENTRY["Detail"])]
    done = subprocess.run(
        [PYTHON, "-c", EVALUATE],
        input=json.dumps([items, fields, records]).encode(),
        capture_output=True,
        check=True,
    )
    return [(kind, detail) for kind, detail in json.loads(done.stdout)]


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "timestamp": "2025-11-01T20:00:00.123Z", "data": {"session": {"id": 17}, **data}}


STARTED = event("session.started", session={"id": 17, "notes": "Friday Game Night"})
GAME = {"id": 1, "title": "Quiplash"}
VOTE = event("vote.received", game=GAME, vote={"username": "Zoë", "type": "up"})


def test_an_event_is_published_as_clients_get_it_with_a_text() -> None:
    [(kind, detail)] = published([STARTED])

    assert kind == "session.started"
    assert detail == {**STARTED, "text": "Game night 17 has started: Friday Game Night"}


def test_each_vote_of_a_batch_is_an_event() -> None:
    found = published([STARTED], [VOTE, VOTE])

    assert [kind for kind, _ in found] == ["session.started", "vote.received", "vote.received"]


@pytest.mark.parametrize("notes", [None, "", 'Say "hi" \\ \n now'])
def test_a_text_needs_no_escape_in_json(notes: str | None) -> None:
    [(_, detail)] = published([event("session.started", session={"id": 17, "notes": notes})])

    assert json.dumps(detail["text"], ensure_ascii=False) == f'"{detail["text"]}"'
    assert detail["text"].startswith("Game night 17 has started: " if notes else "Game night 17 has started")


def test_each_type_of_event_has_a_text() -> None:
    withdrawn = event("vote.withdrawn", game=GAME, vote={"username": "Zoë"})
    ended = event("session.ended", session={"id": 17, "games_played": 4})
    played = [event(kind, game=GAME) for kind in ("game.added", "game.removed")]

    found = published([STARTED, *played, VOTE, withdrawn, ended])

    assert {kind: detail["text"] for kind, detail in found} == {
        EventType.SESSION_STARTED: "Game night 17 has started: Friday Game Night",
        EventType.GAME_ADDED: "Game night 17 plays Quiplash",
        EventType.GAME_REMOVED: "Game night 17 no longer plays Quiplash",
        EventType.VOTE_RECEIVED: "Zoë votes up for Quiplash",
        EventType.VOTE_WITHDRAWN: "Zoë takes back the vote for Quiplash",
        EventType.SESSION_ENDED: "Game night 17 has ended. Games played: 4",
    }


def test_the_roles_allow_one_thing_on_one_resource() -> None:
    for name in ("MachineRole", "PipeRole"):
        [policy] = RESOURCES[name]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]:
            assert "*" not in str(statement["Action"])
            assert statement["Resource"] != "*" or statement["Action"] == "dynamodb:ListStreams"


def test_the_template_fits_into_one_request() -> None:
    assert len(sent("dev", EVENTS).encode()) <= MAX_SENT
