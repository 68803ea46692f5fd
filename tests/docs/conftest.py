"""A reader's checkout, where the gateway of `make run` runs."""

from collections.abc import Iterator

import pytest

from tests.docs.checkout import Checkout, checkout


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """One for all tests."""
    checked_out = checkout(tmp_path_factory.mktemp("reader") / "project")
    with checked_out.serving("make run"):
        yield checked_out
