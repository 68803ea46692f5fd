"""The specifications as files, which are part of what is deployed, and the page that shows them."""

import json
from pathlib import Path
from typing import Any

from app import app
from chalicelib.api.specifications.served import ASYNCAPI, FOLDER, OPENAPI
from infra.specifications import asyncapi, openapi, protocol


def made() -> dict[Path, str]:
    """Return the text of each file as the code says it now. Raises Incomplete."""
    documents = {OPENAPI: _text(openapi.document(app.routes)), ASYNCAPI: _text(asyncapi.document())}
    page = protocol.page(protocol.PAGE.read_text(encoding="utf-8"), documents)
    return {**{FOLDER / name: text for name, text in documents.items()}, protocol.PAGE: page}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
