"""The command line: ``python -m infra COMMAND``.

Each command is a module of ``infra.cli`` with a click command named ``command``, imported when it is
asked for, so that no command pays for the imports of another.
"""

import os
import signal
import sys
from importlib import import_module
from itertools import takewhile
from typing import Any

from infra.signals import leave_by_ctrl_c, raise_by_ctrl_c

if __name__ == "__main__":
    leave_by_ctrl_c()  # until a command runs, there is nothing but imports

NOT_INSTALLED = (
    "What this needs is not installed for this Python. `make install` installs it into .venv; then: "
    ".venv/bin/python -m infra"
)

try:
    import click
except ModuleNotFoundError:
    sys.exit(NOT_INSTALLED)

COMMANDS = {
    "audit": "infra.cli.audit",
    "demo": "infra.cli.demo",
    "deploy": "infra.cli.deploy",
    "destroy": "infra.cli.destroy",
    "game": "infra.cli.game",
    "listen": "infra.cli.listen",
    "local": "infra.cli.local",
    "package": "infra.cli.package",
    "provision": "infra.cli.provision",
    "redrive": "infra.cli.redrive",
    "rehearse": "infra.cli.rehearse",
    "restored": "infra.cli.restored",
    "rotate-secret": "infra.cli.rotate_secret",
    "session": "infra.cli.session",
    "specs": "infra.cli.specs",
    "status": "infra.cli.status",
    "tables": "infra.cli.tables",
    "token": "infra.cli.token",
    "trace": "infra.cli.trace",
    "vote": "infra.cli.vote",
}
"""What is typed, and the module that does it."""

FOR_MACHINES = "infra.for_machines"
"""Of click's context: whether errors are told in JSON."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command; None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        try:
            command: click.Command = import_module(COMMANDS[cmd_name]).command
        except ModuleNotFoundError as missing:
            if str(missing.name).partition(".")[0] in {"bots", "chalicelib", "infra"}:
                raise
            raise click.ClickException(f"{NOT_INSTALLED} (There is no {missing.name}.)") from missing
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command. click would look for similar names among the commands that it has been given."""
        try:
            found = super().resolve_command(ctx, args)
        except click.NoSuchCommand as unknown:
            raise click.NoSuchCommand(unknown.command_name, possibilities=COMMANDS, ctx=ctx) from unknown
        raise_by_ctrl_c()  # it is the one that runs now
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether what goes wrong is for machines, also where the rest is not understood."""
        ctx.meta[FOR_MACHINES] = "--json" in [*takewhile(lambda one: one != "--", args)]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the whole first sentence of each; click would cut it at the line's end."""
        names = self.list_commands(ctx)
        commands = [command for name in names if (command := self.get_command(ctx, name))]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(one, _summary(command)) for one, command in zip(names, commands, strict=True)]
            )

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Behind --json what goes wrong is one object on a line.

        Ctrl-C is an exit status and no message: whoever pressed it knows. So is a reader of the output that
        has left, such as ``head``: what a shell says of one ended by it.
        """
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            if not ctx.meta[FOR_MACHINES]:
                raise
            _tell_machines(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            ctx.exit(128 + signal.SIGINT)
        except click.Abort as aborted:
            if isinstance(aborted.__context__, KeyboardInterrupt):  # what click makes of it at a question
                ctx.exit(128 + signal.SIGINT)
            raise
        except BrokenPipeError:
            # What is still to be written has to go somewhere, or Python complains of it at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(128 + signal.SIGPIPE)


def _tell_machines(error: click.ClickException) -> None:
    # Imported here: who makes no mistake does without.
    from infra.cli.service.format import as_json  # noqa: PLC0415
    from infra.cli.service_options import as_object  # noqa: PLC0415

    click.echo(as_json(as_object(error)), err=True)


def _summary(command: click.Command) -> str:
    return " ".join(str(command.help).partition("\n\n")[0].split())


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(ctx: click.Context) -> None:
    """Run Game Night Live here, and what surrounds it elsewhere.

    Exit status: 0 where it is done; 1 where it is not, and the message says what to do; 2 where the command
    is not understood; 130 after Ctrl-C; 141 where nobody reads on. Colours are for terminals, and not where
    NO_COLOR is set.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


if __name__ == "__main__":
    main(prog_name="python -m infra")
