"""The specifications as they are served: files that were made from the code, read when they are asked for.

Leaves making them to ``infra.specifications``, which is not deployed.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
OPENAPI = "openapi.json"
ASYNCAPI = "asyncapi.json"


def specification(name: str) -> str:
    """Return the text of ``OPENAPI`` or ``ASYNCAPI``."""
    return (FOLDER / name).read_text(encoding="utf-8")
