"""Prints all that happens in game nights: python listen.py ws://localhost:5000/api/sessions/live TOKEN."""

import asyncio, json, logging, re, sys  # noqa: E401, I001 - all of it at a glance
from contextlib import suppress

from websockets import ConnectionClosed, connect


async def listen(url: str, token: str) -> str:  # type: ignore[return] # noqa: D103, RET503 - it has no end
    since, nights = "new:0", dict[str, int]()  # a cursor of no stream: from now on; later, what was missed
    async for live in connect(url):  # and again whenever it breaks
        with suppress(ConnectionClosed):
            await live.send(json.dumps({"type": "auth", "token": token, "since": since}))
            async for text, frame in ((text, json.loads(text)) async for text in live):
                started, let_in = (frame["type"] == kind for kind in ("session.started", "auth_success"))
                print(f"Listening as {frame['sub']}" if let_in else text, flush=True)
                if frame["type"] == "auth_error":
                    return str(frame["message"])
                since = frame["cursor"] if frame.get("recovered") is False else since
                nights |= {frame["cursor"]: frame["data"]["session"]["id"]} if started else {}
                while (after := re.sub(r"\d+$", lambda end: str(int(end[0]) + 1), since)) in nights:
                    since = after  # and not further: of a replay, what lies before a live event is to come
                for session_id in nights.values() if started or let_in else ():
                    await live.send(json.dumps({"type": "subscribe", "sessionId": session_id}))


logging.basicConfig(level=logging.INFO, format="%(message)s")  # tells of attempts to connect that fail
with suppress(KeyboardInterrupt):
    sys.exit(asyncio.run(listen(*sys.argv[1:3])) if sys.argv[2:] and sys.argv[1][:2] == "ws" else __doc__)
