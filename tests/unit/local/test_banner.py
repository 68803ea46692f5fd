from pathlib import Path

from infra.local.banner import banner


def test_the_banner_has_the_page_the_tokens_the_log() -> None:
    printed = banner(
        rest_url="http://localhost:5000",
        websocket_url="ws://localhost:5000/live",
        admin_token="an.admin.s",
        bot_token="a.bot.s",
        engine="here",
        log=Path("state/log.jsonl"),
    )

    assert "http://localhost:5000/\x1b" in printed
    assert "an.admin.s" in printed
    assert "in state/log.jsonl;" in printed
