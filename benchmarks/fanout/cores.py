"""Which core a program runs on, and whether other programs ran there meanwhile.

A client and its server that share a core would measure each other; one that shares its core with somebody
else's work measures that. Linux only: reads /proc.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IDLE = slice(3, 5)
"""The fields of a line of /proc/stat that count idle time, waiting for a disk included; see proc(5)."""

_USED = slice(0, 8)
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def two_cores() -> tuple[int, int]:
    """Return one core for the client and one for the server; the same one where there is no second."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Let what is started in this block run on one core only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def go_first(process: int | str = "self") -> None:
    """Let a process run before all other work on its core. Raises PermissionError for all but root."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(1))


class Watch:
    """Measures, from its making on, what others do with some cores.

    Others are all but this process, the children that it has waited for, and the process ``server``.
    """

    def __init__(self, cores: tuple[int, ...], server: int) -> None:
        self._cores = {f"cpu{core}" for core in cores}
        self._server = server
        self._busy, self._all = self._seconds()
        self._ours = self._our_seconds()

    def others(self) -> float:
        """Return the share of the cores' time that others took, 0 to 1."""
        busy, all_ = self._seconds()
        theirs = busy - self._busy - (self._our_seconds() - self._ours)
        return max(0.0, theirs / (all_ - self._all))

    def _seconds(self) -> tuple[float, float]:
        busy = all_ = 0
        for line in Path("/proc/stat").read_text().splitlines():
            name, *fields = line.split()
            if name in self._cores:
                ticks = [int(field) for field in fields]
                all_ += sum(ticks[_USED])
                busy += sum(ticks[_USED]) - sum(ticks[_IDLE])
        return busy / _TICKS_PER_SECOND, all_ / _TICKS_PER_SECOND

    def _our_seconds(self) -> float:
        of_server = Path(f"/proc/{self._server}/stat").read_text().rpartition(")")[2].split()
        seconds = (int(of_server[11]) + int(of_server[12])) / _TICKS_PER_SECOND
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            seconds += usage.ru_utime + usage.ru_stime
        return seconds
