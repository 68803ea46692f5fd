"""What a rehearsal is held in: a copy of the project and an account of its own, for the length of a block."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra import ROOT
from infra.deploy.progress import Progress
from infra.deploy.rehearse.account import rehearsal_account
from infra.deploy.rehearse.connections import INLINE_AUDIENCE
from infra.deploy.rehearse.long_replay import ANSWER_SECONDS
from infra.deploy.rehearse.rehearse import Rehearsal
from infra.deploy.rehearse.terminal import Terminal


@contextmanager
def rehearsal(progress: Progress) -> Iterator[Rehearsal]:
    """Set the stage for a rehearsal; nothing of it is left at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="game-night-live-rehearsal-") as scratch:
        project = Path(scratch) / "project"
        progress.step("A copy of the project, and an account")
        copy(ROOT, project)
        config = project / ".chalice" / "config.json"
        content = json.loads(config.read_text())
        content["environment_variables"] = {"INLINE_AUDIENCE": str(INLINE_AUDIENCE)}
        content["lambda_functions"]["websocket_message"]["lambda_timeout"] = ANSWER_SECONDS
        config.write_text(json.dumps(content, indent=2))
        with rehearsal_account(Path(scratch) / "account") as account:
            progress.detail(account.url)
            yield Rehearsal(Terminal(account, project, progress))


def copy(project: Path, to: Path) -> None:
    """Copy what git knows or would know of the project: what is worked on, without what was installed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=project, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (project / name).is_file():  # else it was deleted and the deletion is not committed yet
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / name, to / name)
