"""Redoes everything of a stage that failed for the last time; each kind has a module of its own."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.nights.events import UnreadableRecord
from infra.deploy.operate.dead_letters import RedoneJobs, redo_jobs
from infra.deploy.operate.stage import OperatedStage
from infra.deploy.operate.stream_failures import RedoneRecords, StreamFailures
from infra.local.triggers.stream_reader import TableStream


@dataclass(frozen=True, slots=True)
class Redone:
    """What became of jobs, and of batches of records."""

    records: RedoneRecords
    jobs: RedoneJobs


def redrive(stage: OperatedStage, tell: Callable[[str], None], *, dry_run: bool, patience: int = 1) -> Redone:
    """Redo what is on a stage's queues of failures, records before jobs.

    A queue that hands out nothing for ``patience`` seconds is taken for empty: on AWS an empty answer that
    comes at once may be one of a part of the queue.

    Raises DeploymentError, Unavailable, StreamUnavailable, and what the SDK raises. Whatever it raises,
    nothing is lost, and it can be run again.
    """
    application = stage.application()
    dynamodb, table = stage.client("dynamodb"), stage.settings.sessions_table

    def item(record: UnreadableRecord) -> Mapping[str, Any] | None:
        """Return the log's item of a record, as it is now."""
        key = {"PK": {"S": record.partition_key}, "SK": {"S": record.sort_key}}
        found: Mapping[str, Any] = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
        return found.get("Item")

    with asyncio.Runner() as runner:
        try:
            records = StreamFailures(
                stage.queue("StreamFailureQueue"),
                TableStream(dynamodb, stage.client("dynamodbstreams"), table),
                item,
                application.redelivery,
                application.count_votes,
                runner.run,
                patience,
            ).redo(tell, dry_run=dry_run)
        finally:
            runner.run(application.close())
    dead, delivery = stage.queue("DeliveryDeadLetterQueue"), stage.queue("DeliveryQueue")
    return Redone(records, redo_jobs(dead, delivery, tell, dry_run=dry_run, patience=patience))
