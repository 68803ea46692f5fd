"""Finds the resource for a path, as API Gateway does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """A resource, such as ``/api/sessions/{id}``, and the path's values for its parameters."""

    resource: str
    path_parameters: Mapping[str, str]


class Routes:
    """The resources of a REST API. A literal part of a path is preferred to a parameter."""

    def __init__(self, resources: Iterable[str]) -> None:
        # "{" sorts behind every letter, so /sessions/active is tried before /sessions/{id}.
        self._resources = [(resource, resource.split("/")) for resource in sorted(resources)]

    def match(self, path: str) -> Match | None:
        """Return the resource for a path, which may end in a slash; None where there is none."""
        parts = (path.rstrip("/") or "/").split("/")
        for resource, names in self._resources:
            if len(names) == len(parts) and all(
                _is_parameter(name) or name == part for name, part in zip(names, parts, strict=True)
            ):
                values = zip(names, parts, strict=True)
                return Match(resource, {name[1:-1]: part for name, part in values if _is_parameter(name)})
        return None


def _is_parameter(name: str) -> bool:
    return name.startswith("{") and name.endswith("}")
