"""How far delivery has come: in a stream, and in the shards of its audience."""

from msgspec.structs import replace

from chalicelib.aws.dynamodb.connections.progress import PENDING_SECONDS
from chalicelib.delivery.jobs import Checkpoint, Pending, Progress
from chalicelib.limits import EVENT_RETENTION_SECONDS
from chalicelib.nights.cursors import Cursor
from tests.integration.dynamodb.conftest import SHARDS, ConnectionsTable
from tests.integration.dynamodb.followers import NIGHT, OTHER_NIGHT

THIRD, FOURTH = Cursor("e", 3), Cursor("e", 4)
PENDING = Pending(since=2, newest=THIRD)
HALF = Checkpoint(THIRD, first=2, after="abc=")
DONE = replace(HALF, after=None, done=True)


async def test_of_a_new_stream_nothing_is_known(connections_table: ConnectionsTable) -> None:
    progress = connections_table.progress
    await progress.save_handled(OTHER_NIGHT, THIRD)
    await progress.save_checkpoint(OTHER_NIGHT, 0, HALF)

    assert await progress.progress(NIGHT) == Progress()
    assert await progress.checkpoint(NIGHT, 0) is None


async def test_handled_and_pending_events_stand_side_by_side(connections_table: ConnectionsTable) -> None:
    progress = connections_table.progress

    await progress.save_pending(NIGHT, PENDING)
    await progress.save_handled(NIGHT, THIRD)
    before = await progress.progress(NIGHT)
    await progress.save_pending(NIGHT, Pending(2, FOURTH))

    assert before == Progress(THIRD, PENDING)
    assert await progress.progress(NIGHT) == Progress(THIRD, Pending(2, FOURTH))


async def test_a_checkpoint_is_read_as_it_was_saved_last(connections_table: ConnectionsTable) -> None:
    progress = connections_table.progress

    for checkpoint in (HALF, DONE):
        await progress.save_checkpoint(NIGHT, 1, checkpoint)

        assert await progress.checkpoint(NIGHT, 1) == checkpoint
    assert await progress.checkpoint(NIGHT, 0) is None


async def test_nothing_is_pending_once_all_shards_have_it(connections_table: ConnectionsTable) -> None:
    progress = connections_table.progress
    await progress.save_pending(NIGHT, PENDING)
    seen = []
    for shard in range(SHARDS):
        for checkpoint in (HALF, DONE):
            await progress.save_checkpoint(NIGHT, shard, checkpoint)
            seen.append((await progress.progress(NIGHT)).pending)

    await progress.save_pending(NIGHT, Pending(4, FOURTH))

    assert seen == [PENDING, PENDING, PENDING, None]
    assert (await progress.progress(NIGHT)).pending == Pending(4, FOURTH)


async def test_checkpoints_of_another_epoch_finish_nothing(connections_table: ConnectionsTable) -> None:
    progress = connections_table.progress
    await progress.save_pending(NIGHT, PENDING)
    for shard in range(SHARDS):
        await progress.save_checkpoint(NIGHT, shard, replace(DONE, cursor=Cursor("before", 9)))

    assert (await progress.progress(NIGHT)).pending == PENDING


async def test_nothing_is_pending_once_no_job_can_be_queued(connections_table: ConnectionsTable) -> None:
    progress = connections_table.progress
    await progress.save_handled(NIGHT, THIRD)
    await progress.save_pending(NIGHT, PENDING)

    connections_table.wait(PENDING_SECONDS - 1)
    before = await progress.progress(NIGHT)
    connections_table.wait(1)

    assert before == Progress(THIRD, PENDING)
    assert await progress.progress(NIGHT) == Progress(THIRD)


async def test_what_has_expired_is_not_there(connections_table: ConnectionsTable) -> None:
    progress = connections_table.progress
    await progress.save_handled(NIGHT, THIRD)
    for shard in range(SHARDS):
        await progress.save_checkpoint(NIGHT, shard, DONE)

    connections_table.wait(EVENT_RETENTION_SECONDS - 1)
    handled = [await progress.progress(NIGHT)]
    connections_table.wait(1)
    handled.append(await progress.progress(NIGHT))
    await progress.save_pending(NIGHT, PENDING)

    assert handled == [Progress(THIRD), Progress()]
    assert await progress.checkpoint(NIGHT, 0) is None
    assert (await progress.progress(NIGHT)).pending == PENDING
