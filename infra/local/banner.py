"""What `make run` prints once it serves: where things are, and what to paste."""

import os
import re
import sys
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import click

TEXT = """
{up} Ctrl-C stops it.

  The page   {page}  (sign in with a token below)
  REST       {rest}
  WebSocket  {websocket}
  State      {engine}
  Log        in {log}; `gamenight stage trace 17/3` reads it

# An admin's token
{admin_token}

# A bot's token
{bot_token}

# A client: paste it into another terminal
{python} - <<'EOF'
import asyncio, contextlib, json, websockets

async def listen():
    async for live in websockets.connect("{websocket_url}", process_exception=print):
        with contextlib.suppress(websockets.ConnectionClosed):  # and again after a break
            await live.send(json.dumps({{"type": "auth", "token": "{bot_token}"}}))
            async for message in live:
                print(message)

asyncio.run(listen())
EOF

# Start a night, and the client hears it
curl -X POST {rest_url}/api/sessions \\
  -H "Authorization: Bearer {admin_token}" \\
  -H "Content-Type: application/json" \\
  -d '{{"notes": "Friday Game Night"}}'
"""


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
        bold = partial(click.style, bold=True)
        text = re.sub(r"^# .*", lambda line: click.style(line[0], dim=True), TEXT, flags=re.MULTILINE)
        return text.format(
            **asdict(self) | {"log": _short(self.log)},
            up=bold("Game Night Live is up.", fg="green"),
            page=bold(f"{self.rest_url}/"),
            rest=bold(f"{self.rest_url}/api"),
            websocket=bold(self.websocket_url),
            python=_short(Path(sys.executable)),
        )


def _short(path: Path) -> str:
    relative = os.path.relpath(path, Path.cwd())
    return str(path) if relative.startswith("..") else relative
