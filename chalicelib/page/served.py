"""Serves the page for hosts and guests: the files of ``chalicelib/page``.

The URL of each file contains an edition, a hash of all files. So a browser caches them for ever and never
mixes two deployments.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from chalicelib.errors import NotFound

FOLDER = Path(__file__).parent
PAGE = "page.html"
ICON = "icon.png"
"""For iOS, which takes no SVG. It is inlined into the page, because the API serves only text."""
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
"""Text only: no binary media types are configured on the API."""

LOOK_AGAIN = "no-cache"
KEEP = "public, max-age=31536000, immutable"
EDITION_DIGITS = 12


class WebAnswer(msgspec.Struct, frozen=True):
    """An HTTP answer to a browser."""

    status: int
    body: str
    headers: dict[str, str] = {}


def page(root: str, websocket_url: str, headers: Mapping[str, str]) -> WebAnswer:
    """Return the page. ``root`` is the path above the page and ``/api``: empty, or the stage's.

    It works at ``/dev`` without the slash too, because its own URLs begin with the root.
    """
    text = (FOLDER / PAGE).read_text(encoding="utf-8")
    icon = f"data:image/png;base64,{b64encode((FOLDER / ICON).read_bytes()).decode()}"
    written = {"{files}": f"{root}/page/{edition()}", "{websocket}": websocket_url, "{icon}": icon}
    for name, value in written.items():
        text = text.replace(name, escape(value))
    policy = {"Content-Security-Policy": content_security_policy(websocket_url)}
    return _answer(text, "text/html; charset=utf-8", LOOK_AGAIN, headers, policy)


def file(asked: str, name: str, headers: Mapping[str, str]) -> WebAnswer:
    """Return a file of the page. For an unknown edition, it is the present one. Raises NotFound."""
    if name not in files():
        raise NotFound("The page has no such file. Reload it.")
    text = (FOLDER / name).read_text(encoding="utf-8")
    return _answer(text, TYPES[Path(name).suffix], KEEP if asked == edition() else LOOK_AGAIN, headers)


def content_security_policy(websocket_url: str) -> str:
    """Return the policy that allows the page its own files, this API, and this service's WebSocket."""
    at = urlsplit(websocket_url)
    live = f" {at.scheme}://{at.netloc}" if at.netloc else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"manifest-src 'self'; connect-src 'self'{live}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )


@cache
def files() -> frozenset[str]:
    """Return the names of all files that are served: those beside the page, and the client's."""
    found = [*FOLDER.iterdir(), *(FOLDER / "gamenight").iterdir()]
    return frozenset(str(path.relative_to(FOLDER)) for path in found if path.suffix in TYPES)


@cache
def edition() -> str:
    """Return a hash of the content of all files."""
    content = (name.encode() + b"\0" + (FOLDER / name).read_bytes() + b"\0" for name in sorted(files()))
    return hashlib.sha256(b"".join(content)).hexdigest()[:EDITION_DIGITS]


def _answer(
    text: str, content_type: str, kept: str, asked: Mapping[str, str], more: Mapping[str, str] | None = None
) -> WebAnswer:
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:EDITION_DIGITS]}"'
    headers = {
        "Content-Type": content_type,
        "Cache-Control": kept,
        "ETag": tag,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        **(more or {}),
    }
    # The tag is weak if a proxy has compressed the answer.
    known = {one.strip().removeprefix("W/") for one in asked.get("if-none-match", "").split(",")}
    return WebAnswer(304, "", headers) if tag in known else WebAnswer(200, text, headers)
