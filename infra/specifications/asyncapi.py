"""Makes the AsyncAPI 3 document of the WebSocket API.

``asyncapi.yaml`` says which frame answers which. The rest comes from the types of the frames, the events and
the errors.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.api.live import frames
from chalicelib.api.live.answers import CLOSING
from chalicelib.auth.claims import Role
from chalicelib.connections.clients import LIFE, MAX_FAILED_AUTHS
from chalicelib.limits import FRAMES_PER_SECOND, SECONDS_OF_FRAMES_AT_ONCE
from chalicelib.nights.events import EventType
from chalicelib.nights.votes import VoteType
from infra.specifications import answers, examples, schemas
from infra.specifications.schemas import Incomplete

CHANNEL = {"$ref": "#/channels/live"}
VALUES = {
    "TOKEN": examples.TOKEN,
    "MAX_FAILED_AUTHS": MAX_FAILED_AUTHS,
    "frame_kb": frames.MAX_FRAME_BYTES // 1024,
    "frames_at_once": FRAMES_PER_SECOND * SECONDS_OF_FRAMES_AT_ONCE,
    "seconds_to_authenticate": LIFE.to_authenticate,
    "minutes_expiring": LIFE.expiring // 60,
    "minutes_of_life": LIFE.max_age // 60,
}

Part = dict[str, Any]
"""A part of the document, or of ``asyncapi.yaml``."""


def document() -> Part:
    """Return the document. Raises Incomplete."""
    made = schemas.written("asyncapi.yaml", VALUES)
    sent, codes = made.pop("frames"), made.pop("errors")
    for frame in sent.values():
        frame["errors"] = sorted(frame["errors"] + codes["of every frame"])
    asked, answered = _kinds(frames.Frame), _kinds(frames.ServerFrame)
    unasked = {**_kinds(answers.Event), **_kinds(frames.Notice)}
    _check("frames", frames.FRAME_TYPES, sent)
    _check("frames", frames.FRAME_TYPES, asked)
    _check("answers", answered, {answer for frame in sent.values() for answer in frame["answers"]})
    _check("events", EventType, _kinds(answers.Event))
    kinds = {**asked, **answered, **unasked}
    told = _errors(sent, codes)
    made["channels"]["live"]["messages"] = {
        _name(tag): {"$ref": f"#/components/messages/{_name(tag)}"} for tag in kinds
    }
    made["operations"] = {
        **{tag: _receive(kind, sent[tag], codes["of auth_error"]) for tag, kind in asked.items()},
        **{f"send_{_name(tag)}": _operation("send", kind) for tag, kind in unasked.items()},
        **made["operations"],
    }
    made["components"] |= {
        "messages": {
            _name(tag): _message(kind, sent[tag]["examples"] if tag in sent else examples.frames_of(tag))
            for tag, kind in kinds.items()
        },
        "schemas": _schemas([*kinds.values(), VoteType], told, codes["of auth_error"]),
    }
    error = made["components"]["messages"]["error"]
    error["description"] += "\n\n" + _table(told)
    error["x-errors"] = told
    return made


def _kinds(base: Any) -> dict[str, Any]:
    """Return the types of frames below a type, by their tags."""
    below = [kind for one in base.__subclasses__() for kind in _kinds(one).values()] or [base]
    return {
        kind.__struct_config__.tag: kind
        for kind in sorted(below, key=lambda kind: kind.__struct_config__.tag)
    }


def _name(tag: str) -> str:
    return tag.replace(".", "_")


def _check(what: str, wanted: Iterable[str], found: Iterable[str]) -> None:
    if differing := {*wanted} ^ {*found}:
        raise Incomplete(f"The {what} in the code and in infra/specifications differ: {differing}")


def _message(kind: Any, examples: Part) -> Part:
    tag = kind.__struct_config__.tag
    answers_one = {"correlationId": {"$ref": "#/components/correlationIds/id"}}
    return {
        "name": tag,
        "title": tag,
        "summary": schemas.summary(schemas.prose(kind)),
        "description": schemas.prose(kind),
        "contentType": "application/json",
        **({} if issubclass(kind, answers.Event | frames.Notice) else answers_one),
        "payload": schemas.ref(kind.__name__),
        "examples": [{"name": name, "payload": frame} for name, frame in examples.items()],
    }


def _operation(action: str, kind: Any, description: str = "") -> Part:
    return {
        "action": action,
        "channel": CHANNEL,
        "summary": schemas.summary(schemas.prose(kind)),
        "description": description or schemas.prose(kind),
        "messages": _in_channel([kind.__struct_config__.tag]),
    }


def _receive(kind: Any, frame: Part, refusals: Sequence[str]) -> Part:
    refused = f"`auth_error` has one of the codes {_quoted(refusals)}. " * ("auth_error" in frame["answers"])
    made = _operation("receive", kind, f"{refused}`error` has one of the codes {_quoted(frame['errors'])}.")
    messages = made.pop("messages")
    roles = [role.value for role in Role] if "not_authenticated" in frame["errors"] else []
    reply = {"channel": CHANNEL, "messages": _in_channel(frame["answers"])}
    return {**made, "x-roles": roles, "messages": messages, "reply": reply}


def _quoted(codes: Iterable[str]) -> str:
    return ", ".join(f"`{code}`" for code in codes)


def _in_channel(tags: Iterable[str]) -> list[Part]:
    return [{"$ref": f"#/channels/live/messages/{_name(tag)}"} for tag in tags]


def _schemas(kinds: Iterable[Any], told: Sequence[Part], refusals: Sequence[str]) -> Part:
    made = schemas.components(kinds)
    made["AuthError"]["properties"]["code"] = {"type": "string", "enum": refusals}
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


def _errors(sent: Part, lists: Mapping[str, Sequence[str]]) -> list[Part]:
    """Return what the document says about each error that a frame can have."""
    closing = dict.fromkeys((kind.code for kind in CLOSING), "yes")
    closing |= dict.fromkeys(lists["closing if it continues"], "if it continues")
    codes = {code for frame in sent.values() for code in frame["errors"]} | {*lists["unasked"]}
    return [
        {
            "code": code,
            "title": examples.sample(code).title,
            "retryable": examples.sample(code).retryable,
            "closes": closing.get(code, "no"),
            "unasked": code in lists["unasked"],
            "answers": sorted(tag for tag, frame in sent.items() if code in frame["errors"]),
        }
        for code in sorted(codes)
    ]


def _table(told: Iterable[Part]) -> str:
    rows = [
        f"| `{one['code']}` | {one['title']} | {'yes' if one['retryable'] else 'no'} | "
        f"{one['closes']} | {', '.join(one['answers']) or 'nothing'} |"
        for one in told
    ]
    head = "| code | what it says | retryable | closes the connection | after |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])
