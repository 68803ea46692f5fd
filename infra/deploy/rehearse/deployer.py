"""Makes the user who deploys in a rehearsal: with the documented policies, and nothing more."""

import boto3

from infra.deploy.stage import DEPLOYER_POLICY, EVENTS_POLICY

NAME = "deployer"


def new_deployer() -> dict[str, str]:
    """Return the environment that makes a command this user's."""
    iam = boto3.client("iam")
    iam.create_user(UserName=NAME)
    for path in (DEPLOYER_POLICY, EVENTS_POLICY):
        policy = iam.create_policy(PolicyName=path.stem, PolicyDocument=path.read_text())["Policy"]["Arn"]
        iam.attach_user_policy(UserName=NAME, PolicyArn=policy)
    key = iam.create_access_key(UserName=NAME)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
