"""The host of the rehearsed stage: starts nights, by the command line and by REST.

Leaves what follows from them to whoever looks.
"""

import json
import re
import urllib.request
from dataclasses import dataclass
from typing import Any

from infra.deploy.rehearse.terminal import STAGE, Terminal


@dataclass(frozen=True, slots=True)
class Host:
    """A host at a terminal."""

    terminal: Terminal

    def does(self, *arguments: str) -> Any:
        """Do something as a host at a terminal, and return what came of it."""
        return json.loads(self.terminal.infra(*arguments, "--stage", STAGE.name, "--json"))

    def post(self, path: str, token: str | None = None) -> Any:
        """Post to the REST API as a host, with a token of its own where none is given."""
        request = urllib.request.Request(  # noqa: S310 - the URL is the emulator's
            f"{self._rest_url}/{path}",
            method="POST",
            data=b"{}",
            headers={
                "Authorization": f"Bearer {token or self.token()}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - likewise
            return json.load(answer)

    def token(self) -> str:
        """Return a new token of an admin."""
        return self.terminal.infra("token", "--stage", STAGE.name, "--role", "admin").strip()

    @property
    def websocket_url(self) -> str:
        """Where clients connect."""
        return str(re.findall(r"wss?://\S+", self.terminal.infra("status", "--stage", STAGE.name))[0])

    @property
    def _rest_url(self) -> str:
        return str(re.findall(r"https?://\S+/api", self.terminal.infra("status", "--stage", STAGE.name))[0])
