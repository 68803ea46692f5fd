"""Deploying a stage from whatever state it is in: provision, ``chalice deploy``, finish, see it serve."""

import hashlib
import json
import urllib.request
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from chalicelib.settings import AUDIENCE_SHARDS
from infra.deploy import drift, post_deploy
from infra.deploy.chalice.command import chalice
from infra.deploy.chalice.package import Package, build
from infra.deploy.chalice.state import adopt
from infra.deploy.provision import provision
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
    for reason in reasons or ["unchanged"]:
        progress.detail(reason)
    if reasons:
        known_before = target.record.websocket_api
        chalice(target.project, ["deploy", "--stage", target.stage.name], target.aws.region)
        if known_before != target.record.websocket_api:
            # Chalice has just made the API: its id goes into the roles, its address into the configuration.
            provision(target)
    progress.step("What Chalice leaves undone")
    post_deploy.functions(target)
    post_deploy.event_sources(target, stream_arn, target.stack.outputs())
    post_deploy.websocket_deployment(target, changed=bool(reasons))
    post_deploy.throttles(target)
    post_deploy.log_retention(target)
    progress.detail("all as declared")
    if reasons:
        post_deploy.mark_complete(target, drift.FINGERPRINT, _fingerprint(target, package))
    progress.step("Health check")
    deployed = Deployed(
        target.addresses.rest(target.record.rest_api or ""),
        target.addresses.websocket(target.record.websocket_api or ""),
        bool(reasons),
    )
    _wait_until_healthy(target, deployed)
    return deployed


def answered(url: str) -> dict[str, Any] | None:
    """Return the JSON that a URL answers with, None where it does not."""
    try:
        # The URL was made here, from an API's id.
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            content: dict[str, Any] = json.load(answer)
    except (OSError, ValueError):
        return None
    return content


def warn_of_other_shards(target: Target) -> None:
    """Say what follows for open connections where a deployment divides audiences into other shards."""
    name, unset = "AUDIENCE_SHARDS", str(AUDIENCE_SHARDS)
    deployed = drift.deployed_environment(target, "broadcast")
    after = target.config.of_function(target.stage).environment_variables.get(name, unset)
    if deployed is None or (before := deployed.get(name, unset)) == after:
        return  # nothing is connected yet, or nothing changes
    fewer = int(after) < int(before)
    target.progress.warning(
        f"{name} is {after} from now on, and connections that are open are noted in {before} shards. "
        + ("Most of them hear nothing more" if fewer else "Some events come twice and some not at all")
        + " until they have come back, two hours from now at most: see docs/scaling.md, The number of shards."
    )


def _fingerprint(target: Target, package: Package) -> str:
    """Return what stands for all that a deployment is made of."""
    config = json.dumps(target.config.effective(target.stage), sort_keys=True)
    return hashlib.sha256("\n".join([package.sha256, config, version("chalice")]).encode()).hexdigest()


def _reasons(target: Target, package: Package) -> list[str]:
    """Return why Chalice has to deploy; nothing where it has not."""
    if differences := drift.differences(target, package):
        return differences
    if drift.deployed_fingerprint(target) != _fingerprint(target, package):
        return ["what is declared here was never completely deployed"]
    if target.record.value("dynamodb_event", "event_uuid") is None:
        return ["nothing reads the stream"]
    return []


def _wait_until_healthy(target: Target, deployed: Deployed) -> None:
    def look() -> str | None:
        health = answered(f"{deployed.rest_url}/health") or {}
        described = answered(deployed.rest_url) or {}
        serves = health.get("status") == "ok" and described.get("websocket_url") == deployed.websocket_url
        return str(health["version"]) if serves else None

    what = f"{deployed.rest_url}/health to answer ok, and {deployed.rest_url} to name the WebSocket URL"
    serving = target.clock.wait(what, look, within=HEALTHY_WITHIN, every=2.0)
    target.progress.detail(f"ok, version {serving}")
