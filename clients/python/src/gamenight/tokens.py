"""Gets tokens from the program, and replaces one that the service refuses."""

import asyncio
import inspect
import json
import logging
import re
import unicodedata
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable
from typing import Any

from gamenight.errors import GameNightError, TokenRefused, said
from gamenight.waiting import Surroundings, awaited, in_a_thread

logger = logging.getLogger("gamenight")

Token = str | Callable[[], str | Awaitable[str]]
"""A token, or a function that returns one: plain (called in a thread, so it may block) or async."""

ADVICE = " Ask the host for a new token. On this machine `make -s token` prints one."

NEW_TOKEN_SECONDS = 25.0
"""How long to wait for a new token. After that the client keeps the old one."""


class Tokens:
    """The program's token, and whether the service has just refused one."""

    def __init__(self, token: Token, surroundings: Surroundings) -> None:
        self._token = token
        self._surroundings = surroundings
        self._latest = ""
        self._refused = False
        self._replacing = asyncio.Lock()

    @property
    def renewable(self) -> bool:
        """Whether a token that has expired can be replaced."""
        return not isinstance(self._token, str)

    async def latest(self) -> str:
        """Return the latest token, or a new one if there is none. Raises TokenRefused as ``fresh`` does."""
        return self._latest or await self.fresh()

    async def fresh(self) -> str:
        """Return a new token, or the old one if there is no new one for now.

        Raises TokenRefused if there is none at all.
        """
        if not self._latest:
            self._latest = await self._given()
        elif self.renewable:
            await self._replace()
        return self._latest

    def accepted(self) -> None:
        """Note that the service accepts the token."""
        self._refused = False

    async def refused(self, token: str, reason: str) -> None:
        """Replace a refused token. Raises TokenRefused if there is no other, or it is refused as well."""
        if not self.renewable:
            advice = "" if "a new one" in reason else ADVICE
            raise TokenRefused(f"The service refused the token: {reason}{advice}")
        async with self._replacing:
            if token != self._latest:
                return  # another request has replaced it
            if self._refused:
                raise TokenRefused(
                    f"The service refused a new token as well: {reason} Check where it comes from."
                )
            self._refused = await self._replace()
            if self._refused and token == self._latest:
                raise TokenRefused(f"The service refused the token: {reason} There is no other one.")

    async def _replace(self) -> bool:
        """Replace the token, and return whether there was a new one."""
        try:
            self._latest = await self._surroundings.within(NEW_TOKEN_SECONDS, self._given())
        except (TokenRefused, TimeoutError) as problem:
            logger.warning("keeping the old token: %s", problem)
            return False
        return True

    async def _given(self) -> str:
        """Return the program's token. Raises TokenRefused if getting it fails, or it can't be a token."""
        if isinstance(self._token, str):
            return checked(self._token)
        give: Callable[[], Any] = self._token
        try:
            given = await awaited(give() if inspect.iscoroutinefunction(give) else await in_a_thread(give))
        except GameNightError:
            raise
        except Exception as problem:
            raise TokenRefused(f"Getting a token has failed: {said(problem)}") from problem
        return checked(given)


def night_of(token: str) -> int | None:
    """Return the night of a guest's token; None for another token. Only the service verifies it."""
    try:
        claims = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
        night = claims["session"]
    except (ValueError, IndexError, KeyError, TypeError):
        return None
    return night if type(night) is int else None


def checked(token: Any) -> str:
    """Return a token without white space and ``Bearer`` around it.

    Raises TokenRefused if it can't be sent.
    """
    trimmed = re.sub(r"(?i)\Abearer\s+", "", token.strip()) if isinstance(token, str) else ""
    if not trimmed:
        raise TokenRefused("There is no token: the value for it is empty, or not text.")
    odd = next((mark for mark in trimmed if not "!" <= mark <= "~"), None)
    if odd:
        raise TokenRefused(
            f"What was given can't be a token: its character {trimmed.index(odd) + 1} is "
            f"U+{ord(odd):04X} ({unicodedata.name(odd, 'a control character')}). Copy it again."
        )
    return trimmed
