import pytest
from botocore.exceptions import ClientError

from infra.deploy.aws import when_free
from infra.deploy.output import DeploymentError


@pytest.fixture(autouse=True)
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.deploy.aws.time.sleep", lambda _: None)


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "not now"}}, "UpdateEventSourceMapping")


@pytest.mark.parametrize("code", ["ResourceInUseException", "ResourceConflictException"])
def test_a_thing_that_is_being_changed_is_waited_for(code: str) -> None:
    refusals = [refusal(code)] * 3

    def update() -> str:
        if refusals:
            raise refusals.pop()
        return "done"

    assert when_free("the mapping", update) == "done"


def test_a_thing_that_stays_in_use_is_told_of() -> None:
    def update() -> None:
        raise refusal("ResourceInUseException")

    with pytest.raises(DeploymentError, match=r"the mapping.*Run the same command again"):
        when_free("the mapping", update, within=0)


def test_other_refusals_are_passed_on() -> None:
    def update() -> None:
        raise refusal("ResourceNotFoundException")

    with pytest.raises(ClientError, match="not now"):
        when_free("the mapping", update)
