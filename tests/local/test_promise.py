"""The main promise: whoever has ``auth_success`` before a session is started hears of it, always."""

from tests.clients import Host, Target

ROUNDS = 100


async def test_auth_success_before_the_post_is_the_event_after_it_every_time(
    target: Target, host: Host
) -> None:
    token = target.token("bot")

    for _ in range(ROUNDS):
        async with target.bot(token) as bot:
            session = await host.start()
            assert await bot.hear_start_of(session["id"])


async def test_nobody_hears_an_event_twice(target: Target, host: Host) -> None:
    async with target.bot(target.token("bot")) as bot:
        before = await host.start()
        await bot.ask({"type": "subscribe", "sessionId": before["id"]})

        sessions = [before, *[await host.start() for _ in range(20)]]
        for session in sessions:
            await bot.hear_start_of(session["id"])

        assert bot.started == [session["id"] for session in sessions]
