"""botocore's own model of the EMR API, as the judge of what we take and give."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any

import botocore.session
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator


@functools.cache
def service() -> ServiceModel:
    return botocore.session.get_session().get_service_model("emr")


def check_input(operation: str, request: dict) -> None:
    """Fails where botocore would refuse to send the request."""
    report = ParamValidator().validate(request, service().operation_model(operation).input_shape)
    assert not report.has_errors(), report.generate_report()


def check_output(operation: str, response: dict | None) -> None:
    """Fails where the response has a member, a type or an enumerated value that AWS's model lacks."""
    shape = service().operation_model(operation).output_shape
    if shape is None:
        assert response is None
        return
    _check(response, shape, operation)


def _check(value: Any, shape: Shape, where: str) -> None:
    kinds = {"string": str, "boolean": bool, "integer": int, "long": int, "list": list, "map": dict, "structure": dict}
    if shape.type_name == "timestamp":
        assert isinstance(value, datetime), f"{where}: {value!r}"
        assert value.tzinfo is not None, f"{where}: without a time zone"
        return
    assert type(value) is kinds[shape.type_name], f"{where}: {value!r} is no {shape.type_name}"
    if shape.type_name == "structure":
        assert set(value) <= set(shape.members), f"{where}: unknown {set(value) - set(shape.members)}"
        for name, member in value.items():
            _check(member, shape.members[name], f"{where}.{name}")
    elif shape.type_name == "list":
        for member in value:
            _check(member, shape.member, f"{where}[]")
    elif shape.type_name == "map":
        for member in value.values():
            _check(member, shape.value, f"{where}{{}}")
    elif getattr(shape, "enum", None):
        assert value in shape.enum, f"{where}: {value}"
