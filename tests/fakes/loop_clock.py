import asyncio


class LoopClock:
    """The time of the running event loop, which only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        asyncio.get_running_loop().time = self.__call__  # type: ignore[method-assign]

    def __call__(self) -> float:
        return self.now
