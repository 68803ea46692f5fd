"""Connections that ended without a word: put into the table by hand, to be found gone.

Leaves which delivery or sweep finds which to ``connections``.
"""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws.dynamodb.keys import HEAD, audience_key, connection_key, deadline_key
from chalicelib.connections.connection import shard_of
from chalicelib.connections.deadlines import Deadline

NEVER = {"N": "4000000000"}
SHARDS = 8


@dataclass(slots=True)
class StaleConnections:
    """StaleConnections in the table of connections called ``table``. ``dynamodb`` is an SDK client."""

    dynamodb: Any
    table: str
    api_id: str
    stage: str
    _keys: list[dict[str, Any]] = field(default_factory=list)

    def put(self, name: str, stream: str, *, position: int = 0, behind: int = 0, missed: int = 0) -> None:
        """Put a ghost into an audience.

        It joined after the event ``position``. ``behind`` is the first event that it lacks; 0: it is live.
        """
        key = {"PK": {"S": audience_key(stream, shard_of(name, SHARDS))}, "SK": {"S": name}}
        row = {
            **key,
            "api_id": {"S": self.api_id},
            "stage": {"S": self.stage},
            "token_expires_at": NEVER,
            "expires_at": NEVER,
            "wants_cursor": {"BOOL": False},
            "position": {"N": str(position)},
        }
        if behind:
            row |= {"behind": {"N": str(behind)}, "missed": {"N": str(missed)}}
        membership = {
            "PK": {"S": connection_key(name)},
            "SK": {"S": f"audience#{stream}"},
            "expires_at": NEVER,
        }
        for item in (row, membership):
            self.dynamodb.put_item(TableName=self.table, Item=item)
        self._keys.append(key)

    def put_due(self, name: str, deadline: Deadline, opened: int, **more: dict[str, Any]) -> None:
        """Put a ghost that something is due of; ``more`` is what else its head says."""
        head_key = {"PK": {"S": connection_key(name)}, "SK": {"S": HEAD}}
        head = {
            **head_key,
            "api_id": {"S": self.api_id},
            "stage": {"S": self.stage},
            "connected_at": {"N": str(opened)},
            "source_ip": {"S": "127.0.0.1"},
            "failed_auths": {"N": "0"},
            "deadline_at": {"N": str(deadline.at)},
            "deadline_kind": {"S": deadline.kind.value},
            "revision": {"N": "0"},
            "expires_at": NEVER,
            **more,
        }
        row_key = {
            "PK": {"S": deadline_key(deadline.minute, shard_of(name, SHARDS))},
            "SK": {"S": f"{deadline.kind}#{name}"},
        }
        row = {**row_key, "at": {"N": str(deadline.at)}, "revision": {"N": "0"}, "expires_at": NEVER}
        for item in (head, row):
            self.dynamodb.put_item(TableName=self.table, Item=item)
        self._keys += [head_key, row_key]

    def are_gone(self) -> bool:
        """Say whether all that were put have been removed."""
        return not any(
            "Item" in self.dynamodb.get_item(TableName=self.table, Key=key, ConsistentRead=True)
            for key in self._keys
        )
