"""The AsyncAPI 3 document of the WebSocket API.

``asyncapi.yaml`` says what answers what. The types of the frames, the events and the error tree say the rest.
"""

import json
from collections.abc import Iterator
from typing import Any

from chalicelib.api.live import frames
from chalicelib.api.live.answers import CLOSING
from chalicelib.auth.claims import Role
from chalicelib.connections.clients import LIFE, MAX_FAILED_AUTHS
from chalicelib.limits import FRAMES_PER_SECOND, SECONDS_OF_FRAMES_AT_ONCE
from chalicelib.nights.events import EventType
from chalicelib.nights.votes import VoteType
from infra.specifications import answers, errors, night, schemas
from infra.specifications.schemas import Incomplete

CHANNEL = {"$ref": "#/channels/live"}
VALUES = {
    "TOKEN": night.TOKEN,
    "MAX_FAILED_AUTHS": MAX_FAILED_AUTHS,
    "frame_kb": frames.MAX_FRAME_BYTES // 1024,
    "frames_at_once": FRAMES_PER_SECOND * SECONDS_OF_FRAMES_AT_ONCE,
    "seconds_to_authenticate": LIFE.to_authenticate,
    "minutes_expiring": LIFE.expiring // 60,
    "minutes_of_life": LIFE.max_age // 60,
}

Frames = dict[str, dict[str, Any]]
"""What ``asyncapi.yaml`` says of each frame of a client."""


def document() -> dict[str, Any]:
    """Return the document. Raises Incomplete."""
    made = schemas.written("asyncapi.yaml", VALUES)
    sent, lists = made.pop("frames"), made.pop("errors")
    for frame in sent.values():
        frame["errors"] += lists["of every frame"]
    told = _errors(sent, lists)
    kinds, unasked = _kinds(frames.Frame), {**_kinds(answers.Event), **_kinds(frames.Notice)}
    answered = _kinds(frames.ServerFrame)
    _check(sent, kinds, answered)
    messages = {
        **{tag: _message(kind, sent[tag]["examples"]) for tag, kind in kinds.items()},
        **{tag: _message(kind, night.frames_of(night.ANSWERED, tag)) for tag, kind in answered.items()},
        **{_name(tag): _unasked(kind) for tag, kind in unasked.items()},
    }
    messages["error"]["description"] += "\n\n" + _table(told)
    messages["error"]["x-errors"] = told
    made["channels"]["live"]["messages"] = {
        name: {"$ref": f"#/components/messages/{name}"} for name in messages
    }
    made["operations"] = {
        **{tag: _request(kind, sent[tag], lists) for tag, kind in kinds.items()},
        **{f"send_{_name(tag)}": _send(tag, schemas.prose(kind)) for tag, kind in unasked.items()},
        "send_error": _closing(lists["unasked"]),
    }
    made["components"] |= {
        "messages": messages,
        "schemas": _schemas([*kinds.values(), *answered.values(), *unasked.values()], told, lists),
    }
    return made


def _kinds(base: type) -> dict[str, Any]:
    """Return the types of frames below a type, by their tags."""
    return {_tag(kind): kind for kind in sorted(_leaves(base), key=_tag)}


def _leaves(base: type) -> Iterator[type]:
    below: list[type] = base.__subclasses__()
    yield from (leaf for kind in below for leaf in _leaves(kind)) if below else (base,)


def _tag(kind: Any) -> str:
    tag: str = kind.__struct_config__.tag
    return tag


def _name(tag: str) -> str:
    return tag.replace(".", "_")


def _check(sent: Frames, kinds: dict[str, Any], answered: dict[str, Any]) -> None:
    used = {answer for frame in sent.values() for answer in frame["answers"]}
    for what, wanted, found in (
        ("the frames in infra/specifications/asyncapi.yaml", frames.FRAME_TYPES, set(sent)),
        ("the frames in chalicelib/api/live/frames.py", frames.FRAME_TYPES, set(kinds)),
        ("the answers in infra/specifications/asyncapi.yaml", set(answered), used),
        ("the events in infra/specifications/answers.py", set(EventType), set(_kinds(answers.Event))),
    ):
        if wanted != found:
            raise Incomplete(f"Bring {what} in line: {sorted(map(str, wanted ^ found))}")


