"""Who may call: requests signed by boto3 itself, and what becomes of them when anything is not as it was signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from aws_endpoint import KEY, SECRET, Aws
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from services.aws.errors import AwsError
from services.aws.server.signature import Received, check

WRONG = "The request signature we calculated does not match the signature you provided."
HOST = "127.0.0.1:4566"
SECRETS = {KEY: SECRET}


def code_of(action: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        action()
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_owner_of_the_key_is_let_in(aws: Aws) -> None:
    assert aws.client().list_clusters()["Clusters"] == []


def test_an_unknown_key_is_refused(aws: Aws) -> None:
    assert code_of(aws.client(key="AKIALAKELABTESTS0002").list_clusters) == (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )


def test_a_wrong_secret_is_refused(aws: Aws) -> None:
    code, message = code_of(aws.client(secret=SECRET[:-1]).list_clusters)
    assert code == "InvalidSignatureException"
    assert message.startswith(WRONG)


def test_an_unsigned_call_is_refused(aws: Aws) -> None:
    assert code_of(aws.client(signature_version=UNSIGNED).list_clusters) == (
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    )


def test_a_call_that_was_changed_on_its_way_is_refused_and_does_nothing(aws: Aws) -> None:
    cluster = aws.emr.cluster()
    emr = aws.client()

    def tamper(request, **_: object) -> None:
        request.body = request.body.replace(b"false", b"true ")

    emr.meta.events.register("before-send.emr.*", tamper)
    code, _ = code_of(lambda: emr.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=False))

    assert code == "InvalidSignatureException"
    assert aws.client().describe_cluster(ClusterId=cluster)["Cluster"]["TerminationProtected"] is False


def test_a_signature_for_another_service_is_refused(aws: Aws) -> None:
    headers = {"X-Amz-Target": "ElasticMapReduce.ListClusters", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", f"{aws.url}/", headers, b"{}")
    signed(request, "glue")
    connection = HTTPConnection(urlsplit(aws.url).netloc, timeout=20)
    connection.request("POST", "/", b"{}", dict(request.headers.items()))
    answer = connection.getresponse().read()
    connection.close()

    assert b"Credential should be scoped to correct service: 'elasticmapreduce'" in answer


# From here on: requests signed by botocore, checked without a server.

NOW = datetime.now(UTC).replace(microsecond=0)


def signed(request: AWSRequest, service: str = "elasticmapreduce") -> None:
    SigV4Auth(Credentials(KEY, SECRET), service, "eu-west-1").add_auth(request)


def received(method: str = "POST", path: str = "/", query: str = "", body: bytes = b"{}", **headers: str) -> Received:
    """A request as botocore signs it at the moment NOW, and as it would arrive."""
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    given = {"X-Amz-Target": "ElasticMapReduce.ListClusters", **{n.replace("_", "-"): v for n, v in headers.items()}}
    request = AWSRequest(method, url, given, body)
    with patch("botocore.auth.get_current_datetime", lambda: NOW):
        signed(request)
    arrived = {"host": HOST, **{name.lower(): value for name, value in request.headers.items()}}
    return Received(method, path, query, tuple(arrived.items()), body)


def changed(request: Received, **headers: str | None) -> Received:
    """The request with headers replaced, or left out for None."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = [(name, value) for name, value in request.headers if name not in names]
    return replace(request, headers=(*kept, *((n, v) for n, v in names.items() if v is not None)))


def refusal(request: Received, now: datetime = NOW) -> tuple[str, str]:
    with pytest.raises(AwsError) as refused:
        check(request, SECRETS, now)
    return refused.value.code, refused.value.message


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/", ""),
        ("/2015-03-31/functions/my%20function", ""),
        ("/a//b/./c/../d/", ""),
        ("/arn%3Aaws%3Aglue/%C3%A9", "Marker=&b=2&a=1"),
        ("/x", "a=%2F%2Bb%20c&a=1&list-type=2&tilde=~"),
    ],
)
def test_paths_and_queries_are_read_as_botocore_signs_them(path: str, query: str) -> None:
    assert check(received("GET", path, query, b""), SECRETS, NOW).access_key == KEY


def test_header_values_are_compared_without_needless_spaces() -> None:
    request = received(X_Amz_Meta_Note="a   b  c")
    assert check(changed(request, x_amz_meta_note="  a b   c "), SECRETS, NOW).service == "elasticmapreduce"


