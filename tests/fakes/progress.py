"""Progress that nobody watches, and that can be asked what was said."""

from infra.deploy.output import Progress


class SilentProgress(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, text: str) -> None:
        """See Progress."""
        self.said.append(text)

    def detail(self, text: str) -> None:
        """See Progress."""
        self.said.append(text)

    def warning(self, text: str) -> None:
        """See Progress."""
        self.said.append(text)
