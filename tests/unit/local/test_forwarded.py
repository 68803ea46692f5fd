import pytest

from infra.local.apigateway.asgi import Pairs
from infra.local.apigateway.forwarded import as_the_client_asked

HERE = ("host", "localhost:5000")
PLAIN, TLS = ("x-forwarded-proto", "http"), ("x-forwarded-proto", "https")


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        ([], [("host", "localhost"), PLAIN]),
        ([("host", "192.168.1.7:5000")], [("host", "192.168.1.7:5000"), PLAIN]),
        ([("host", "[fe80::1]:5000")], [("host", "[fe80::1]:5000"), PLAIN]),
        ([HERE, ("x-forwarded-host", "a.example, b.example")], [("host", "a.example"), PLAIN]),
        ([("x-forwarded-host", "a.example"), HERE], [("host", "a.example"), PLAIN]),
        ([HERE, ("x-forwarded-proto", "HTTPS, http")], [HERE, TLS]),
        ([HERE, ("x-forwarded-prefix", "/games/")], [HERE, PLAIN, ("x-forwarded-prefix", "/games")]),
        ([HERE, ("accept", "*/*")], [HERE, PLAIN, ("accept", "*/*")]),
    ],
)
def test_the_headers_are_those_of_the_client(sent: Pairs, asked: Pairs) -> None:
    assert as_the_client_asked(sent) == asked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("x-forwarded-host", host) for host in ("a b", "a;script-src *", "[", "a/b", "user@a", 'a">', "")),
        *(("x-forwarded-proto", scheme) for scheme in ("javascript", "ftp", "")),
        *(("x-forwarded-prefix", path) for path in ("games", "//a.example", "/a b", "/", "/a//b", 'x">')),
    ],
)
def test_what_can_be_none_is_not_taken_up(name: str, value: str) -> None:
    assert as_the_client_asked([HERE, (name, value)]) == [HERE, PLAIN]
