"""Reaches this machine's own addresses without a proxy."""

import os

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def reach_loopback_directly() -> None:
    """Make clients of this process, and of all that it starts, use no proxy for loopback addresses."""
    kept = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    names = [name.strip() for name in kept.split(",") if name.strip()]
    # Some clients read one, some the other, and most prefer the one in small letters.
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(dict.fromkeys([*names, *LOOPBACK]))
