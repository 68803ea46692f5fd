"""The command of the Python client, see ``scenario``."""

import argparse
import asyncio
import json
import signal
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from gamenight import GameNight, GameNightError, State, Surroundings


class Faster(Surroundings):
    """Time that runs so many times as fast."""

    def __init__(self, times: float) -> None:
        self._times = times
        self._began = time.monotonic()
        self._date = datetime.now(UTC)

    def now(self) -> datetime:
        """Return the time of day."""
        return self._date + timedelta(seconds=self.monotonic() - self._began)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._began + (time.monotonic() - self._began) * self._times

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds / self._times)


def say(**line: object) -> None:
    print(json.dumps(line, separators=(",", ":")), flush=True)  # noqa: T201 - it is what this is for


async def listen(options: argparse.Namespace) -> int:
    tokens: list[str] = options.token

    def token() -> str:
        given = tokens.pop(0) if len(tokens) > 1 else tokens[0]
        if given == "fails":
            raise OSError("nobody gives a token now")
        return given

    def changed(state: State) -> None:
        say(state=state)

    try:
        client = GameNight(
            options.rest_url,
            token if len(tokens) > 1 else tokens[0],
            cursors=options.cursors,
            websocket_url=options.websocket_url,
            on_state=changed,
            surroundings=Faster(options.speed),
        )
        closing: list[asyncio.Task[None]] = []
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGTERM, lambda: closing.append(asyncio.create_task(client.aclose()))
        )
        async for event in client.events():
            say(event={"type": event.type, **asdict(event)})
        await asyncio.gather(*closing)
    except GameNightError as problem:
        say(failed=type(problem).__name__, message=str(problem))
        return 1
    return 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rest_url")
    parser.add_argument("websocket_url")
    parser.add_argument("--token", action="append", required=True)
    parser.add_argument("--cursors")
    parser.add_argument("--speed", type=float, default=1)
    raise SystemExit(asyncio.run(listen(parser.parse_args())))


if __name__ == "__main__":
    main()
