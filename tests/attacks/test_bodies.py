"""Bodies, queries and headers that no client sends, at every POST, from a bot and from an admin.

Each is answered as the document of its route says, and never with a 5xx.
"""

import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.cases import CASES
from tests.attacks.siege import Siege, besieged
from tests.attacks.surface import POSTS, ROUTES, Route
from tests.attacks.test_frames import DEEP, HUGE, JSON, LARGEST, RANDOM

NAMES = sorted({name for route in POSTS for name in route.body} | {"__class__", "id", ""})
NEARLY = st.builds(
    lambda route, changes: (route, json.dumps({**route.body, **changes})),
    st.sampled_from(POSTS),
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3),
)
"""What the document shows, with anything at all in some of its fields."""

EXTREMES = st.sampled_from(
    [
        "",
        " ",
        "\u0000",
        "\ud800",
        "x" * 500,
        "x" * 501,
        "🎮" * 500,
        "e\u0301" * 250,
        "ﷺ" * 80,
        "\u202egnp.exe",
        "a#b",
        "' OR 1=1 --",
        "{{7*7}}",
        "<script>",
        "../../etc/passwd",
        "%00",
        "${jndi:ldap://127.0.0.1/x}",
        -1,
        0,
        1000,
        1001,
        2**53,
        2**53 + 1,
        10**400,
        1.5,
        1e308,
    ]
)
EXTREME = st.builds(
    lambda route, name, value: (route, json.dumps({**route.body, name: value})),
    st.sampled_from(POSTS),
    st.sampled_from(NAMES),
    EXTREMES,
)
DUPLICATE = st.builds(
    lambda route, name, value: (route, json.dumps(route.body)[:-1] + f',"{name}":{json.dumps(value)}}}'),
    st.sampled_from([route for route in POSTS if route.body]),
    st.sampled_from(NAMES),
    JSON,
)
EDGE = st.builds(
    lambda route, size, filling: (
        route,
        json.dumps(route.body) + filling * (size - len(json.dumps(route.body))),
    ),
    st.sampled_from(POSTS),
    st.sampled_from([LARGEST - 1, LARGEST, LARGEST + 1, 6 * LARGEST]),
    st.sampled_from([" ", "x", "\u0000"]),
)
JUNK = st.tuples(
    st.sampled_from(POSTS),
    st.one_of(JSON.map(json.dumps), DEEP, HUGE, st.text(max_size=100), st.just("null"), st.just("[]")),
)
BODIES = st.one_of(NEARLY, EXTREME, DUPLICATE, EDGE, JUNK)

HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "Host",
                "X-Forwarded-Proto",
                "X-Forwarded-For",
                "X-Original-URL",
                "Content-Length",
                "Transfer-Encoding",
                "Accept-Encoding",
                "Accept",
            ]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=300)
        | st.sampled_from(["", "null", "application/json; charset=utf-7", "Bearer", "x" * 8000, "é" * 100]),
    ),
    max_size=4,
)
QUERIES = st.dictionaries(
    st.sampled_from(["since", "limit", "Since", "since[]", "limit\u0000", ""]),
    st.text(max_size=60)
    | st.sampled_from(
        ["0", "-1", "101", "1e3", "\uff19", "9" * 400, "01", "1.0", " 1", "+1", "x:1", ":", "x:-1"]
    ),
    max_size=4,
)


def _answered_as_documented(siege: Siege, route: Route, status: int) -> None:
    assert status in route.statuses | {405}, f"{route} was answered {status}"
    assert status < 500
    assert not siege.complaints, siege.complaints


def test_no_body_is_answered_otherwise_than_documented() -> None:
    with besieged() as siege:

        @settings(RANDOM, max_examples=1200)
        @given(BODIES)
        def attack(what: tuple[Route, str]) -> None:
            route, body = what
            raw = body.encode("utf-8", "surrogatepass")
            for token in (siege.bot, siege.admin):
                night = siege.start() if "{" in route.path and token == siege.admin else siege.quiet_id
                if "votes" in route.path and token == siege.bot:
                    night = siege.start()  # a bot may vote, and the neighbour's night is to stay quiet
                answer = siege.ask(route.method, route.of(night), token, raw)
                _answered_as_documented(siege, route, answer.status)

        attack()

        assert siege.cases >= CASES["bodies"]


def test_no_header_or_query_is_answered_otherwise_than_documented() -> None:
    with besieged() as siege:

        @settings(RANDOM, max_examples=500)
        @given(st.sampled_from(ROUTES), HEADERS, QUERIES)
        def attack(route: Route, headers: Any, query: dict[str, str]) -> None:
            night = siege.start() if route.body is not None else siege.quiet_id
            body = None if route.body is None else json.dumps(route.body).encode()
            answer = siege.ask(
                route.method, route.of(night), siege.admin, body, headers=headers, query=quoted(query)
            )
            assert answer.status in route.statuses | {400, 413, 415}
            assert not siege.complaints, siege.complaints

        attack()

        assert siege.cases >= 500


def quoted(query: dict[str, str]) -> str:
    return urlencode(query, errors="surrogatepass")
