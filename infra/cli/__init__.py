"""The command ``gamenight``. Each command reads options, makes one call, and prints the result.

``commands`` lists the commands. A command is imported only when it is called, so that all start fast.
"""

import sys
from pathlib import Path

from infra.loopback import reach_loopback_directly
from infra.signals import leave_by_ctrl_c

sys.path += [str(Path(__file__).parents[2] / folder) for folder in ("clients/python/src", "bots")]
"""The command line uses the same client package as bots, and their texts."""


def main() -> None:
    """Run the command that was typed, and exit with its status."""
    leave_by_ctrl_c()  # nothing has to be cleaned up while commands are imported
    reach_loopback_directly()
    from infra.cli.commands import gamenight

    gamenight(prog_name="gamenight")
