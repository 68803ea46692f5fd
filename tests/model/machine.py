"""The state machine: hypothesis makes up the night, step by step."""

from collections.abc import Callable
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.model import actions, choices
from tests.model.night import Alter, Night, Setting
from tests.model.storage import Storage


class NightMachine(RuleBasedStateMachine):
    """A random night. ``finished`` is called with each when it is over."""

    storage: Callable[[], Storage]
    alter: Alter = staticmethod(lambda _environment: None)
    finished: Callable[[Night], None] = staticmethod(lambda _night: None)

    def __init__(self) -> None:
        super().__init__()
        self.night: Night | None = None

    @initialize(setting=choices.settings)
    def begin(self, setting: Setting) -> None:
        self.night = Night(type(self).storage(), setting, type(self).alter)
        actions.Start(0, keyed=True)(self.night)
        actions.AddGame(0, keyed=True)(self.night)

    @rule(action=choices.whatever)
    def this_happens(self, action: Any) -> None:
        assert self.night is not None
        action(self.night)
        self.night.check_heard()
        self._every_promise_is_kept(self.night)

    def _every_promise_is_kept(self, night: Night) -> None:
        assert not night.complaints, "\n".join(night.complaints)

    def teardown(self) -> None:
        night = self.night
        if night is None:
            return
        try:
            if not night.complaints:  # or that has failed already
                actions.Settle()(night)
                self._every_promise_is_kept(night)
                type(self).finished(night)
        finally:
            night.close()
