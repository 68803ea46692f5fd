"""The WebSockets of a tab, between the page and the gateway, where a test can do what networks do."""

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page, WebSocketRoute

Frame = dict[str, Any]


def as_it_is(frame: Frame) -> Iterable[Frame]:
    """Pass a frame on."""
    return [frame]


@dataclass
class Wire:
    """``sent`` holds what the page has said, over all connections; ``passes`` what it is told for each frame.

    While ``blocked`` every connection is closed at once, and while ``dead`` nothing passes, either way.
    """

    passes: Callable[[Frame], Iterable[Frame]] = as_it_is
    sent: list[Frame] = field(default_factory=list)
    connections: int = 0
    blocked: bool = False
    dead: bool = False
    _latest: WebSocketRoute | None = None

    async def lie_before(self, page: Page) -> None:
        """Take the place of the page's connections to come."""
        await page.route_web_socket("**/api/sessions/live", self._opened)

    def tells(self, frame: Frame) -> None:
        """Tell the page something that the gateway has not said."""
        assert self._latest is not None
        self._latest.send(json.dumps(frame))

    async def cut(self) -> None:
        """End the latest connection."""
        assert self._latest is not None
        await self._latest.close()

    def of_type(self, kind: str) -> list[Frame]:
        """Return the frames of a type that the page has sent."""
        return [frame for frame in self.sent if frame["type"] == kind]

    def _opened(self, page: WebSocketRoute) -> Awaitable[None] | None:
        self.connections += 1
        if self.blocked:
            return page.close()
        self._latest = page
        server = page.connect_to_server()

        def from_page(text: str | bytes) -> None:
            self.sent.append(json.loads(text))
            if not self.dead:
                server.send(text)

        def from_server(text: str | bytes) -> None:
            if not self.dead:
                for frame in self.passes(json.loads(text)):
                    page.send(json.dumps(frame))

        page.on_message(from_page)
        server.on_message(from_server)
        return None
