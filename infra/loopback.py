"""Reaches this machine's own addresses directly, whatever proxy the environment names."""

import os

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def reach_loopback_directly() -> None:
    """Have no client of this process, and of those that it starts, ask a proxy for a loopback address."""
    kept = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    names = [name.strip() for name in kept.split(",") if name.strip()]
    # Some clients read one, some the other, and most prefer the one in small letters.
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(dict.fromkeys([*names, *LOOPBACK]))
