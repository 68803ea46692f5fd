"""Deploying a stage from whatever state it is in: provision, ``chalice deploy``, finish, see it serve."""

import hashlib
import json
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from infra.deploy import drift, post_deploy
from infra.deploy.chalice_command import chalice
from infra.deploy.chalice_state import adopt
from infra.deploy.package import Package, build
from infra.deploy.provision import provision
from infra.deploy.shards import warn_of_other_shards
from infra.deploy.target import Target

HEALTHY_WITHIN = 120.0
"""Seconds. API Gateway puts a new stage into service within one minute, mostly within a few seconds."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """Where a stage is reached, and whether this deployment changed its functions."""

    rest_url: str
    websocket_url: str
    changed: bool

    @property
    def page_url(self) -> str:
        """Where the page to host a night from is."""
        return f"{self.rest_url.removesuffix('/api')}/"


def deploy(target: Target) -> Deployed:
    """Bring a stage to what is declared here; nothing is touched that is as declared already."""
    progress = target.progress
    stream_arn = provision(target)
    progress.step("Package")
    package = build(target.project, target.shape.architecture)
    progress.detail(
        f"{package.size / 1e6:.1f} MB for {target.shape.architecture}, sha256 {package.sha256[:12]}"
    )
    progress.step("Functions and APIs")
    adopt(target.aws, target.record, stream_arn, progress)
    warn_of_other_shards(target)
    reasons = _reasons(target, package)
    if reasons:
        for reason in reasons:
            progress.detail(reason)
        known_before = _websocket_url(target)
        chalice(target.project, ["deploy", "--stage", target.stage.name], target.aws.region, progress)
        if known_before != _deployed_websocket_url(target):
            # Chalice has just made the API: its id goes into the roles, its address into the configuration.
            provision(target)
    else:
        progress.detail("unchanged")
    progress.step("What Chalice leaves undone")
    _finish(target, stream_arn, redeployed=bool(reasons))
    if reasons:
        post_deploy.mark_complete(target, drift.FINGERPRINT, fingerprint(package, _config(target)))
    progress.step("Health check")
    rest_api_id = target.record.value("rest_api", "rest_api_id") or ""
    deployed = Deployed(target.addresses.rest(rest_api_id), _deployed_websocket_url(target), bool(reasons))
    _wait_until_healthy(target, deployed)
    return deployed


def fingerprint(package: Package, config: Mapping[str, Any]) -> str:
    """Return what stands for all that a deployment is made of."""
    parts = [package.sha256, json.dumps(config, sort_keys=True), version("chalice")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def answered(url: str) -> dict[str, Any] | None:
    """Return the JSON that a URL answers with, None where it does not."""
    try:
        # The URL was made here, from an API's id.
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            content: dict[str, Any] = json.load(answer)
    except (OSError, ValueError):
        return None
    return content


def _reasons(target: Target, package: Package) -> list[str]:
    """Return why Chalice has to deploy; nothing where it has not."""
    reasons = drift.differences(target, package)
    if not reasons and drift.deployed_fingerprint(target) != fingerprint(package, _config(target)):
        reasons = ["what is declared here was never completely deployed"]
    if not reasons and target.record.value("dynamodb_event", "event_uuid") is None:
        reasons = ["nothing reads the stream"]
    return reasons


def _finish(target: Target, stream_arn: str, *, redeployed: bool) -> None:
    outputs = target.stack.outputs()
    post_deploy.functions(target)
    post_deploy.stream_mapping(
        target, target.stage.function("broadcast"), stream_arn, outputs["StreamFailureQueueArn"]
    )
    post_deploy.queue_mapping(target, target.stage.function("deliver"), outputs["DeliveryQueueArn"])
    post_deploy.websocket_deployment(target, changed=redeployed)
    post_deploy.throttles(target)
    post_deploy.log_retention(target)
    target.progress.detail("all as declared")


def _config(target: Target) -> dict[str, Any]:
    return target.config.effective(target.stage)


def _websocket_url(target: Target) -> str | None:
    entry = target.config.entry(target.stage)
    url: str | None = (
        entry["lambda_functions"]["api_handler"].get("environment_variables", {}).get("WEBSOCKET_URL")
    )
    return url


def _deployed_websocket_url(target: Target) -> str:
    return target.addresses.websocket(target.record.value("websocket_api", "websocket_api_id") or "")


def _wait_until_healthy(
    target: Target, deployed: Deployed, ask: Callable[[str], dict[str, Any] | None] = answered
) -> None:
    def look() -> str | None:
        health = ask(f"{deployed.rest_url}/health") or {}
        described = ask(deployed.rest_url) or {}
        serves = health.get("status") == "ok" and described.get("websocket_url") == deployed.websocket_url
        return str(health["version"]) if serves else None

    what = f"{deployed.rest_url}/health to answer ok, and {deployed.rest_url} to name the WebSocket URL"
    serving = target.clock.wait(what, look, within=HEALTHY_WITHIN, every=2.0)
    target.progress.detail(f"ok, version {serving}")
