"""The command line: ``python -m infra COMMAND``.

Each command is a module of ``infra.commands`` with a click command named ``command``, imported when it is
asked for, so that no command pays for the imports of another.
"""

import signal
from importlib import import_module
from typing import Any

import click

COMMANDS = {
    "audit": "infra.commands.audit",
    "deploy": "infra.commands.deploy",
    "destroy": "infra.commands.destroy",
    "local": "infra.commands.local",
    "package": "infra.commands.package",
    "provision": "infra.commands.provision",
    "rehearse": "infra.commands.rehearse",
    "restored": "infra.commands.restored",
    "rotate-secret": "infra.commands.rotate_secret",
    "specs": "infra.commands.specs",
    "status": "infra.commands.status",
    "tables": "infra.commands.tables",
    "token": "infra.commands.token",
}
"""What is typed, and the module that does it."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command; None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Ctrl-C is an exit status and no message: whoever pressed it knows."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(128 + signal.SIGINT)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run Game Night Live here, and what surrounds it elsewhere."""


if __name__ == "__main__":
    main(prog_name="python -m infra")
