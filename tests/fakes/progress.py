"""Progress that nobody watches, and that can be asked what was said."""

from infra.deploy.output import Progress


class SilentProgress(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def detail(self, *lines: str) -> None:
        self.said += lines

    def _keep(self, text: str) -> None:
        self.said.append(text)

    step = warning = _keep


def said(progress: Progress) -> list[str]:
    assert isinstance(progress, SilentProgress)
    return progress.said