@pytest.mark.parametrize("minutes", [-14, 14])
def test_clocks_may_differ_by_a_quarter_of_an_hour(minutes: int) -> None:
    assert check(received(), SECRETS, NOW + timedelta(minutes=minutes))


def test_an_old_request_is_refused() -> None:
    later = NOW + timedelta(minutes=16)
    code, message = refusal(received(), later)
    assert code == "InvalidSignatureException"
    assert message.startswith("Signature expired: ")
    assert message.endswith(f"({later:%Y%m%dT%H%M%SZ} - 15 min.)")


def test_a_request_from_the_future_is_refused() -> None:
    code, message = refusal(received(), NOW - timedelta(minutes=16))
    assert code == "InvalidSignatureException"
    assert message.startswith("Signature not yet current: ")


@pytest.mark.parametrize(
    "change",
    [
        lambda r: replace(r, method="PUT"),
        lambda r: replace(r, path="/other"),
        lambda r: replace(r, query="x=1"),
        lambda r: replace(r, body=b"{ }"),
        lambda r: changed(r, host="evil.example:4566"),
        lambda r: changed(r, x_amz_target="ElasticMapReduce.RunJobFlow"),
        lambda r: replace(r, headers=(*r.headers, ("x-amz-target", "ElasticMapReduce.RunJobFlow"))),
        lambda r: changed(r, x_amz_target=None),
    ],
)
def test_whatever_is_signed_cannot_be_changed(change: Callable[[Received], Received]) -> None:
    code, message = refusal(change(received()))
    assert code == "InvalidSignatureException"
    assert message.startswith(WRONG)


def test_what_aws_gives_a_meaning_must_be_signed() -> None:
    assert refusal(changed(received(), x_amz_security_token="t")) == (
        "InvalidSignatureException",
        "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization.",
    )
    unsigned_host = dict(received().headers)["authorization"].replace("host;", "")
    assert refusal(changed(received(), authorization=unsigned_host)) == (
        "InvalidSignatureException",
        "'Host' must be a 'SignedHeader' in the AWS Authorization.",
    )


def test_a_body_is_never_taken_on_trust() -> None:
    request = received(body=b"UNSIGNED", X_Amz_Content_SHA256="UNSIGNED-PAYLOAD")
    assert refusal(request)[0] == "InvalidSignatureException"


CREDENTIAL = f"Credential={KEY}/20260101/eu-west-1/elasticmapreduce/aws4_request"


@pytest.mark.parametrize(
    ("authorization", "code", "message"),
    [
        (None, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        ("", "MissingAuthenticationTokenException", "Missing Authentication Token"),
        ("Basic bGFiOmxhYg==", "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'Basic'."),
        (f"AWS4-HMAC-SHA256 {CREDENTIAL}", "IncompleteSignatureException",
         "Authorization header requires 'Signature' parameter. "
         "Authorization header requires 'SignedHeaders' parameter."),
        (f"AWS4-HMAC-SHA256 Credential={KEY}/x, SignedHeaders=host, Signature=00", "IncompleteSignatureException",
         "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
         f"got '{KEY}/x'"),
        (f"AWS4-HMAC-SHA256 {CREDENTIAL[:-1]}, SignedHeaders=host, Signature=00", "InvalidSignatureException",
         "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws4_reques'."),
        (f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, Signature=00", "InvalidSignatureException",
         f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
         f"'20260101' != '{NOW:%Y%m%d}', from '{NOW:%Y%m%dT%H%M%SZ}'."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_authorization_is_said(authorization: str | None, code: str, message: str) -> None:
    stamp = f"{NOW:%Y%m%dT%H%M%SZ}"
    assert refusal(changed(received(), authorization=authorization, x_amz_date=stamp)) == (code, message)


def test_a_request_without_a_time_or_with_a_strange_one_is_refused() -> None:
    assert refusal(changed(received(), x_amz_date=None)) == (
        "IncompleteSignatureException",
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    )
    assert refusal(changed(received(), x_amz_date="yesterday")) == (
        "IncompleteSignatureException",
        "Date must be in ISO-8601 'basic format'. Got 'yesterday'.",
    )
