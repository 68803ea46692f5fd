from pathlib import Path

from infra.local.banner import Banner


def test_the_banner_has_the_page_the_tokens_the_log() -> None:
    urls = ("http://localhost:5000", "ws://localhost:5000/live")

    printed = Banner(*urls, "an.admin.s", "a.bot.s", "here", Path("state/log.jsonl")).render()

    assert "http://localhost:5000/\x1b" in printed
    assert "an.admin.s" in printed
    assert "in state/log.jsonl;" in printed
