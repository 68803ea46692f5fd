"""The command ``gamenight``: options in, one call, what a person should read out.

``commands`` lists the commands. Each is imported when it is asked for, so none pays for another's imports.
"""

import sys
from pathlib import Path

from infra.loopback import reach_loopback_directly
from infra.signals import leave_by_ctrl_c

sys.path += [str(Path(__file__).parents[2] / folder) for folder in ("clients/python/src", "bots")]
"""The command line is a client as others are: it uses the package that bots use, and their announcements."""


def main() -> None:
    """Run the command that was typed, and exit with its status."""
    leave_by_ctrl_c()  # until a command runs, there is nothing but imports
    reach_loopback_directly()
    from infra.cli.commands import gamenight

    gamenight(prog_name="gamenight")
