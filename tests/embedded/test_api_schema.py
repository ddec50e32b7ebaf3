"""Schemathesis over the OpenAPI: whatever is sent, answers are those that are declared, and none is a fault of ours."""

from __future__ import annotations

import os

import schemathesis
from api_server import NOWHERE, TOKENS, Api
from erp_server import Erp
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.api.app import create_app
from services.api.settings import Settings

EXAMPLES = int(os.environ.get("LAB_SCHEMA_EXAMPLES", "3"))  # for each of some seventy operations
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DESCRIPTION = create_app(Settings("", "", NOWHERE, ("127.0.0.1", 1), TOKENS)).openapi()
# The stream has no end, and there is no warehouse here.
schemathesis.serializer("application/x-ndjson")(lambda _, value: str(value).encode())
schema = schemathesis.openapi.from_dict(DESCRIPTION).exclude(path_regex="^/live$|^/marts/|/averages$")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)  # fmt: skip
def test_any_request_is_answered_as_declared(api: Api, loaded: Erp, case: schemathesis.Case) -> None:
    token = TOKENS.events if case.path.startswith("/events/") else TOKENS.erp
    case.call_and_validate(base_url=api.url, headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)
