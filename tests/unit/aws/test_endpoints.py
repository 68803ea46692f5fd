import pytest

from chalicelib.aws.connections_api import connections_endpoint
from chalicelib.aws.http import parse_endpoint


@pytest.mark.parametrize(
    ("template", "url"),
    [
        (
            "https://{api_id}.execute-api.{region}.amazonaws.com/{stage}",
            "https://abc.execute-api.eu-west-1.amazonaws.com/prod",
        ),
        ("http://127.0.0.1:5000/{stage}", "http://127.0.0.1:5000/prod"),
        (
            "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}/",
            "http://127.0.0.1:4566/_aws/execute-api/abc/prod",
        ),
        ("http://localhost", "http://localhost"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x"),
    ],
)
def test_a_template_becomes_an_endpoint(template: str, url: str) -> None:
    assert connections_endpoint(template, "eu-west-1", "abc", "prod").geturl() == url


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
def test_a_template_that_makes_no_url_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="Give an http or https URL"):
        connections_endpoint(template, "eu-west-1", "abc", "prod")


def test_a_stage_cannot_leave_its_path_segment() -> None:
    endpoint = connections_endpoint("http://127.0.0.1:5000/{stage}", "eu-west-1", "abc", "a/b?c d")

    assert endpoint.path == "/a%2Fb%3Fc%20d"


@pytest.mark.parametrize("url", ["localhost:8000", "https://", "http://host/#part", "http://host:99999"])
def test_an_endpoint_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|more than|[Pp]ort"):
        parse_endpoint(url)
