"""Checks the functions' roles and the deployer's policy with parliament, in checkov's environment.

`make check` runs it. IAM has to know each action, kind of resource and condition key.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import parliament  # type: ignore[import-not-found] # in another environment

from infra.template import DEPLOYER_POLICY, EVENTS, EVENTS_POLICY, resources

ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:us-east-1:123456789012:table/t",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:123456789012:q",
    "AWS::Events::EventBus": "arn:aws:events:us-east-1:123456789012:event-bus/b",
    "AWS::Logs::LogGroup": "arn:aws:logs:us-east-1:123456789012:log-group:g:log-stream:s",
}
NAMES = {
    "Partition": "aws",
    "Region": "us-east-1",
    "AccountId": "123456789012",
    "WebSocketApiId": "a1",
    "StreamArn": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/s",
    "Machine": "arn:aws:states:us-east-1:123456789012:stateMachine:m",
}


def policies() -> Iterator[tuple[str, Any]]:
    """Yield the name and the document of each policy, with ARNs where the stacks have references."""
    for path in (DEPLOYER_POLICY, EVENTS_POLICY):
        yield path.name, json.loads(path.read_text())
    declared = {**resources("dev"), **resources("dev", EVENTS)}

    def arn(text: str) -> str:
        found = re.sub(r"\$\{(\w+)\.Arn\}", lambda name: ARNS[declared[name[1]]["Type"]], text)
        return re.sub(r"\$\{(?:AWS::)?(\w+)\}", lambda name: NAMES[name[1]], found)

    for name, one in declared.items():
        if one["Type"] == "AWS::IAM::Role":
            [policy] = one["Properties"]["Policies"]
            text = json.dumps(policy["PolicyDocument"])
            text = re.sub(r'\{"(?:GetAtt|Ref)": "([\w.]+)"\}', r'"${\1}"', text)
            yield name, json.loads(arn(text))


def main() -> int:
    """Print what is wrong; return 1 if anything is, else 0."""
    wrong = 0
    for name, document in policies():
        for finding in parliament.analyze_policy_string(json.dumps(document)).findings:
            print(f"{name}: {finding.issue} {finding.title} {finding.detail}", file=sys.stderr)
            wrong += 1
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
