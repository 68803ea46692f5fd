"""Frames that no client sends: any text, any JSON, and all that lies just beside what is right.

hypothesis makes them up; a failure prints how to bring the same one back. Each is sent by somebody who has
not authenticated and by a bot, and each is answered once, with a frame of the documents.
"""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attacks.service import AttackedService, attacked

LARGEST = 32 * 1024
RANDOM = settings(
    derandomize=False,  # other frames each time
    database=None,
    print_blob=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
BIG = [0, -1, 1.0, 2**53, 2**53 + 1, 2**63, 2**64, 10**400, -(10**30), 1e308, 5e-324]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(BIG) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)
FIELDS = st.sampled_from(["type", "token", "sessionId", "since", "id", "session_id", "Type", "__proto__", ""])
TYPES = st.sampled_from(
    [
        *("auth", "subscribe", "unsubscribe", "ping", "pong", "auth_success", "session.started"),
        *("Ping", "ping\u0000", ""),
    ]
)


def _members(members: list[tuple[str, Any]]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members) + "}"


NEARLY = st.builds(
    lambda kind, fields: json.dumps({"type": kind, **fields}),
    TYPES | JSON,
    st.dictionaries(FIELDS, JSON | TYPES, max_size=5),
)
"""Objects with the right names and anything at all in them."""

DUPLICATES = st.builds(_members, st.lists(st.tuples(FIELDS, JSON | TYPES), min_size=2, max_size=12))
"""Objects that say a thing twice, and not the same."""

ESCAPES = st.builds(
    lambda name, units: f'{{"type":"ping","{name}":"' + "".join(f"\\u{unit:04x}" for unit in units) + '"}',
    FIELDS,
    st.lists(st.integers(0xD7FE, 0xE001) | st.integers(0, 0x20), max_size=6),
)
"""Surrogates, whole, halved and turned around, and what can't be printed."""

DEEP = st.builds(
    lambda opening, depth, before: before + opening * depth,
    st.sampled_from(["[", '{"a":', '[{"type":', '{"type":"ping","id":[', "[[],"]),
    st.integers(1, 5000),
    st.sampled_from(["", '{"type":"auth","token":', '{"id":', " " * 100]),
)
HUGE = st.builds(
    lambda before, digits, point: f"{before}{'9' * digits}{point}}}",
    st.sampled_from(['{"type":"subscribe","sessionId":', '{"type":"ping","id":', '{"type":', '{"x":-']),
    st.integers(1, 8000),
    st.sampled_from(["", ".0", "e9", "e999999999", "e-999999999", ".", "E+"]),
)
CUT = st.builds(
    lambda text, at: text[: at % (len(text) + 1)],
    st.sampled_from(
        ['{"type":"auth","token":"x.y.z","since":""}', '{"type":"subscribe","sessionId":1,"id":"ü🎮"}']
    ),
    st.integers(0, 100),
)
EDGES = st.builds(
    lambda text, size, filling: text + filling * ((size - len(text)) // len(filling.encode())),
    st.sampled_from(['{"type":"ping"}', '{"type":"auth","token":"', '{"type":"dance","x":"', ""]),
    st.sampled_from([LARGEST - 2, LARGEST - 1, LARGEST, LARGEST + 1, LARGEST + 2, 4 * LARGEST]),
    st.sampled_from([" ", "x", "ü", "🎮", "\u0000", "[", "\\"]),
)
RAW = st.binary(max_size=200).map(lambda raw: raw.decode(errors="replace"))
ANY_TEXT = st.text(st.characters(), max_size=200)
"""Any code points: halves of surrogates too."""

FRAMES = st.one_of(RAW, ANY_TEXT, JSON.map(json.dumps), NEARLY, DUPLICATES, ESCAPES, DEEP, HUGE, CUT, EDGES)
BINARY = st.binary(max_size=200).map(lambda raw: base64.b64encode(raw).decode())
"""As API Gateway hands on a binary frame."""

HARMLESS = {"pong", "error", "auth_error"}


class Senders:
    """Somebody who is not known, and a bot."""

    def __init__(self, service: AttackedService) -> None:
        self._service = service
        self._stranger, self._bot = service.open(), service.connect_as(service.bot)

    def send(self, text: str, *, binary: bool = False) -> None:
        service = self._service
        self._stranger = service.fresh(self._stranger, None)
        self._bot = service.fresh(self._bot, service.bot)
        to_stranger = service.send(self._stranger, text, binary=binary)
        assert to_stranger["type"] in HARMLESS, to_stranger
        before = set(self._bot.subscribed)
        self._bot.subscribed.add(service.quiet_id)  # it may subscribe to what happens to be there
        to_bot = service.send(self._bot, text, binary=binary)
        assert to_bot["type"] in HARMLESS | {"subscribed", "unsubscribed"}, to_bot
        if to_bot["type"] == "subscribed":
            before.add(to_bot["sessionId"])
        self._bot.subscribed = before
        assert not service.complaints, service.complaints


@pytest.mark.parametrize(("frames", "binary", "examples"), [(FRAMES, False, 4000), (BINARY, True, 100)])
def test_every_frame_is_answered_once_and_harms_nobody(
    frames: st.SearchStrategy[str], examples: int, *, binary: bool
) -> None:
    with attacked() as service:
        senders = Senders(service)

        @settings(RANDOM, max_examples=examples)
        @given(frames)
        def attack(text: str) -> None:
            senders.send(text, binary=binary)

        attack()

        assert service.cases >= 2 * examples
