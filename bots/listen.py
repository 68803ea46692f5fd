"""Prints all that happens in game nights: python listen.py ws://localhost:5000/api/sessions/live TOKEN."""

import asyncio
import json
import sys
from contextlib import suppress

from websockets import ConnectionClosed, connect


async def listen(url: str, token: str) -> None:  # noqa: D103 - it is the whole program
    since, nights = "new:0", set()  # a cursor of no stream: from now on
    async for live in connect(url):  # and again whenever it breaks
        with suppress(ConnectionClosed):
            await live.send(json.dumps({"type": "auth", "token": token, "since": since}))
            async for text in live:
                print(text, flush=True)
                frame = json.loads(text)
                started = frame["type"] == "session.started"
                if frame["type"] == "auth_error":
                    sys.exit(1)
                if started:
                    nights.add(frame["data"]["session"]["id"])
                if started or frame.get("recovered") is False:
                    since = frame["cursor"]  # starts that are missed come after a break; the rest does not
                for session_id in nights if started or frame["type"] == "auth_success" else ():
                    await live.send(json.dumps({"type": "subscribe", "sessionId": session_id}))


asyncio.run(listen(*sys.argv[1:]))
