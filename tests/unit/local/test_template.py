from pathlib import Path

import pytest

from infra.template import tables


def test_the_stacks_tables_are_read_for_a_stage() -> None:
    stack = tables("local")

    sessions, connections = stack["SessionsTable"], stack["ConnectionsTable"]
    assert sessions.name == "game-night-live-local-sessions"
    assert connections.name == "game-night-live-local-connections"
    assert sessions.create["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert "StreamSpecification" not in connections.create
    assert sessions.ttl_attribute == connections.ttl_attribute == "expires_at"


@pytest.mark.parametrize(
    "value", ["!Ref A", "!GetAtt A.Arn", "!Join ['', [a, !Ref B]]", "!If [A, {b: 1}, c]"]
)
def test_functions_of_cloudformation_that_no_table_needs_are_passed_over(value: str, tmp_path: Path) -> None:
    template = tmp_path / "stack.yaml"
    template.write_text(f"Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {{A: {value}}}\n")

    assert tables("local", template) == {}
