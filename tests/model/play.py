"""Plays a whole night that a seed makes up, and returns it with what was wrong."""

from tests.model.actions import hosts, machinery
from tests.model.choices import Chance
from tests.model.night import Night

STEPS = 50


def play(seed: int, steps: int = STEPS) -> Night:
    """Play a night until it is over or something is wrong: ``complaints`` says what.

    To look into one, play its seed again.
    """
    chance = Chance(seed)
    night = Night(chance.setting())
    try:
        hosts.start(night, keyed=True)
        hosts.of_session(night, "games", 0, keyed=True)
        for _ in range(steps):
            chance.whatever()(night)
            night.check_heard()
            night.check_once()
            if night.complaints:
                return night
        machinery.settle(night)
        return night
    finally:
        night.close()
