"""Frames that no client sends: any text, any JSON, and all that lies just beside what is right.

hypothesis makes them up; a failure prints how to bring the same one back. Each is sent by somebody who has
not authenticated and by a bot, and each is answered once, with a frame of the documents.
"""

import base64
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attacks.cases import CASES
from tests.attacks.siege import Siege, besieged

KILOBYTE = 1024
LARGEST = 32 * KILOBYTE
RANDOM = settings(
    max_examples=700,
    derandomize=False,  # other frames each time
    database=None,
    print_blob=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 1.0, 2**53, 2**53 + 1, 2**63, 2**64, 10**400, -(10**30), 1e308, 5e-324])
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)
FIELDS = st.sampled_from(["type", "token", "sessionId", "since", "id", "session_id", "Type", "__proto__", ""])
TYPES = st.sampled_from(
    [
        "auth",
        "subscribe",
        "unsubscribe",
        "ping",
        "pong",
        "auth_success",
        "session.started",
        "Ping",
        "ping\u0000",
        "",
    ]
)

NEARLY = st.builds(
    lambda kind, fields: json.dumps({"type": kind, **fields}),
    TYPES | JSON,
    st.dictionaries(FIELDS, JSON | TYPES, max_size=5),
)
"""Objects with the right names and anything at all in them."""


def _members(members: list[tuple[str, Any]]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members) + "}"


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
        [
            '{"type":"auth","token":"x.y.z","since":""}',
            '{"type":"subscribe","sessionId":1,"since":"e:1","id":9}',
            '{"type":"ping","id":"ü🎮"}',
        ]
    ),
    st.integers(0, 100),
)
EDGES = st.builds(
    lambda text, size, filling: text + filling * ((size - len(text)) // len(filling.encode())),
    st.sampled_from(['{"type":"ping"}', '{"type":"auth","token":"', '{"type":"dance","x":"', ""]),
    st.sampled_from([LARGEST - 2, LARGEST - 1, LARGEST, LARGEST + 1, LARGEST + 2, 4 * LARGEST]),
    st.sampled_from([" ", "x", "ü", "🎮", "\u0000", "[", "\\"]),
)
RAW = st.binary(max_size=200).map(lambda raw: raw.decode(errors="replace")) | st.text(
    st.characters(), max_size=200
)
"""Text of any bytes, and of any code points: halves of surrogates too."""

ENCODED = st.binary(max_size=200).map(lambda raw: base64.b64encode(raw).decode())
"""As API Gateway hands on a binary frame."""

FRAMES = st.one_of(RAW, JSON.map(json.dumps), NEARLY, DUPLICATES, ESCAPES, DEEP, HUGE, CUT, EDGES)
HARMLESS = {"pong", "unsubscribed", "error", "auth_error"}
"""What made-up frames can be answered with, but for a subscription to what happens to be there."""


class _Sides:
    """Somebody who is not known, and a bot."""

    def __init__(self, siege: Siege) -> None:
        self._siege = siege
        self._stranger, self._bot = siege.knock(), siege.connect_as(siege.bot)

    def say(self, text: str, *, binary: bool = False) -> None:
        siege = self._siege
        self._stranger = siege.fresh(self._stranger, None)
        self._bot = siege.fresh(self._bot, siege.bot)
        to_stranger = siege.say(self._stranger, text, binary=binary)
        assert to_stranger["type"] in {"pong", "error", "auth_error"}, to_stranger
        before = set(self._bot.subscribed)
        self._bot.subscribed.add(siege.quiet_id)
        to_bot = siege.say(self._bot, text, binary=binary)
        assert to_bot["type"] in HARMLESS | {"subscribed"}, to_bot
        if to_bot["type"] == "subscribed":
            before.add(to_bot["sessionId"])
        self._bot.subscribed = before


def test_whatever_is_sent_is_answered_once_and_harms_nobody() -> None:
    with besieged() as siege:
        sides = _Sides(siege)

        @settings(RANDOM, max_examples=2000)
        @given(FRAMES)
        def attack(text: str) -> None:
            sides.say(text)
            assert not siege.complaints, siege.complaints

        attack()

        assert siege.cases >= CASES["frames"]


def test_binary_frames_are_no_frames() -> None:
    with besieged() as siege:
        sides = _Sides(siege)

        @settings(RANDOM, max_examples=100)
        @given(ENCODED)
        def attack(text: str) -> None:
            sides.say(text, binary=True)
            assert not siege.complaints, siege.complaints

        attack()

        assert siege.cases >= 200
