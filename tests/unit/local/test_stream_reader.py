from chalicelib.aws.http import HttpClient
from infra.local.engine.endpoints import KEYS
from infra.local.triggers.stream_reader import TableStream


def test_a_stream_has_its_own_address_on_aws() -> None:
    stream = TableStream.of("sessions", HttpClient(), None, "eu-central-1", lambda: KEYS)

    assert stream.streams._endpoint.geturl() == "https://streams.dynamodb.eu-central-1.amazonaws.com"
    assert stream.dynamodb._endpoint.geturl() == "https://dynamodb.eu-central-1.amazonaws.com"
