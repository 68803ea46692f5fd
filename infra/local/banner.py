"""What `make run` prints once it serves: where things are, and what to paste."""

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

# Start a night, and the client hears it
curl -X POST {rest_url}/api/sessions \\
  -H "Authorization: Bearer {admin_token}" \\
  -H "Content-Type: application/json" \\
  -d '{{"notes": "Friday Game Night"}}'

  REST       {rest}
  WebSocket  {websocket}
  State      {engine}
  Log        in {log}; `gamenight stage trace 17/3` reads it
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
    """Return the text, styled; ``click.echo`` takes the style out where there is no terminal.

    What a person needs first comes last, where a terminal shows it. With a ``network_url`` there is a QR code
    for a phone. ``host_code`` returns a code that signs in a host, another each time. ``facts`` are the
    tokens, and where the engine's state is and what it survives.
    """
    bold = partial(click.style, bold=True)
    text = re.sub(r"^# .*", lambda line: click.style(line[0], dim=True), TEXT, flags=re.MULTILINE)
    network, root = "", network_url or rest_url  # what is passed on works on other devices where it can
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
        **facts,
    )


def qr_code(url: str) -> str:
    """Return lines that a phone's camera reads, dark on light or light on dark."""
    lines = io.StringIO()
    segno.make(url, error="l").terminal(lines, border=2, compact=True)
    return lines.getvalue()


def _short(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
