"""Random lives of connections, swept: everybody is notified what is due."""

from contextlib import suppress
from random import Random

import pytest

from chalicelib.connections.clients import ConnectionExpired
from chalicelib.errors import ConnectionUnknown
from chalicelib.nights.cursors import BEGINNING, Cursor
from tests.unit.connections.swept import MINUTE, TIMEOUT, Service


class Life:
    """One seed's story: clients come and renew their tokens, sweeps are missed, posts fail, clocks differ."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.service = Service(page_size=self.random.choice([1, 3, 1000]))
        self.resumes = {f"{number}=": self.random.random() < 0.5 for number in range(12)}
        self.expiries: dict[str, int] = {}
        self.connected: set[str] = set()

    def step(self) -> None:
        random, service = self.random, self.service
        service.now += random.randrange(40)
        service.behind = random.choice([-30, 0, 30])
        name = random.choice([*self.resumes])
        known = service.store.get(name)
        if name not in self.connected:
            self.connected.add(name)
            service.connect(name)
            if random.random() < 0.8:
                self.authenticate(name, BEGINNING if self.resumes[name] else None)
        elif known is not None and known.authenticated and random.random() < 0.2:
            with suppress(ConnectionExpired, ConnectionUnknown):
                self.authenticate(name)
        service.push.failing = {name} if random.random() < 0.1 else set()
        if random.random() < 0.4:
            service.sweep_once(random.random())

    def authenticate(self, name: str, since: Cursor | None = None) -> None:
        expires = self.service.now + self.random.randrange(100, 3000)
        self.service.connections.authenticate(name, str(expires), since)
        self.expiries[name] = expires


@pytest.mark.parametrize("seed", range(8))
def test_everybody_is_told_what_is_due_and_nothing_else(seed: int) -> None:
    life = Life(seed)
    service = life.service
    for _ in range(400):
        life.step()
    service.push.failing = set()

    service.minutes_pass(service.now + 200 * MINUTE)

    assert service.store.deadlines() == []
    for name in life.connected:
        notified = service.notified(name)
        notices = {frame.split()[0] for frame in notified} - {b"error"}
        assert service.store.get(name) is None
        assert [frame for frame in notified[:-1] if frame.startswith(b"error")] == []  # it is the last
        assert (TIMEOUT in notified) <= (name not in life.expiries)
        assert bool(notices) <= life.resumes[name]
        assert sum(frame.startswith(b"reconnect") for frame in notified) <= 1
