"""Taking a restored sessions table into use: what a restore leaves out, new epochs, and everyone back anew.

Restoring itself is AWS's, see docs/operations.md.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

from chalicelib.errors import GameNightError
from infra.deploy.aws import Clock
from infra.deploy.errors import DeploymentError
from infra.deploy.operate.application import OperatorApplication
from infra.deploy.operate.disconnect_all import Closed
from infra.deploy.operate.epochs import Renewed
from infra.deploy.operate.stage import OperatedStage
from infra.deploy.operate.table_settings import settle_table
from infra.deploy.progress import Progress
from infra.local.deployment import STAGE as LOCAL
from infra.template import tables

EVERY = 1000
"""Sessions between two lines of progress."""


def take_into_use(stage: OperatedStage, progress: Progress, clock: Clock) -> None:
    """Make a restored table whole, give its streams new epochs, and have all clients come back.

    It can be run again at any time. Raises DeploymentError where it has to be.
    """
    sessions = tables(stage.name)["SessionsTable"]
    progress.step(f"Table {sessions.name}")
    on_aws = stage.name != LOCAL
    lines = [*settle_table(stage.client("dynamodb"), sessions, clock, backups=on_aws)]
    for line in lines or ["has what it needs"]:
        progress.detail(line)
    application = stage.application()
    try:
        progress.step("Epochs")
        _told(application.epochs.renew(), progress)
        progress.step("Connections")
        closed = asyncio.run(_close_all(application))
    except GameNightError as error:
        raise DeploymentError(f"{error.detail} Run the same command again; it does no harm.") from error
    progress.detail(f"{closed.closed} closed: their clients come back and are told what they can't resume")
    if closed.failed:
        raise DeploymentError(
            f"{closed.failed} connections could not be closed, and may believe that they have missed "
            "nothing. Run the same command again; it does no harm."
        )


def _told(renewed: Iterable[Renewed], progress: Progress) -> None:
    counted: Counter[str] = Counter()
    for one in renewed:
        counted["streams"] += 1
        for key in one.removed:
            progress.detail(f"removed, a transaction that the restore cut in two: {key}")
        if one.lost:
            progress.warning("the newest start was cut in two and is lost; its number will be used again")
        if counted["streams"] % EVERY == 0:
            progress.detail(f"{counted['streams']:,} streams")
    progress.detail(f"{counted['streams']:,} streams have new epochs")


async def _close_all(application: OperatorApplication) -> Closed:
    try:
        return await application.disconnect_all.run()
    finally:
        await application.close()
