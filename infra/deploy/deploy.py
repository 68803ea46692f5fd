"""Deploys a stage: provision, ``chalice deploy``, what Chalice leaves undone, health check."""

import hashlib
import json
from importlib.metadata import version
from typing import Any

from chalicelib.settings import AUDIENCE_SHARDS
from infra.deploy import post_deploy
from infra.deploy.aws import wait
from infra.deploy.chalice.command import chalice
from infra.deploy.chalice.package import Package, build
from infra.deploy.chalice.state import adopt
from infra.deploy.output import DeploymentError
from infra.deploy.provision import provision
from infra.deploy.status import NOT_THERE, answered, deployed_function, differences
from infra.deploy.target import Target, environment_of

HEALTHY_WITHIN = 120.0
"""Seconds. API Gateway puts a new stage into service within one minute, mostly within a few seconds."""

FINGERPRINT = "game-night-live-deployment"
"""A tag of the REST function: the hash of the last complete deployment. Chalice removes it when it starts."""


def deploy(target: Target) -> dict[str, Any]:
    """Change whatever of a stage differs from what is declared here.

    Return its name, the URLs of the page, REST and WebSocket, and whether anything on AWS was ``changed``.
    """
    progress, name = target.progress, target.stage.name
    stream_arn, changed = provision(target)
    progress.step("Package")
    package = build(target.project, target.options.architecture)
    progress.detail(
        f"{package.size / 1e6:.1f} MB for {target.options.architecture}, sha256 {package.sha256[:12]}"
    )
    progress.step("Functions and APIs")
    adopt(target.aws, target.record, stream_arn, progress)
    warn_of_other_shards(target)
    reasons = _reasons(target, package)
    progress.detail(*([one.replace(NOT_THERE, "will be created") for one in reasons] or ["unchanged"]))
    if reasons:
        known_before = (target.record.websocket_api, target.record.rest_api)
        chalice(target.project, ["deploy", "--stage", name], target.aws.region)
        if known_before != (target.record.websocket_api, target.record.rest_api):
            # Chalice has just made an API: its id goes into the roles, its address into the configuration.
            provision(target)
    progress.step("What Chalice leaves undone")
    post_deploy.functions(target)
    post_deploy.websocket_deployment(target, changed=bool(reasons))
    changed |= post_deploy.settings(target)
    progress.detail("all as declared")
    if reasons:
        mark_complete(target, _fingerprint(target, package))
    progress.step("Health check")
    rest_url = target.rest_url(target.record.rest_api or "")
    websocket_url = target.websocket_url(target.record.websocket_api or "")
    _wait_until_healthy(target, rest_url, websocket_url)
    page_url = f"{rest_url.removesuffix('/api')}/"
    urls = {"page_url": page_url, "rest_url": rest_url, "websocket_url": websocket_url}
    return {"stage": name, "changed": changed or bool(reasons), **urls}


def warn_of_other_shards(target: Target) -> None:
    """Warn of what a new number of shards means for open connections."""
    name, unset = "AUDIENCE_SHARDS", str(AUDIENCE_SHARDS)
    deployed = deployed_function(target, "broadcast").get("Configuration", {})
    after = target.config.of_function(target.stage).environment_variables.get(name, unset)
    before = environment_of(deployed).get(name, unset) if deployed else after  # nothing is connected yet
    if before == after:
        return
    fewer = int(after) < int(before)
    target.progress.warning(
        f"{name} is {after} from now on, and open connections are in {before} shards. "
        + ("Most of them get no events" if fewer else "Some events come twice and some not at all")
        + " until they reconnect, within two hours: see docs/scaling.md, The number of shards."
    )


def mark_complete(target: Target, fingerprint: str) -> None:
    """Note on the REST function that a deployment is complete."""
    client = target.aws.client("lambda")
    arn = client.get_function_configuration(FunctionName=target.stage.stack)["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={FINGERPRINT: fingerprint})


def completed(target: Target) -> str | None:
    """Return the fingerprint of the last deployment, None if it was not completed."""
    fingerprint: str | None = deployed_function(target, "api_handler").get("Tags", {}).get(FINGERPRINT)
    return fingerprint


def _fingerprint(target: Target, package: Package) -> str:
    """Return a hash of all that a deployment is made of."""
    config = json.dumps(target.config.effective(target.stage), sort_keys=True)
    return hashlib.sha256("\n".join([package.sha256, config, version("chalice")]).encode()).hexdigest()


def _reasons(target: Target, package: Package) -> list[str]:
    """Return the reasons to run Chalice; none if it need not run."""
    if found := differences(target, package):
        return found
    if completed(target) != _fingerprint(target, package):
        return ["what is declared here was never completely deployed"]
    return []


def _wait_until_healthy(target: Target, rest_url: str, websocket_url: str) -> None:
    def look() -> str | None:
        health, described = answered(f"{rest_url}/health") or {}, answered(rest_url) or {}
        serves = health.get("status") == "ok" and described.get("websocket_url") == websocket_url
        return str(health["version"]) if serves else None

    try:
        serving = wait(f"{rest_url} to answer", look, within=HEALTHY_WITHIN)
    except DeploymentError as late:
        stage = target.stage
        raise DeploymentError(
            "The stage does not answer as it should. "
            f"`gamenight stage status --stage {stage.name}` shows what differs. "
            f"Look at the log of api_handler, {stage.log_group('api_handler')}, then deploy again."
        ) from late
    target.progress.detail(f"ok, version {serving}")
