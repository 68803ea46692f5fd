"""Connections that ended without a word: put into the table by hand, to be found gone."""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws.dynamodb.keys import HEAD, audience_key, connection_key, deadline_key
from chalicelib.connections.connection import shard_of
from chalicelib.connections.deadlines import Deadline

NEVER = {"N": "4000000000"}
SHARDS = 8


@dataclass(slots=True)
class StaleConnections:
    """Those in the table of connections called ``table``. ``dynamodb`` is an SDK client."""

    dynamodb: Any
    table: str
    api_id: str
    stage: str
    _keys: list[dict[str, Any]] = field(default_factory=list)

    def put(self, name: str, stream: str, *, position: int = 0, behind: int = 0, missed: int = 0) -> None:
        """Put one into an audience that joined after the event ``position``.

        ``behind`` is the first event that it lacks, 0 where it is live.
        """
        row = {
            **self._address,
            "token_expires_at": NEVER,
            "wants_cursor": {"BOOL": False},
            "position": {"N": str(position)},
        }
        if behind:
            row |= {"behind": {"N": str(behind)}, "missed": {"N": str(missed)}}
        self._put(audience_key(stream, shard_of(name, SHARDS)), name, row)
        self._put(connection_key(name), f"audience#{stream}", {}, noted=False)

    def put_due(self, name: str, deadline: Deadline, opened: int, **more: dict[str, Any]) -> None:
        """Put one that something is due of; ``more`` is what else its head says."""
        at, revision = {"N": str(deadline.at)}, {"N": "0"}
        head = {
            **self._address,
            "connected_at": {"N": str(opened)},
            "source_ip": {"S": "127.0.0.1"},
            "failed_auths": {"N": "0"},
            "deadline_at": at,
            "deadline_kind": {"S": deadline.kind.value},
            "revision": revision,
            **more,
        }
        row_key = deadline_key(deadline.minute, shard_of(name, SHARDS))
        self._put(connection_key(name), HEAD, head)
        self._put(row_key, f"{deadline.kind}#{name}", {"at": at, "revision": revision})

    @property
    def _address(self) -> dict[str, Any]:
        return {"api_id": {"S": self.api_id}, "stage": {"S": self.stage}}

    def _put(self, partition: str, sort: str, item: dict[str, Any], *, noted: bool = True) -> None:
        key = {"PK": {"S": partition}, "SK": {"S": sort}}
        self.dynamodb.put_item(TableName=self.table, Item={**key, **item, "expires_at": NEVER})
        if noted:
            self._keys.append(key)

    def are_gone(self) -> bool:
        """Say whether all that were put have been removed."""
        return not any(
            "Item" in self.dynamodb.get_item(TableName=self.table, Key=key, ConsistentRead=True)
            for key in self._keys
        )
