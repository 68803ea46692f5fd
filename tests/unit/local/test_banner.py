"""What `make run` prints for a phone's camera."""

from pathlib import Path

import segno

from infra.local.banner import banner

URL = "http://192.0.2.7:5000"


def printed(network_url: str | None) -> str:
    return banner(
        rest_url="http://localhost:5000",
        websocket_url="ws://localhost:5000/api/sessions/live",
        network_url=network_url,
        host_code=lambda: "QXK7RMD4HTPY9CWAE6NG3FJU",
        log=Path("gateway.log"),
        admin_token="admin's",
        bot_token="bot's",
        engine="in .local",
    )


def test_the_code_signs_in_a_host_on_the_page() -> None:
    lines = printed(URL).splitlines()

    blocks = [line for line in lines if line and set(line) <= set(" ▀▄█")]
    border = 2
    rows = [[f"{cell:02b}" for cell in map(" ▄▀█".index, line)] for line in blocks]
    light = [[row[nth][half] == "1" for nth in range(len(row))] for row in rows for half in (0, 1)]
    size = len(light[0]) - 2 * border
    shown = [[not cell for cell in row[border:-border]] for row in light[border : border + size]]
    code = segno.make(f"{URL}/#/join/QXK7RMD4HTPY9CWAE6NG3FJU", error="l")
    assert shown == [[bool(cell) for cell in row] for row in code.matrix]


def test_without_a_network_there_is_no_code() -> None:
    assert "█" not in printed(None)
