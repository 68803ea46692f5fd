"""Plays a whole night that a seed makes up, and returns it with what was wrong."""

from tests.model.actions import hosts, machinery
from tests.model.choices import Chance
from tests.model.night import Night
from tests.model.world.storage import Storage

STEPS = 50


def play(seed: int, storage: Storage, steps: int = STEPS) -> Night:
    """Play a night until it is over or something is wrong: ``complaints`` says what.

    To look into one, play its seed again; every action is a value that can be printed.
    """
    chance = Chance(seed)
    night = Night(storage, chance.setting())
    try:
        hosts.Start(0, keyed=True)(night)
        hosts.AddGame(0, keyed=True)(night)
        for _ in range(steps):
            chance.whatever()(night)
            night.check_heard()
            night.check_once()
            if night.complaints:
                return night
        machinery.Settle()(night)
        return night
    finally:
        night.close()
