"""Makes REST requests with the standard library in a thread, and retries failures that may pass."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException, InvalidURL
from typing import Any
from urllib.parse import urlsplit

from gamenight.addresses import is_loopback
from gamenight.errors import TOO_MANY_REQUESTS, Refused, WrongAddress
from gamenight.tokens import Tokens
from gamenight.waiting import Surroundings, in_a_thread

ATTEMPTS = 4

SILENT_SECONDS = 10.0
"""How long an answer may pause. The whole answer may take ``ANSWER_SECONDS``."""

ANSWER_SECONDS = 25.0

LONGEST_WAIT_SECONDS = 30.0
"""The longest Retry-After. Beyond it the request fails at once."""

OPEN = ("/api", "/api/join")
"""The paths that need no token."""

GONE = ("game_not_found", "vote_not_found")

NO_CONTENT, UNAUTHORIZED, SERVERS_OWN = 204, 401, 500


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would send the token to another host, and a POST without its body."""

    def redirect_request(self, *_: Any) -> None:  # noqa: D102 - it is urllib's
        return None


class Rest:
    """The REST API at an address without ``/api``."""

    def __init__(self, url: str, tokens: Tokens, surroundings: Surroundings) -> None:
        self.url = url
        self.reached = False
        self._tokens = tokens
        self._surroundings = surroundings
        direct = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
        self._opener = urllib.request.build_opener(NoRedirects(), *direct)

    def wrong_address(self) -> WrongAddress:
        """Return the error for an address where there is no Game Night Live."""
        return WrongAddress(
            f"No Game Night Live answers at {self.url}/api. Give the address that stands before /api, "
            "such as http://localhost:5000."
        )

    async def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, attempts: int = ATTEMPTS
    ) -> Any:
        """Return the answer. Raises Refused, TokenRefused, and OSError if there is none.

        Returns None for a DELETE that finds nothing, because an earlier attempt was carried out.
        """
        if not path.startswith("/"):
            raise ValueError(f"{path!r} is no path of a request: it begins with a slash")
        headers = {"Accept": "application/json"}
        if method == "POST":
            headers |= {"Content-Type": "application/json", "Idempotency-Key": self._surroundings.new_id()}
        failures, maybe_done = 0, False
        while True:
            try:
                return await self._once(method, path, body, headers)
            except (Refused, OSError) as problem:
                if maybe_done and isinstance(problem, Refused) and problem.code in GONE:
                    return None
                maybe_done |= method == "DELETE" and _is_lost(problem)
                failures += 1
                asked = problem.retry_after if isinstance(problem, Refused) else 0.0
                if failures == attempts or not _passes(problem) or asked > LONGEST_WAIT_SECONDS:
                    raise
            await self._surroundings.sleep(asked + self._surroundings.delay(failures))

    async def _once(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Any:
        token = "" if path in OPEN else await self._tokens.latest()
        if token:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        try:
            asking = in_a_thread(self._answer, method, path, body, headers)
            answer = await self._surroundings.within(ANSWER_SECONDS, asking)
        except Refused as refused:
            if refused.status == UNAUTHORIZED:
                if path in OPEN:  # no token was sent
                    raise self.wrong_address() from refused
                await self._tokens.refused(token, refused.detail)
            raise
        self.reached = True
        if token:
            self._tokens.accepted()
        return answer

    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Any:
        server = urlsplit(self.url)
        proxy = urllib.request.getproxies().get(server.scheme, "")
        if proxy.startswith("socks") and not urllib.request.proxy_bypass(server.netloc):
            raise OSError(
                f"REST goes through no SOCKS proxy: name another one in {server.scheme}_proxy, or none"
            )
        data = None if body is None else json.dumps(body).encode()
        if method == "POST" and data is None:
            data = b""
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self.url + path, data, {**headers}, method=method
        )
        try:
            with self._opener.open(request, timeout=SILENT_SECONDS) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(error) from None
        except InvalidURL as wrong:
            raise ValueError(f"{path!r} is no path of a request") from wrong
        except HTTPException as broken:
            raise Refused(502, "no_answer", f"{self.url}{path} did not answer to the end.") from broken
        if status == NO_CONTENT:
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as wrong:
            raise Refused(status, "no_json", f"{self.url}{path} did not answer with JSON.") from wrong


def _passes(problem: Refused | OSError) -> bool:
    """Return whether a retry may succeed: with a new token, or after a pause."""
    return _is_lost(problem) or (
        isinstance(problem, Refused) and problem.status in (UNAUTHORIZED, TOO_MANY_REQUESTS)
    )


def _is_lost(problem: Refused | OSError) -> bool:
    """Return whether the request may have been done."""
    return isinstance(problem, OSError) or problem.status >= SERVERS_OWN


def _refused(error: urllib.error.HTTPError) -> Refused:
    try:
        problem = json.load(error)
        code, detail = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        code, detail = "unknown", "The answer does not say why."
    asked = error.headers.get("Retry-After", "")
    return Refused(error.code, code, detail, float(asked) if re.fullmatch("[0-9]{1,9}", asked) else 0.0)
