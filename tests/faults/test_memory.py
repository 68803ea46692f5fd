"""A function that lives through fault after fault keeps nothing of them."""

import gc
from collections import Counter
from random import Random

from tests.faults.chaos import Chaos
from tests.faults.faulty_dynamodb import FaultyDynamoDb
from tests.faults.service import running_service

ROUNDS = 30
SPARE = 6
"""What a second night may have more than the first of one type: what is made when it is first needed."""


async def test_faults_leave_nothing_in_memory(engine: str) -> None:
    async with (
        FaultyDynamoDb(engine).serving() as dynamodb,
        running_service(engine, dynamodb=dynamodb.url, inline=2) as service,
    ):
        chaos = Chaos(service, dynamodb, Random(17), kills=False)
        await chaos.begin()

        first = await left_by_a_night(chaos)
        before = len(service.clients.server.requests)
        second = await left_by_a_night(chaos)
        posts = len(service.clients.server.requests) - before

    assert posts > 3 * SPARE
    assert {kind: more for kind, more in (second - first).items() if more > SPARE} == {}


async def left_by_a_night(chaos: Chaos) -> Counter[type]:
    """Return how many objects of each of the service's types there are when all is over."""
    for happens in chaos.night(ROUNDS):
        await happens()
    await chaos.heal()
    await chaos.service.close()  # no connection that is kept alive counts
    gc.collect()
    return Counter(type(one) for one in gc.get_objects() if "chalicelib" in str(type(one).__module__))
