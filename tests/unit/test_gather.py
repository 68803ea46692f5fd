"""What fails leaves nothing running."""

import asyncio

import pytest

from chalicelib.errors import Unavailable
from chalicelib.gather import gather


async def test_the_first_error_is_raised_when_all_have_ended(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[int] = []

    async def fails(error: Exception) -> None:
        raise error

    async def takes_a_few_turns(number: int) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        ended.append(number)

    first, second = Unavailable("first"), ValueError("a defect beside it")

    with pytest.raises(Unavailable) as raised:
        await gather([fails(first), fails(second), *map(takes_a_few_turns, range(3))])

    assert raised.value is first
    assert ended == [0, 1, 2]
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [record.exc_info and record.exc_info[1] for record in caplog.records] == [second]
