"""Bodies, queries and headers that no client sends, at every POST, from a bot and from an admin.

Each is answered as the document of its route says, and never with a 5xx.
"""

import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.service import attacked
from tests.attacks.surface import POSTS, ROUTES, Route
from tests.attacks.test_frames import DEEP, HUGE, JSON, LARGEST, RANDOM

ANY_POST = st.sampled_from(POSTS)
NAMES = st.sampled_from(sorted({name for route in POSTS for name in route.body} | {"__class__", "id", ""}))
EXTREMES = st.sampled_from(
    [
        *("", " ", "\u0000", "\ud800", "x" * 500, "x" * 501, "🎮" * 500, "e\u0301" * 250, "ﷺ" * 80),
        *("\u202egnp.exe", "a#b", "' OR 1=1 --", "{{7*7}}", "<script>", "../../etc/passwd", "%00"),
        *("${jndi:ldap://127.0.0.1/x}", -1, 0, 1000, 1001, 2**53, 2**53 + 1, 10**400, 1.5, 1e308),
    ]
)


def _changed(route: Route, changes: dict[str, Any]) -> tuple[Route, str]:
    return route, json.dumps({**route.body, **changes})


def _doubled(route: Route, name: str, value: Any) -> tuple[Route, str]:
    return route, json.dumps(route.body)[:-1] + f',"{name}":{json.dumps(value)}}}'


def _filled(route: Route, size: int, filling: str) -> tuple[Route, str]:
    body = json.dumps(route.body)
    return route, body + filling * (size - len(body))


BODIES = st.one_of(
    st.builds(_changed, ANY_POST, st.dictionaries(NAMES, JSON, max_size=3)),
    st.builds(_changed, ANY_POST, st.dictionaries(NAMES, EXTREMES, min_size=1, max_size=1)),
    st.builds(_doubled, st.sampled_from([route for route in POSTS if route.body]), NAMES, JSON),
    st.builds(
        _filled,
        ANY_POST,
        st.sampled_from([LARGEST - 1, LARGEST, LARGEST + 1, 6 * LARGEST]),
        st.sampled_from([" ", "x", "\u0000"]),
    ),
    st.tuples(ANY_POST, JSON.map(json.dumps) | DEEP | HUGE | st.text(max_size=100)),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("Authorization", "Content-Type", "Content-Length", "Transfer-Encoding", "Idempotency-Key"),
                *("Host", "X-Forwarded-Proto", "X-Forwarded-For", "X-Original-URL", "Accept-Encoding"),
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
    | st.sampled_from(["0", "-1", "101", "1e3", "\uff19", "9" * 400, "01", " 1", "+1", "x:1", ":", "x:-1"]),
    max_size=4,
)


def test_every_body_is_answered_as_documented() -> None:
    with attacked() as service:

        @settings(RANDOM, max_examples=1200)
        @given(BODIES)
        def attack(route_and_body: tuple[Route, str]) -> None:
            route, body = route_and_body
            for token in (service.bot, service.admin):
                # A bot may vote, and the bystander's night is to stay quiet.
                own = "{" in route.path and (token == service.admin or "votes" in route.path)
                night = service.start() if own else service.quiet_id
                raw = body.encode("utf-8", "surrogatepass")
                answer = service.ask(route.method, route.of(night), token, raw)
                assert answer.status in route.statuses, f"{route} was answered {answer.status}"
            assert not service.complaints, service.complaints

        attack()

        assert service.cases >= 2500


def test_every_header_and_query_is_answered_as_documented() -> None:
    with attacked() as service:

        @settings(RANDOM, max_examples=500)
        @given(st.sampled_from(ROUTES), HEADERS, QUERIES)
        def attack(route: Route, headers: Any, query: dict[str, str]) -> None:
            path = route.of(service.start() if route.body is not None else service.quiet_id)
            asked = urlencode(query, errors="surrogatepass")
            answer = service.ask(route.method, path, service.admin, route.body, headers=headers, query=asked)
            assert answer.status in route.statuses | {400, 413, 415}
            assert not service.complaints, service.complaints

        attack()

        assert service.cases >= 500
