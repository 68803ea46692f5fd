from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.aws.connections_api import connections_endpoint
from chalicelib.aws.http import parse_endpoint
from chalicelib.aws.sigv4 import SignedRequests
from chalicelib.errors import Unavailable
from chalicelib.settings import Keys

NOON = 1_762_000_000
KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
LOCAL = urlsplit("http://127.0.0.1:5000/s")


def posts(**different: Any) -> SignedRequests:
    usual: dict[str, Any] = {
        "service": "execute-api",
        "region": "r",
        "credentials": KEYS,
        "clock": lambda: NOON,
        "method": "POST",
        "endpoint": LOCAL,
        "path": "/@connections/",
        "body": b"",
    }
    return SignedRequests(**usual | different)


def parsed(request: bytes) -> tuple[str, str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    start, *lines = head.decode("ascii").split("\r\n")
    method, path, version = start.split(" ")
    assert version == "HTTP/1.1"
    return method, path, dict(line.split(": ", 1) for line in lines), body


def botocores_authorization(request: bytes, service: str, region: str, keys: Keys) -> str:
    method, path, headers, body = parsed(request)
    signed = {name: headers[name] for name in headers if name not in {"authorization", "content-length"}}
    theirs = AWSRequest(method=method, url=f"http://{headers['host']}{path}", data=body, headers=signed)
    theirs.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(ReadOnlyCredentials(keys.access_key, keys.secret_key, keys.token), service, region)
    signature = auth.signature(auth.string_to_sign(theirs, auth.canonical_request(theirs)), theirs)
    names = auth.signed_headers(auth.headers_to_sign(theirs))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(theirs)}, SignedHeaders={names}, Signature={signature}"


HEADER_SAFE = st.text("ABCabc0189+/=._-", min_size=1, max_size=40)
REGIONS = st.sampled_from(["us-east-1", "eu-central-1", "ap-southeast-2"])


@given(
    method=st.sampled_from(["POST", "GET", "DELETE"]),
    template=st.sampled_from(
        [
            "https://{api_id}.execute-api.{region}.amazonaws.com/{stage}",
            "http://127.0.0.1:5000/{stage}",
            "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}",
            "http://[::1]:5000/a%20b/@{stage}/",
        ]
    ),
    region=REGIONS,
    stage=st.text("abcXYZ019_-$", min_size=1, max_size=12),
    connection_id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
        lambda text: text not in {".", ".."}
    ),
    body=st.binary(max_size=300),
    token=st.none() | HEADER_SAFE,
    secret=HEADER_SAFE,
    now=st.floats(0, 4e9),
)
@example(
    method="POST",
    template="https://{api_id}.execute-api.{region}.amazonaws.com/{stage}",
    region="us-east-1",
    stage="prod",
    connection_id="L0SM9cOFvHcCIhw=",
    body=b"{}",
    token="t" * 900,
    secret="s",
    now=NOON,
)
def test_a_post_is_signed_as_botocore_signs_it(
    *,
    method: str,
    template: str,
    region: str,
    stage: str,
    connection_id: str,
    body: bytes,
    token: str | None,
    secret: str,
    now: float,
) -> None:
    keys = Keys("AKIDEXAMPLE", secret, token)
    endpoint = connections_endpoint(template, region, "abcdef1234", stage)

    request = posts(
        region=region, credentials=keys, clock=lambda: now, method=method, endpoint=endpoint, body=body
    ).to(connection_id)

    _, path, headers, sent_body = parsed(request)
    assert headers["authorization"] == botocores_authorization(request, "execute-api", region, keys)
    assert headers.get("x-amz-security-token") == token
    assert headers["content-length"] == str(len(body))
    assert sent_body == body
    assert unquote(path.rpartition("/@connections/")[2]) == connection_id


@pytest.mark.parametrize("token", [None, "t" * 900])
@pytest.mark.parametrize(
    ("service", "url"),
    [("dynamodb", "https://dynamodb.eu-central-1.amazonaws.com"), ("sqs", "http://127.0.0.1:8000/")],
)
def test_a_call_is_signed_as_botocore_signs_it(service: str, url: str, token: str | None) -> None:
    keys = Keys("AKIDEXAMPLE", "secret", token)
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "Target_1.Query"}

    request = posts(
        service=service, credentials=keys, endpoint=parse_endpoint(url), path="/", body=b"{}", headers=headers
    ).to()

    method, path, sent, _ = parsed(request)
    assert (method, path) == ("POST", "/")
    assert sent["authorization"] == botocores_authorization(request, service, "r", keys)
    assert sent.items() >= headers.items()


def test_date_and_key_follow_the_clock() -> None:
    now = [NOON + 0.2]
    requests = posts(clock=lambda: now[0])

    first = requests.to("a")
    now[0] = NOON + 0.9
    same_second = requests.to("a")
    now[0] = NOON + 86_401.0
    tomorrow = requests.to("a")

    assert same_second == first
    assert parsed(first)[2]["x-amz-date"] == "20251101T122640Z"
    assert parsed(tomorrow)[2]["x-amz-date"] == "20251102T122641Z"
    assert parsed(tomorrow)[2]["authorization"] == botocores_authorization(tomorrow, "execute-api", "r", KEYS)


@pytest.mark.parametrize("connection_id", ["abc=", "a b", "a\r\nx: y", "a/../b", "a?b#c", "ü", "\ud800", ""])
def test_no_connection_id_can_leave_its_path_segment(connection_id: str) -> None:
    _, path, headers, _ = parsed(posts().to(connection_id))

    assert path.count("/") == 3
    assert "?" not in path
    assert set(headers) == {"host", "x-amz-date", "content-length", "authorization"}


@pytest.mark.parametrize("keys", [Keys(None, "s"), Keys("a", None), Keys("", "")])
def test_without_credentials_the_reader_learns_what_to_set(keys: Keys) -> None:
    with pytest.raises(Unavailable, match="AWS_ACCESS_KEY_ID"):
        posts(credentials=keys)


def test_secrets_are_not_shown() -> None:
    keys = Keys("AKIDEXAMPLE", "secret", "token")

    assert repr(keys) == "Keys(access_key='AKIDEXAMPLE')"
    assert "secret" not in repr(posts(credentials=keys))
