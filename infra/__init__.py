"""The command line, the local gateway, deploying, and the specifications."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The project's folder."""
