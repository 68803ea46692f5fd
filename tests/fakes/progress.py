"""Progress that nobody watches, and that can be asked what was said."""

from infra.deploy.output import Progress


class SilentProgress(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def _keep(self, *lines: str) -> None:
        self.said += lines

    step = detail = warning = _keep


def said(progress: Progress) -> list[str]:
    assert isinstance(progress, SilentProgress)
    return progress.said
