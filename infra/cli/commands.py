"""Lists the commands of ``gamenight``, under headings for those who use them."""

import os

import click
from click.shell_completion import get_completion_class

from infra.cli.lazy import LazyGroup, RootGroup
from infra.cli.options import examples

HELP = {"help_option_names": ["-h", "--help"]}

COMMANDS = {
    "Host a night": {
        "night": ("infra.cli.night", "Start, list, show and end game nights."),
        "game": ("infra.cli.game", "Add games to a night, list them, and remove them."),
        "vote": ("infra.cli.game", "Vote for a game, in somebody's name, or withdraw the vote."),
        "listen": ("infra.cli.listen", "Show what happens in all game nights, as it happens, until Ctrl-C."),
        "demo": ("infra.cli.demo", "Play a night with a few bots, for a first look."),
    },
    "Get in": {
        "invite": ("infra.cli.invite", "Invite guests to a night by a code, or a host by a link."),
        "revoke": ("infra.cli.invite", "Revoke the tokens of a bot, a host or a guest."),
        "token": ("infra.cli.token", "Print a token and nothing else."),
    },
    "Run it": {
        "serve": ("infra.cli.serve", "Serve http and ws on this machine, until Ctrl-C."),
        "stage": ("infra.cli.commands", "Deploy a stage on AWS, look into it, and look after it."),
    },
    "Work on this project": {
        "dev": ("infra.cli.dev", "Write documents from the code, look up vulnerabilities, and set versions."),
        "completion": ("infra.cli.commands", "Print a script that completes these commands in a shell."),
    },
}

STAGE_COMMANDS = {
    "Deploy": {
        "deploy": ("infra.cli.stage.deploy", "Deploy a stage, or update it."),
        "status": ("infra.cli.stage.deploy", "Show what is deployed, and what differs from here."),
        "destroy": ("infra.cli.stage.deploy", "Remove everything that a stage has on AWS."),
        "provision": (
            "infra.cli.stage.deploy",
            "Create or update a stage's stack, secret and configuration.",
        ),
        "package": ("infra.cli.stage.deploy", "Build the package that is uploaded, and show what is in it."),
        "verify": ("infra.cli.stage.verify", "Measure on a deployed stage what only AWS can show."),
        "rehearse": ("infra.cli.stage.rehearse", "Rehearse a deployment on this machine."),
        "emulate": (
            "infra.cli.stage.rehearse",
            "Serve an emulated AWS account to practise in, until Ctrl-C.",
        ),
    },
    "Operate": {
        "trace": ("infra.cli.stage.trace", "Follow an event through the logs, from request to deliveries."),
        "redrive": ("infra.cli.stage.operate", "Redo deliveries that failed for the last time."),
        "restore": ("infra.cli.stage.operate", "Put a restored sessions table into use."),
        "notify": ("infra.cli.stage.notify", "Mail people about events."),
        "rotate-secret": ("infra.cli.stage.rotate_secret", "Sign tokens with a new secret."),
    },
}


@click.group(
    cls=RootGroup,
    lazy=COMMANDS,
    context_settings=HELP,
    epilog=examples('night start "Friday Game Night"', "demo", "token --role bot"),
)
@click.version_option(package_name="game-night-live", prog_name="gamenight")
@click.pass_context
def gamenight(ctx: click.Context) -> None:
    """Host game nights, run the service, and look after it.

    Exit status: 0 after success; 1 after a failure, with a message that says what to do; 2 for a mistake in
    the command; 130 after Ctrl-C; 141 if the output's pipe was closed. Only terminals get colours, and none
    if NO_COLOR is set.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


@click.group(
    cls=LazyGroup,
    lazy=STAGE_COMMANDS,
    epilog=examples("stage deploy --stage dev", "stage status --stage dev", "stage trace 17/3 --stage dev"),
)
def stage() -> None:
    """Deploy a stage on AWS, look into it, and look after it."""


@click.command(
    epilog=examples("completion fish | source")
    + "".join(f'\n  eval "$(gamenight completion {shell})"' for shell in ("bash", "zsh"))
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes these commands in a shell.

    Add the line for your shell to its start-up file, such as ~/.bashrc.
    """
    made = get_completion_class(shell)
    if made is not None:
        click.echo(made(gamenight, {}, "gamenight", "_GAMENIGHT_COMPLETE").source())
