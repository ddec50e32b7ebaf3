"""Signature Version 4: is the request, byte for byte, from someone who has the secret key?

Written from "Create a signed AWS API request" (AWS Identity and Access Management User Guide). Only signatures in
the Authorization header are taken; the hash of the body is always that of the body that arrived.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from services.aws.server.errors import (
    IncompleteSignature,
    InvalidSignature,
    MissingAuthenticationToken,
    UnrecognizedClient,
)

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=15)
_STAMP = "%Y%m%dT%H%M%SZ"
_WRONG = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_PART = re.compile(r"\s*([A-Za-z]+)\s*=\s*([^,\s]+)\s*")


@dataclass(frozen=True)
class Received:
    """A request as it came: the path still percent-encoded, header names in lower case, in order of arrival."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """All values of that header, joined as HTTP joins them; None when there is none."""
        values = [value for key, value in self.headers if key == name]
        return ",".join(values) if values else None


@dataclass(frozen=True)
class Credential:
    """What stands in the Authorization header: who signed, for what, and which headers."""

    access_key: str
    day: str
    region: str
    service: str
    signed: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def utc_now() -> datetime:
    """The clock that requests are checked by."""
    return datetime.now(UTC)


def check(received: Received, secrets: Mapping[str, str], now: datetime) -> Credential:
    """Who signed the request. A FrontError in AWS's words when nobody that we know did.

    secrets: the secret key of each access key.
    """
    credential = read_credential(received.header("authorization"))
    secret = secrets.get(credential.access_key)
    if secret is None:
        raise UnrecognizedClient
    stamp = _check_time(received, credential, now)
    _check_signed(received, credential)
    expected = _signature(received, credential, stamp, secret)
    if not hmac.compare_digest(expected.encode(), credential.signature.encode()):
        raise InvalidSignature(_WRONG)
    return credential


def read_credential(authorization: str | None) -> Credential:
    """The parts of an Authorization header. The errors name each part that is missing."""
    if not authorization:
        raise MissingAuthenticationToken
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise IncompleteSignature(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    found = [match for text in rest.split(",") if (match := _PART.fullmatch(text))]
    parts = {match[1]: match[2] for match in found}
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    if missing:
        told = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        raise IncompleteSignature(told)
    scope = parts["Credential"].split("/")
    if len(scope) != 5:
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{parts['Credential']}'"
        )
    access_key, day, region, service, term = scope
    if term != "aws4_request":
        raise InvalidSignature(f"Credential should be scoped with a valid terminator: 'aws4_request', not '{term}'.")
    return Credential(access_key, day, region, service, tuple(parts["SignedHeaders"].split(";")), parts["Signature"])


def _check_time(received: Received, credential: Credential, now: datetime) -> str:
    """The request's own time, as it was signed. It may differ by a quarter of an hour from ours."""
    stamp = received.header("x-amz-date")
    if stamp is None:
        raise IncompleteSignature(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    try:
        signed_at = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise IncompleteSignature(f"Date must be in ISO-8601 'basic format'. Got '{stamp}'.") from None
    if credential.day != stamp[:8]:
        raise InvalidSignature(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{credential.day}' != '{stamp[:8]}', from '{stamp}'."
        )
    earliest, latest = now - SKEW, now + SKEW
    if signed_at < earliest:
        raise InvalidSignature(
            f"Signature expired: {stamp} is now earlier than {earliest:{_STAMP}} ({now:{_STAMP}} - 15 min.)"
        )
    if signed_at > latest:
        raise InvalidSignature(
            f"Signature not yet current: {stamp} is still later than {latest:{_STAMP}} ({now:{_STAMP}} + 15 min.)"
        )
    return stamp


def _check_signed(received: Received, credential: Credential) -> None:
    """What decides about the request must be under the signature: the host and all of AWS's own headers."""
    if "host" not in credential.signed:
        raise InvalidSignature("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    names = {name for name, _ in received.headers}
    for name in sorted(names):
        if name.startswith("x-amz-") and name not in credential.signed:
            raise InvalidSignature(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")
    for name in credential.signed:
        if name not in names:
            raise InvalidSignature(_WRONG)


def _signature(received: Received, credential: Credential, stamp: str, secret: str) -> str:
    canonical = "\n".join(
        [
            received.method,
            _canonical_path(received.path),
            _canonical_query(received.query),
            *(f"{name}:{_canonical_value(received.header(name) or '')}" for name in credential.signed),
            "",
            ";".join(credential.signed),
            hashlib.sha256(received.body).hexdigest(),
        ]
    )
    text = "\n".join([ALGORITHM, stamp, credential.scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (credential.day, credential.region, credential.service, "aws4_request"):
        key = _hmac(key, part)
    return _hmac(key, text).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _canonical_path(path: str) -> str:
    """Without `.`, `..` and empty parts, and encoded once more than it came (all services but S3)."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            kept[-1:] = []
        elif part not in ("", "."):
            kept.append(part)
    last = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + last, safe="/~")


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _canonical_value(value: str) -> str:
    return " ".join(value.split())
