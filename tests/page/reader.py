"""Reads a QR code as a camera does: from what is seen of it."""

from functools import cache
from pathlib import Path

from playwright.async_api import Locator, Route

from tests.gateway import ROOT
from tests.node import packages

READ = """async ([root, bytes]) => {
  const { default: decode } = await import(`${root}/decode.js`);
  const image = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/png' }));
  const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
  context.drawImage(image, 0, 0);
  return decode(context.getImageData(0, 0, image.width, image.height));
}"""


@cache
def installed_packages() -> Path:
    return packages(ROOT / "tests" / "page" / "node")


async def read_code(code: Locator) -> str:
    """Return what a QR code on a page says. Raises an error where it can't be read."""

    async def of_the_package(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        body = (installed_packages() / "qr" / name).read_text()
        await route.fulfill(body=body, content_type="text/javascript")

    await code.page.route("**/reader/*", of_the_package)
    seen = list(await code.screenshot())
    origin = await code.page.evaluate("location.origin")
    return str(await code.page.evaluate(READ, [f"{origin}/reader", seen]))
