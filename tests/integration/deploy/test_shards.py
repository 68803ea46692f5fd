import json

import pytest

from infra.deploy.shards import UNSET, warn_of_other_shards
from infra.deploy.target import Target
from tests.fakes.progress import SilentProgress

# moto can't make alarms and metric filters from a template, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")


def told(target: Target, shards: str) -> list[str]:
    """Declare a number of shards, and return what is said of it."""
    content = json.loads(target.config.path.read_text())
    target.config.path.write_text(
        json.dumps({**content, "environment_variables": {"AUDIENCE_SHARDS": shards}})
    )
    warn_of_other_shards(target)
    assert isinstance(target.progress, SilentProgress)
    return target.progress.said


def test_as_many_shards_as_before_are_no_news(stack: Target, functions: dict[str, str]) -> None:
    assert functions

    assert told(stack, UNSET) == []


def test_a_new_stage_has_no_connections_to_warn_of(stack: Target) -> None:
    assert told(stack, "64") == []


@pytest.mark.parametrize(("shards", "what"), [("64", "come twice"), ("4", "hear nothing more")])
def test_what_other_shards_mean_to_open_connections_is_said(
    stack: Target, functions: dict[str, str], shards: str, what: str
) -> None:
    assert functions

    [said] = told(stack, shards)

    assert f"AUDIENCE_SHARDS is {shards} from now on" in said
    assert what in said
