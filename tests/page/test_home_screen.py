"""The page has an icon on a phone's home screen, and a preview where its link is sent."""

import json
from urllib.parse import urljoin, urlsplit

import pytest

from chalicelib.page import served
from tests.clients import Target
from tests.page.conftest import Visit

SIZE_OF = """async url => {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  return [picture.naturalWidth, picture.naturalHeight];
}"""
ICON = "document.querySelector('link[rel=apple-touch-icon]').href"
PREVIEW = """Object.fromEntries([...document.querySelectorAll('meta[property^="og:"]')]
  .map(meta => [meta.getAttribute('property'), meta.content]))"""


async def test_browsers_understand_the_manifest(visit: Visit, target: Target) -> None:
    visitor = await visit()
    await visitor.opens()
    session = await visitor.page.context.new_cdp_session(visitor.page)

    found = await session.send("Page.getAppManifest")

    assert found["errors"] == []
    manifest = json.loads(found["data"])
    assert urljoin(found["url"], manifest["start_url"]) == f"{target.rest_url}/"
    for icon in manifest["icons"]:
        width, height = await visitor.page.evaluate(SIZE_OF, urljoin(found["url"], icon["src"]))
        assert width == height > 0
    assert {icon.get("purpose", "any") for icon in manifest["icons"]} == {"any", "maskable"}
    assert await visitor.page.evaluate(f"({SIZE_OF})({ICON})") == [180, 180]


@pytest.mark.parametrize("root", ["", "/dev", "/games/dev"])
async def test_the_icon_leads_to_the_page_below_any_path(root: str) -> None:
    manifest = f"https://night.example{root}/page/{served.edition()}/manifest.webmanifest"

    start = urljoin(manifest, json.loads((served.FOLDER / "manifest.webmanifest").read_text())["start_url"])

    assert urlsplit(start).path == f"{root}/"


async def test_a_link_that_is_sent_has_a_preview(visit: Visit) -> None:
    visitor = await visit()
    await visitor.opens()

    preview = await visitor.page.evaluate(PREVIEW)

    assert preview["og:title"] == "Come to game night"
    assert {"og:description", "og:site_name", "og:type"} <= preview.keys()
