"""Random lives of connections, swept: everybody is told what is due."""

from contextlib import suppress
from random import Random

import pytest

from chalicelib.connections.clients import ConnectionExpired
from chalicelib.errors import ConnectionUnknown
from chalicelib.nights.cursors import BEGINNING, Cursor
from tests.unit.connections.swept import MINUTE, TIMEOUT, House


class Life:
    """One seed's story: clients come and renew their tokens, sweeps are missed, posts fail, clocks differ."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.house = House(page_size=self.random.choice([1, 3, 1000]))
        self.resumes = {f"{number}=": self.random.random() < 0.5 for number in range(12)}
        self.expiries: dict[str, int] = {}
        self.connected: set[str] = set()

    def step(self) -> None:
        random, house = self.random, self.house
        house.now += random.randrange(40)
        house.behind = random.choice([-30, 0, 30])
        name = random.choice([*self.resumes])
        known = house.store.get(name)
        if name not in self.connected:
            self.connected.add(name)
            house.connect(name)
            if random.random() < 0.8:
                self.authenticate(name, BEGINNING if self.resumes[name] else None)
        elif known is not None and known.authenticated and random.random() < 0.2:
            with suppress(ConnectionExpired, ConnectionUnknown):
                self.authenticate(name)
        house.push.failing = {name} if random.random() < 0.1 else set()
        if random.random() < 0.4:
            house.sweep_once(random.random())

    def authenticate(self, name: str, since: Cursor | None = None) -> None:
        expires = self.house.now + self.random.randrange(100, 3000)
        self.house.connections.authenticate(name, str(expires), since)
        self.expiries[name] = expires


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_everybody_is_told_what_is_due_and_nobody_anything_else(seed: int) -> None:
    life = Life(seed)
    house = life.house
    for _ in range(400):
        life.step()
    house.push.failing = set()

    house.minutes_pass(house.now + 200 * MINUTE)

    assert house.store.deadlines() == []
    for name in life.connected:
        told = house.told(name)
        notices = {frame.split()[0] for frame in told} - {b"error"}
        assert house.store.get(name) is None
        assert [frame for frame in told[:-1] if frame.startswith(b"error")] == []  # nothing follows a goodbye
        assert (TIMEOUT in told) <= (name not in life.expiries)
        assert bool(notices) <= life.resumes[name]
        assert sum(frame.startswith(b"reconnect") for frame in told) <= 1
