"""Makes all generated files: the specifications, which are deployed, and what is made from them."""

import json
from pathlib import Path
from typing import Any

from app import app
from chalicelib.api.specifications.served import ASYNCAPI, FOLDER, OPENAPI
from infra.specifications import asyncapi, client_types, openapi, protocol


def made() -> dict[Path, str]:
    """Return the text of each file, made from the code as it is now. Raises Incomplete."""
    rest = openapi.document(app.routes)
    documents = {OPENAPI: _text(rest), ASYNCAPI: _text(asyncapi.document())}
    return {
        **{FOLDER / name: text for name, text in documents.items()},
        protocol.PAGE: protocol.page(protocol.PAGE.read_text(encoding="utf-8"), documents),
        client_types.JAVASCRIPT: client_types.javascript(rest["components"]["schemas"]),
        client_types.PYTHON: client_types.python(rest["components"]["schemas"]),
    }


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
