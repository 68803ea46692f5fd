"""Programs that only some machines have. What needs one is skipped without it, but not in CI."""

import os
import shutil

import pytest


def installed(*names: str, path: str | None = None) -> str:
    """Return the path of a program, by the first of its names that there is, or skip what needs it.

    ``path`` is searched in the place of PATH. In CI, which says so by the variable CI, nothing is skipped:
    the test fails.
    """
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    missing = f"{names[0]} is not installed"
    if os.environ.get("CI"):
        pytest.fail(f"{missing}, and CI is where this has to run.")
    pytest.skip(missing)
