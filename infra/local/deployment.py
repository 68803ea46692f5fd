"""Names the local gateway's account, Region, API and stage, and gives each request a time and an id."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

STAGE = "local"
API_ID = "local"
REGION = "us-east-1"
ACCOUNT_ID = "000000000000"


@dataclass(frozen=True, slots=True)
class Moment:
    """When a request arrived, and its id."""

    now: datetime
    request_id: str

    @classmethod
    def present(cls) -> Self:
        """Return the current time with a new id."""
        return cls(datetime.now(UTC), str(uuid.uuid4()))

    @property
    def milliseconds(self) -> int:
        """Milliseconds since 1970."""
        return int(self.now.timestamp() * 1000)

    @property
    def request_time(self) -> str:
        """The time as API Gateway writes it, e.g. ``09/Apr/2015:12:34:56 +0000``."""
        return self.now.astimezone(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
