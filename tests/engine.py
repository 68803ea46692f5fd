"""The engine that tests of the storage use: MiniStack, or the one that DYNAMODB_ENDPOINT names."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chalicelib.aws.dynamodb.database import Database, Table
from infra.local.engine.embedded import embedded_engine
from infra.local.state import StateDir
from infra.template import tables

ENDPOINT = os.environ.get("DYNAMODB_ENDPOINT")


@contextmanager
def dynamodb_engine(folder: Path) -> Iterator[str]:
    """Serve it, in a folder where it needs one; the value is its URL."""
    if ENDPOINT:
        yield ENDPOINT
        return
    with embedded_engine(StateDir(folder), print) as url:
        yield url


def new_table(dynamodb: Any, database: Database) -> Table:
    """Create one of the stack's tables, of a name of its own. Both have the same keys, and one a stream."""
    definition = tables(f"test-{uuid.uuid4().hex}")["ConnectionsTable"]
    dynamodb.create_table(**definition.create)
    return Table(database, definition.name)
