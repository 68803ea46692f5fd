"""The application as an operator uses it: what is deployed, and what only operators do."""

import time
from functools import cached_property

from chalicelib.bootstrap import Application
from infra.deploy.operate.disconnect_all import DisconnectAll
from infra.deploy.operate.epochs import DynamoEpochs
from infra.deploy.operate.redelivery import Redelivery


class OperatorApplication(Application):
    """Everything that an operator's commands call."""

    @cached_property
    def redelivery(self) -> Redelivery:
        """How events are delivered that were given up."""
        shards = self.settings.audience_shards
        return Redelivery(self._audiences, self._failures, self._sessions, self._sessions.log, shards)

    @cached_property
    def epochs(self) -> DynamoEpochs:
        """What changes after a restore."""
        return DynamoEpochs(self._sessions_table, self._sessions, time.time)

    @cached_property
    def disconnect_all(self) -> DisconnectAll:
        """How all clients are made to come back."""
        return DisconnectAll(self._audiences, self._connections, self.push, self.settings.audience_shards)
