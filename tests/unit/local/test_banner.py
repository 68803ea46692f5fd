from infra.local.banner import Banner


def test_it_says_where_the_page_is_and_what_to_sign_in_with() -> None:
    printed = Banner(
        "http://localhost:5000", "ws://localhost:5000/live", "an.admin.s", "a.bot.s", "here"
    ).render()

    assert "http://localhost:5000/\x1b" in printed
    assert "an.admin.s" in printed
