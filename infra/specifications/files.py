"""The specifications as files, which are part of what is deployed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app import app
from chalicelib.api.specifications.served import ASYNCAPI, FOLDER, OPENAPI
from infra.specifications import asyncapi, openapi


def documents() -> dict[str, str]:
    """Return both documents as the code is now, by the names of their files. Raises Incomplete."""
    return {OPENAPI: _text(openapi.document(app.routes)), ASYNCAPI: _text(asyncapi.document())}


def drifted(made: Mapping[str, str]) -> list[str]:
    """Return the names of the files that are not what was made, or not there."""
    return [name for name, text in made.items() if _there(FOLDER / name) != text]


def write(made: Mapping[str, str]) -> list[Path]:
    """Write what was made, and return the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return [FOLDER / name for name in made]


def _there(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
