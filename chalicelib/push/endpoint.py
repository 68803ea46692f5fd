"""Where an API's @connections are: from the template in the settings to a host, a port and a path.

Knows nothing of connections or of signatures.
"""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

UNRESERVED = "-._~"
"""What RFC 3986 leaves as it is beside letters and digits; SigV4 wants all else percent-encoded."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One stage of one WebSocket API.

    ``authority`` is the value of the Host header: the port is left out where it is the scheme's own,
    as the AWS SDKs do. ``path`` is what comes before ``/@connections``, without a slash at its end.
    """

    host: str
    port: int
    tls: bool
    authority: str
    path: str


class EndpointTemplate:
    """A URL with the placeholders ``{api_id}``, ``{region}`` and ``{stage}``, each optional."""

    def __init__(self, template: str, region: str) -> None:
        """Raise ValueError, saying what is wrong, where the template makes no http or https URL."""
        self._template = template.rstrip("/")
        self._region = region
        try:
            self.resolve("api", "stage")
        except (KeyError, IndexError, ValueError) as exc:
            raise ValueError(
                f"The push endpoint {template!r} is not usable ({exc}). Give an http or https URL with a "
                "host, no query, and no placeholders but {api_id}, {region} and {stage}."
            ) from exc

    def resolve(self, api_id: str, stage: str) -> Endpoint:
        """Return the endpoint of one stage of one API."""
        url = urlsplit(
            self._template.format(
                api_id=quote(api_id, safe=UNRESERVED),
                region=self._region,
                stage=quote(stage, safe=UNRESERVED),
            )
        )
        if url.scheme not in _DEFAULT_PORTS or not url.hostname:
            raise ValueError("no scheme and host")
        if url.query or url.fragment or url.username is not None:
            raise ValueError("more than scheme, host, port and path")
        default_port = _DEFAULT_PORTS[url.scheme]
        port = url.port or default_port
        host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
        return Endpoint(
            host=url.hostname,
            port=port,
            tls=url.scheme == "https",
            authority=host if port == default_port else f"{host}:{port}",
            path=url.path,
        )
