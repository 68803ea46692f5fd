from urllib.parse import unquote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.push.endpoint import EndpointTemplate
from chalicelib.push.signing import RequestSigner

NOON = 1_762_000_000
KEYS = ReadOnlyCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)


def parsed(request: bytes) -> tuple[str, str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    start, *lines = head.decode("ascii").split("\r\n")
    method, path, version = start.split(" ")
    assert version == "HTTP/1.1"
    return method, path, dict(line.split(": ", 1) for line in lines), body


def botocores_authorization(request: bytes, scheme: str, region: str, keys: ReadOnlyCredentials) -> str:
    method, path, headers, body = parsed(request)
    signed: dict[str, str] = {
        name: headers[name] for name in ("host", "x-amz-date", "x-amz-security-token") if name in headers
    }
    theirs = AWSRequest(method=method, url=f"{scheme}://{headers['host']}{path}", data=body, headers=signed)
    theirs.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(keys, "execute-api", region)
    signature = auth.signature(auth.string_to_sign(theirs, auth.canonical_request(theirs)), theirs)
    names = auth.signed_headers(auth.headers_to_sign(theirs))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(theirs)}, SignedHeaders={names}, Signature={signature}"


HEADER_SAFE = st.text("ABCabc0189+/=._-", min_size=1, max_size=40)


@given(
    method=st.sampled_from(["POST", "GET", "DELETE"]),
    template=st.sampled_from(
        [
            "https://{api_id}.execute-api.{region}.amazonaws.com/{stage}",
            "http://127.0.0.1:5000/{stage}",
            "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}",
            "http://[::1]:5000/a b/@{stage}/",
        ]
    ),
    region=st.sampled_from(["us-east-1", "eu-central-1", "ap-southeast-2"]),
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
def test_the_signature_is_the_one_botocore_makes(
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
    keys = ReadOnlyCredentials("AKIDEXAMPLE", secret, token)
    endpoint = EndpointTemplate(template.replace("a b", "a%20b"), region).resolve("abcdef1234", stage)

    request = RequestSigner(method, endpoint, region, keys, body, clock=lambda: now).request(connection_id)

    _, path, headers, sent_body = parsed(request)
    scheme = "https" if endpoint.tls else "http"
    assert headers["authorization"] == botocores_authorization(request, scheme, region, keys)
    assert headers.get("x-amz-security-token") == token
    assert headers["content-length"] == str(len(body))
    assert sent_body == body
    assert unquote(path.rpartition("/@connections/")[2]) == connection_id


def test_the_padding_of_a_connection_id_is_encoded_once_when_sent_and_twice_when_signed() -> None:
    endpoint = EndpointTemplate("https://{api_id}.execute-api.{region}.amazonaws.com/{stage}", "r").resolve(
        "a", "s"
    )

    signer = RequestSigner("POST", endpoint, "r", KEYS, b"", clock=lambda: NOON)

    assert signer.request("abc=").startswith(
        b"POST /s/@connections/abc%3D HTTP/1.1\r\nhost: a.execute-api.r."
    )
    assert signer._canonical_start == "POST\n/s/%40connections/"


def test_the_date_follows_the_clock_by_the_second() -> None:
    now = [NOON + 0.2]
    endpoint = EndpointTemplate("http://127.0.0.1:5000/{stage}", "r").resolve("a", "s")
    signer = RequestSigner("POST", endpoint, "r", KEYS, b"", clock=lambda: now[0])

    first = signer.request("a")
    now[0] = NOON + 0.9
    same_second = signer.request("a")
    now[0] = NOON + 1.0
    next_second = signer.request("a")

    assert same_second == first
    assert parsed(next_second)[2]["x-amz-date"] == "20251101T122641Z"
    assert parsed(first)[2]["x-amz-date"] == "20251101T122640Z"
    assert parsed(next_second)[2]["authorization"] != parsed(first)[2]["authorization"]


@pytest.mark.parametrize("connection_id", ["a b", "a\r\nx: y", "a/../b", "a?b#c", "ü", "\ud800", ""])
def test_no_connection_id_can_leave_its_path_segment(connection_id: str) -> None:
    endpoint = EndpointTemplate("http://127.0.0.1:5000/{stage}", "r").resolve("a", "s")

    request = RequestSigner("POST", endpoint, "r", KEYS, b"", clock=lambda: NOON).request(connection_id)

    _, path, headers, _ = parsed(request)
    assert path.count("/") == 3
    assert "?" not in path
    assert set(headers) == {"host", "x-amz-date", "content-length", "authorization"}