def _message(kind: type, examples: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": _tag(kind),
        "title": _tag(kind),
        "summary": schemas.summary(schemas.prose(kind)),
        "description": schemas.prose(kind),
        "contentType": "application/json",
        "correlationId": {"$ref": "#/components/correlationIds/id"},
        "payload": schemas.ref(kind.__name__),
        "examples": [
            {"name": name, "payload": frame if isinstance(frame, dict) else json.loads(frame)}
            for name, frame in examples.items()
        ],
    }


def _unasked(kind: type) -> dict[str, Any]:
    tag = _tag(kind)
    if issubclass(kind, answers.Event):
        event = night.EVENTS[EventType(tag)]
        made = _message(kind, {tag: event.envelope, f"{tag}, opted in to resume": event.with_place})
    else:
        made = _message(kind, night.frames_of(night.NOTICES, tag))
    del made["correlationId"]  # it answers nothing
    return made


def _request(kind: type, frame: dict[str, Any], lists: dict[str, list[str]]) -> dict[str, Any]:
    refused = f"`auth_error` has one of the codes {_codes(lists['of auth_error'])}. "
    needs_token = "not_authenticated" in frame["errors"]
    return {
        "action": "receive",
        "channel": CHANNEL,
        "summary": schemas.summary(schemas.prose(kind)),
        "description": (refused if "auth_error" in frame["answers"] else "")
        + f"`error` has one of the codes {_codes(sorted(frame['errors']))}.",
        "x-roles": [role.value for role in Role] if needs_token else [],
        "messages": [_in_channel(_tag(kind))],
        "reply": {"channel": CHANNEL, "messages": [_in_channel(answer) for answer in frame["answers"]]},
    }


def _codes(codes: list[str], between: str = ", ") -> str:
    return between.join(f"`{code}`" for code in codes)


def _send(tag: str, prose: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": CHANNEL,
        "summary": schemas.summary(prose),
        "description": prose,
        "messages": [_in_channel(tag)],
    }


def _closing(codes: list[str]) -> dict[str, Any]:
    told = f"`error` without an `id`, with the code {_codes(codes, ' or ')}. Nothing follows it."
    summary = "The connection is closed, and this is why"
    return _send("error", told) | {"summary": summary}


def _in_channel(tag: str) -> dict[str, str]:
    return {"$ref": f"#/channels/live/messages/{_name(tag)}"}


def _schemas(kinds: list[type], told: list[dict[str, Any]], lists: dict[str, list[str]]) -> dict[str, Any]:
    made = schemas.components([*kinds, VoteType])
    made["AuthError"]["properties"]["code"] = {"type": "string", "enum": lists["of auth_error"]}
    made["Error"]["properties"]["code"] = {"type": "string", "enum": [one["code"] for one in told]}
    made["Error"]["oneOf"] = [
        {
            "properties": {
                "code": {"enum": [one["code"] for one in told if one["retryable"] is retryable]},
                "retryable": {"const": retryable},
            }
        }
        for retryable in (False, True)
    ]
    return made


def _errors(sent: Frames, lists: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Return what the document says of each error that a frame can tell."""
    codes = sorted({code for frame in sent.values() for code in frame["errors"]} | {*lists["unasked"]})
    return [
        {
            "code": code,
            "title": errors.kind(code).title,
            "retryable": errors.kind(code).retryable,
            "closes": "who goes on"
            if code in lists["closing who goes on"]
            else ("yes" if errors.kind(code) in CLOSING else "no"),
            "unasked": code in lists["unasked"],
            "answers": sorted(tag for tag, frame in sent.items() if code in frame["errors"]),
        }
        for code in codes
    ]


def _table(told: list[dict[str, Any]]) -> str:
    rows = [
        f"| `{one['code']}` | {one['title']} | {'yes' if one['retryable'] else 'no'} | "
        f"{one['closes']} | {', '.join(one['answers']) or 'nothing'} |"
        for one in told
    ]
    head = "| code | what it says | retryable | closes the connection | after |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])
