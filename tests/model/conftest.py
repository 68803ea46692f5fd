import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Faults are the point here, and a log line for each would drown what fails."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
