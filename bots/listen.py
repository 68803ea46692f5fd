"""All that happens: pip install websockets; python listen.py ws://localhost:5000/api/sessions/live TOKEN."""

import asyncio, contextlib, json, os, sys  # noqa: E401, I001 - all of it at a glance


async def listen(url: str, token: str) -> None:  # noqa: D103
    import websockets  # noqa: PLC0415 - the last line but one tells where it is missing

    places = {"sessions": {"cursor": "now"}}  # the last frame of each stream; at first, from now on
    async for ws in websockets.connect(url, process_exception=lambda why: print(why, file=sys.stderr)):
        with contextlib.suppress(websockets.ConnectionClosed):
            await ws.send(json.dumps({"type": "auth", "token": token, "since": places["sessions"]["cursor"]}))
            async for text in ws:
                with contextlib.suppress(ValueError, TypeError, LookupError, AttributeError):  # an odd frame
                    kind, stream = (frame := json.loads(text)).get("type"), frame.get("stream")
                    if "data" in frame and frame["sequence"] <= places.get(stream, {}).get("sequence", 0):
                        continue  # a duplicate
                    places |= {stream: frame} if stream else {}  # resume from its cursor
                    print(f"Listening as {frame['sub']}" if kind == "auth_success" else text, flush=True)
                    kind == "auth_error" and os._exit(1)
                    known = [night for night in [*places][1:] if places[night]["type"] != "session.ended"]
                    new = [f"session:{frame['data']['session']['id']}"] if kind == "session.started" else []
                    for night in known if kind == "auth_success" else {*new} - places.keys():
                        since = places.setdefault(night, {"type": "", "cursor": ""})["cursor"]
                        ask = {"type": "subscribe", "sessionId": int(night.split(":")[1]), "since": since}
                        await ws.send(json.dumps(ask))


sys.excepthook = lambda kind, why, _: sys.exit(130 if kind is KeyboardInterrupt else f"{why}. {__doc__}")
sys.exit(asyncio.run(listen(*sys.argv[1:3])) if sys.argv[2:] and sys.argv[1][:2] == "ws" else __doc__)
