import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chalicelib.api.specifications.served import ASYNCAPI, FOLDER, OPENAPI
from chalicelib.errors import GameNightError


@pytest.fixture(scope="session")
def openapi() -> Any:
    return json.loads((FOLDER / OPENAPI).read_text())


@pytest.fixture(scope="session")
def asyncapi() -> Any:
    return json.loads((FOLDER / ASYNCAPI).read_text())


def wrong(document: Any, schema: Any, value: Any) -> list[str]:
    """Return what is wrong with a value by a schema that refers to the document's components."""
    validator = Draft202012Validator(
        {"components": document["components"], "allOf": [schema]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    return [error.message for error in validator.iter_errors(value)]


def tree(root: type[GameNightError] = GameNightError) -> Iterator[type[GameNightError]]:
    """Yield every error type."""
    yield root
    for kind in root.__subclasses__():
        yield from tree(kind)


def within(document: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a document."""
    if isinstance(document, dict):
        yield document
    for inner in document.values() if isinstance(document, dict) else document:
        if isinstance(inner, dict | list):
            yield from within(inner)
