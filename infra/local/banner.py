"""Makes the text that `make run` prints once it serves: addresses, tokens, and commands to paste."""

import io
import os
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import segno

TEXT = """
{up} Ctrl-C stops it.

# An admin's token
{admin_token}

# A bot's token
{bot_token}

# A client: paste it into another terminal
{python} - <<'EOF'
import asyncio, contextlib, json, websockets

async def listen():
    async for live in websockets.connect("{websocket_url}", proxy=None, process_exception=print):
        with contextlib.suppress(websockets.ConnectionClosed):  # and again after a break
            await live.send(json.dumps({{"type": "auth", "token": "{bot_token}"}}))
            async for message in live:
                print(message)

asyncio.run(listen())
EOF

# Start a night; the client prints the event
curl -X POST {rest_url}/api/sessions \\
  -H "Authorization: Bearer {admin_token}" \\
  -H "Content-Type: application/json" \\
  -d '{{"notes": "Friday Game Night"}}'

  REST       {rest}
  WebSocket  {websocket}
  State      {engine}
  Log        in {log}; `gamenight stage trace 17/3` reads it
  Commands   `gamenight --help`, after `. {activate}`
  The page   {page}
{network}
  Sign in    {host_url}
             (once, within ten minutes; `gamenight invite --host` makes another link)
"""


NETWORK = """  In your network  {page}
  Everybody there can reach the service. Nobody gets in without a token or a code, but HTTP encrypts nothing.
  This QR code signs in a phone, once, within ten minutes:

{code}"""


def banner(
    *,
    rest_url: str,
    websocket_url: str,
    host_code: Callable[[], str],
    log: Path,
    network_url: str | None = None,
    **facts: str,
) -> str:
    """Return the text with its styles, which ``click.echo`` removes if there is no terminal.

    What a person needs first comes last, since a terminal shows the end. ``network_url`` adds a QR code for a
    phone. Each call of ``host_code`` returns a new code that signs in a host. ``facts`` are the two tokens,
    and ``engine``: where the state is, and what it survives.
    """
    bold = partial(click.style, bold=True)
    text = re.sub(r"^# .*", lambda line: click.style(line[0], dim=True), TEXT, flags=re.MULTILINE)
    network, root = "", network_url or rest_url  # a link for other devices, if they can reach this one
    if network_url:
        code = qr_code(f"{network_url}/#/join/{host_code()}")
        network = NETWORK.format(page=bold(f"{network_url}/"), code=code)
    return text.format(
        network=network,
        up=bold("Game Night Live is up.", fg="green"),
        page=bold(f"{rest_url}/"),
        host_url=bold(f"{root}/#/join/{host_code()}"),
        rest=bold(f"{rest_url}/api"),
        websocket=bold(websocket_url),
        rest_url=rest_url,
        websocket_url=websocket_url,
        log=_short(log),
        python=_short(Path(sys.executable)),
        activate=_short(Path(sys.executable).with_name("activate")),
        **facts,
    )


def qr_code(url: str) -> str:
    """Return a QR code as lines of text. A phone reads it on a dark and on a light terminal."""
    lines = io.StringIO()
    segno.make(url, error="l").terminal(lines, border=2, compact=True)
    return lines.getvalue()


def _short(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
