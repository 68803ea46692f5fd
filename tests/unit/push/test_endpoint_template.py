from dataclasses import astuple

import pytest

from chalicelib.push.endpoint import EndpointTemplate


@pytest.mark.parametrize(
    ("template", "endpoint"),
    [
        (
            "https://{api_id}.execute-api.{region}.amazonaws.com/{stage}",
            (
                "abc.execute-api.eu-west-1.amazonaws.com",
                443,
                True,
                "abc.execute-api.eu-west-1.amazonaws.com",
                "/prod",
            ),
        ),
        ("http://127.0.0.1:5000/{stage}", ("127.0.0.1", 5000, False, "127.0.0.1:5000", "/prod")),
        (
            "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}/",
            ("127.0.0.1", 4566, False, "127.0.0.1:4566", "/_aws/execute-api/abc/prod"),
        ),
        ("http://localhost", ("localhost", 80, False, "localhost", "")),
        ("http://localhost:80", ("localhost", 80, False, "localhost", "")),
        ("https://[::1]:8443/x", ("::1", 8443, True, "[::1]:8443", "/x")),
    ],
)
def test_a_template_becomes_host_port_and_path(template: str, endpoint: tuple[object, ...]) -> None:
    resolved = EndpointTemplate(template, "eu-west-1").resolve("abc", "prod")

    assert astuple(resolved) == endpoint


@pytest.mark.parametrize(
    "template",
    [
        "",
        "127.0.0.1:5000",
        "ftp://host/",
        "http:///path",
        "http://host:port/",
        "http://host/{account}",
        "http://host/{}",
        "http://host/{stage",
        "http://host/?a=b",
        "http://user@host/",
        "http://[::1/",
    ],
)
def test_a_template_that_makes_no_url_is_refused_with_what_to_give(template: str) -> None:
    with pytest.raises(ValueError, match="Give an http or https URL"):
        EndpointTemplate(template, "eu-west-1")


def test_a_stage_cannot_leave_its_path_segment() -> None:
    resolved = EndpointTemplate("http://127.0.0.1:5000/{stage}", "eu-west-1").resolve("abc", "a/b?c d")

    assert resolved.path == "/a%2Fb%3Fc%20d"
