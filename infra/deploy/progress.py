"""What happens, shown as it happens: a line for each step, and lines under it for what it does."""

import click


class Progress:
    """Writes to standard output, or with ``err`` to standard error; colours only where that is a terminal."""

    def __init__(self, *, err: bool = False) -> None:
        self._err = err

    def step(self, text: str) -> None:
        """Begin a step."""
        click.secho(f"==> {text}", bold=True, err=self._err)

    def detail(self, text: str) -> None:
        """Say what the step is doing, or what it found."""
        click.echo(f"    {text}", err=self._err)

    def warning(self, text: str) -> None:
        """Say what a person should look at, though it does not stop anything."""
        click.secho(f"    Note: {text}", fg="yellow", err=self._err)
