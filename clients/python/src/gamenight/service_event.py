"""Defines what all events of the service have in common. `types` has the events themselves."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """What every event of a night has. ``timestamp`` is UTC, such as ``2025-11-01T20:00:00.123Z``."""

    timestamp: str
    data: Any

    @property
    def session_id(self) -> int:
        """The night that it belongs to."""
        session_id: int = self.data["session"]["id"]
        return session_id
