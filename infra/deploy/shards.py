"""Whether a deployment divides audiences into other shards than those that connections are noted in."""

from chalicelib.settings import AUDIENCE_SHARDS
from infra.deploy.drift import deployed_environment
from infra.deploy.target import Target

VARIABLE = "AUDIENCE_SHARDS"
UNSET = str(AUDIENCE_SHARDS)


def warn_of_other_shards(target: Target) -> None:
    """Say what follows for open connections where a deployment changes how many shards there are."""
    deployed = deployed_environment(target, "broadcast")
    if deployed is None:
        return  # nothing is connected yet
    before = deployed.get(VARIABLE, UNSET)
    after = target.config.environment(target.stage).get(VARIABLE, UNSET)
    if before == after:
        return
    fewer = int(after) < int(before)
    target.progress.warning(
        f"{VARIABLE} is {after} from now on, and connections that are open are noted in {before} shards. "
        + ("Most of them hear nothing more" if fewer else "Some events come twice and some not at all")
        + " until they have come back, two hours from now at most: see docs/scaling.md, The number of shards."
    )
