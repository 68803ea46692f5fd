"""What `make run` prints once it serves: where things are, and what to paste."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click

CLIENT = """\
{python} - <<'EOF'
import asyncio, contextlib, json, websockets

async def listen():
    async for live in websockets.connect("{websocket_url}", process_exception=print):
        with contextlib.suppress(websockets.ConnectionClosed):  # and again after a break
            await live.send(json.dumps({{"type": "auth", "token": "{bot_token}"}}))
            async for message in live:
                print(message)

asyncio.run(listen())
EOF"""

CURL = """\
curl -X POST {rest_url}/api/sessions \\
  -H "Authorization: Bearer {admin_token}" \\
  -H "Content-Type: application/json" \\
  -d '{{"notes": "Friday Game Night"}}'"""


@dataclass(frozen=True, slots=True)
class Banner:
    """The facts; ``engine`` says where the state is and what it survives, ``log`` is the file of the log."""

    rest_url: str
    websocket_url: str
    admin_token: str
    bot_token: str
    engine: str
    log: Path

    def render(self) -> str:
        """Return the text, styled; ``click.echo`` takes the style out where there is no terminal."""
        facts = {
            "python": _python(),
            "rest_url": self.rest_url,
            "websocket_url": self.websocket_url,
            "admin_token": self.admin_token,
            "bot_token": self.bot_token,
        }
        return "\n".join(
            [
                "",
                click.style("Game Night Live is up.", fg="green", bold=True) + " Ctrl-C stops it.",
                "",
                f"  The page   {click.style(self.rest_url + '/', bold=True)}  (sign in with a token below)",
                f"  REST       {click.style(self.rest_url + '/api', bold=True)}",
                f"  WebSocket  {click.style(self.websocket_url, bold=True)}",
                f"  State      {self.engine}",
                f"  Log        in {_short(self.log)}; `{_python()} -m infra trace 17/3` reads it",
                "",
                _heading("An admin's token"),
                self.admin_token,
                "",
                _heading("A bot's token"),
                self.bot_token,
                "",
                _heading("A client: paste it into another terminal"),
                CLIENT.format(**facts),
                "",
                _heading("Start a night, and the client hears it"),
                CURL.format(**facts),
                "",
            ]
        )


def _heading(text: str) -> str:
    return click.style(f"# {text}", dim=True)


def _python() -> str:
    """Return this Python as a person would type it here."""
    return _short(Path(sys.executable))


def _short(path: Path) -> str:
    relative = os.path.relpath(path, Path.cwd())
    return str(path) if relative.startswith("..") else relative
