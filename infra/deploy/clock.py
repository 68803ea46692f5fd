"""Waiting for what AWS does in its own time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from infra.deploy.errors import DeploymentError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as it is waited for, in seconds."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def wait(self, for_what: str, look: Callable[[], T | None], *, within: float, every: float) -> T:
        """Look again and again until there is something to return.

        Raises DeploymentError where there is nothing after ``within`` seconds.
        """
        deadline = self.monotonic() + within
        while (found := look()) is None:
            if self.monotonic() >= deadline:
                raise DeploymentError(
                    f"Waited {within:.0f} s for {for_what}, and it is not there yet. Run the same command "
                    "again: it goes on from where things are."
                )
            self.sleep(every)
        return found
