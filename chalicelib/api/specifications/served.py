"""Serves the specifications, which ``infra.specifications`` generates from the code."""

from pathlib import Path

FOLDER = Path(__file__).parent
OPENAPI = "openapi.json"
ASYNCAPI = "asyncapi.json"


def specification(name: str) -> str:
    """Return the text of ``OPENAPI`` or ``ASYNCAPI``."""
    return (FOLDER / name).read_text(encoding="utf-8")
