"""The page draws QR codes that a camera reads, with a library that nobody has changed."""

import pytest

from tests.gateway import ROOT
from tests.page.conftest import Visit
from tests.page.reader import installed_packages, read_code

DRAW = """async text => {
  const { qrCode } = await import(document.querySelector('script').src.replace('main.js', 'qr.js'));
  document.body.replaceChildren(await qrCode(text, 'The code'));
}"""


@pytest.mark.parametrize(("ours", "theirs"), [("uqr.js", "dist/index.mjs"), ("uqr-license.txt", "LICENSE")])
async def test_the_library_is_the_packages(ours: str, theirs: str) -> None:
    package = installed_packages() / "uqr"

    assert (ROOT / "chalicelib" / "page" / ours).read_bytes() == (package / theirs).read_bytes()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("text", ["http://localhost:5000/#/join/K7QM2X", f"https://{'x' * 180}.example/ä"])
async def test_a_code_is_read_by_a_camera(visit: Visit, text: str, scheme: str) -> None:
    visitor = await visit(color_scheme=scheme)
    await visitor.opens()

    await visitor.page.evaluate(DRAW, text)

    assert await read_code(visitor.page.get_by_role("img", name="The code")) == text
