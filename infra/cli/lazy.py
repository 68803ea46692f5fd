"""Imports a command only when it is called, and handles the errors of all commands."""

import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from itertools import takewhile
from typing import Any

import click

from infra.cli.options import as_json
from infra.signals import raise_by_ctrl_c

Commands = Mapping[str, Mapping[str, tuple[str, str]]]
"""By heading and command: the module with a function of that name, and the first sentence of its help."""


class LazyGroup(click.Group):
    """A group that lists its commands without importing them."""

    def __init__(self, *args: Any, lazy: Commands, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = lazy
        self._modules = {name: module for section in lazy.values() for name, (module, _) in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands, in the order of the help."""
        return [*self._modules]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command. Returns None if there is no command of this name."""
        if cmd_name not in self._modules:
            return None
        command: click.Command = getattr(import_module(self._modules[cmd_name]), cmd_name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command. The error for an unknown name suggests a similar one, or one of a group."""
        try:
            found = super().resolve_command(ctx, args)
        except click.NoSuchCommand as unknown:
            name = unknown.command_name
            groups = {group: self.get_command(ctx, group) for group in self._modules}
            longer = [
                f"'{group} {name}'"
                for group, command in groups.items()
                if isinstance(command, click.Group) and command.get_command(ctx, name)
            ]
            if longer:
                meant = " or ".join(longer)
                raise click.UsageError(f"No such command '{name}'. Did you mean {meant}?", ctx) from unknown
            raise click.NoSuchCommand(name, possibilities=self._modules, ctx=ctx) from unknown
        if not isinstance(found[1], LazyGroup):
            raise_by_ctrl_c()  # this command runs now
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands below their headings."""
        width = max(map(len, self._modules))
        for heading, commands in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), summary) for name, (_, summary) in commands.items()])


class RootGroup(LazyGroup):
    """The outermost group. With ``--json`` it prints an error as one line of JSON on standard error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether errors are printed as JSON, even if the other arguments are wrong."""
        ctx.obj = "--json" in takewhile(lambda one: one != "--", [*args])
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command.

        Ctrl-C gives an exit status and no message. So does a pipe that its reader has closed, as ``head``
        does.
        """
        try:
            return self._run(ctx)
        except click.ClickException as error:
            if not ctx.obj:
                raise
            click.echo(as_json({"error": _members(error)}), err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            ctx.exit(128 + signal.SIGINT)
        except click.Abort as aborted:
            if isinstance(aborted.__context__, KeyboardInterrupt):  # what click makes of it at a question
                ctx.exit(128 + signal.SIGINT)
            raise
        except BrokenPipeError:
            # Buffered output has to go somewhere, or Python prints an error at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(128 + signal.SIGPIPE)

    def _run(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if not error.option_name[1:].isdigit():
                raise
            told = f"{error.message} Write -- before a text that begins with a dash."
            raise click.UsageError(told, error.ctx) from error
        except ModuleNotFoundError as missing:
            if str(missing.name).partition(".")[0] in {"app", "bots", "chalicelib", "infra"}:
                raise
            raise click.ClickException(
                f"This needs {missing.name}, which is not installed here. `make install` installs everything."
            ) from missing


def _members(error: click.ClickException) -> dict[str, Any]:
    """Return ``code``, ``detail`` and, where a service refused, its HTTP ``status``.

    ``code`` is the service's, or one of ``infra.cli.service.target``, or else ``usage`` or ``failed``.
    """
    code = "usage" if isinstance(error, click.UsageError) else "failed"
    members = {"code": code, "detail": error.format_message(), **vars(error)}
    return {name: members[name] for name in ("code", "detail", "status") if members.get(name) is not None}
