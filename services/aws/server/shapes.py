"""Between JSON and Python by a shape of botocore's models, in AWS JSON 1.1 (Smithy's "AWS JSON 1.1 protocol").

`read` turns a request into the dictionary that boto3's user would have written: times as datetimes, blobs as bytes,
null left out. What does not fit is refused in the words of AWS's own front end. `write` does the reverse for an
answer; an answer that does not fit its shape is a bug of ours and raises `TypeError`.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from services.aws.server.errors import Serialization, Validation

_MOST_LISTED = 5  # violations told at once, as AWS does
_INTEGERS = {"integer": 2**31, "long": 2**63}


def read(shape: StructureShape | None, document: Any) -> dict[str, Any]:
    """The members of a request. Serialization or Validation when the document does not fit the shape."""
    if not isinstance(document, dict):
        raise Serialization("Start of structure or map expected.")
    members: dict[str, Any] = _read(shape, document) if shape is not None else {}
    broken = list(_violations(shape, members, "")) if shape is not None else []
    if broken:
        count = f"{len(broken)} validation error{'s' if len(broken) > 1 else ''} detected"
        raise Validation(f"{count}: {'; '.join(broken[:_MOST_LISTED])}")
    return members


def write(shape: StructureShape | None, answer: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The JSON document of an answer; None where the operation answers nothing."""
    if shape is None:
        if answer:
            raise TypeError(f"an answer where the model has none: {sorted(answer)}")
        return None
    document: dict[str, Any] = _write(shape, answer or {}, shape.name)
    return document


def _read(shape: Shape, value: Any) -> Any:
    match shape:
        case StructureShape():
            return _read_structure(shape, _of(dict, value))
        case ListShape():
            return [_read(shape.member, member) for member in _of(list, value) if member is not None]
        case MapShape():
            return {key: _read(shape.value, member) for key, member in _of(dict, value).items() if member is not None}
    return _read_scalar(shape.type_name, value)


def _read_structure(shape: StructureShape, value: dict[str, Any]) -> dict[str, Any]:
    names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
    unknown = sorted(set(value) - set(names))
    if unknown:
        raise Validation(f'Unknown parameter in input: "{unknown[0]}", must be one of: {", ".join(names)}')
    return {names[key]: _read(shape.members[names[key]], one) for key, one in value.items() if one is not None}


def _read_scalar(kind: str, value: Any) -> Any:
    if isinstance(value, (dict, list)):
        raise Serialization(_started(value))
    if kind in ("string", "character") and isinstance(value, str):
        return value
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind in _INTEGERS and isinstance(value, int) and not isinstance(value, bool):
        if not -_INTEGERS[kind] <= value < _INTEGERS[kind]:
            raise Serialization(f"{value} is out of range of {kind.capitalize()}")
        return value
    if kind in ("float", "double") and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if kind == "timestamp" and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        return _moment(value)
    if kind == "blob" and isinstance(value, str):
        return _bytes(value)
    raise Serialization(f"{_token(value)} can not be converted to {_wanted(kind)}")


def _moment(value: float | str) -> datetime:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise Serialization(f"{value} can not be converted to milliseconds since epoch") from None


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise Serialization("STRING_VALUE can not be decoded as Base64") from None


def _of(kind: type[Any], value: Any) -> Any:
    if isinstance(value, kind):
        return value
    if isinstance(value, (dict, list)):
        raise Serialization(_started(value))
    raise Serialization("Expected list or null" if kind is list else "Expected map or null")


def _started(value: dict[str, Any] | list[Any]) -> str:
    what = "structure or map" if isinstance(value, dict) else "list"
    return f"Start of {what} found where not expected."


def _token(value: Any) -> str:
    if isinstance(value, bool):
        return f"{str(value).upper()}_VALUE"
    return {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE"}[type(value)]


def _wanted(kind: str) -> str:
    return {"integer": "Integer", "long": "Long", "boolean": "Boolean"}.get(kind, kind.capitalize())


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Constraints of the model that the value breaks, each as AWS words it."""
    match shape:
        case StructureShape():
            for name in shape.required_members:
                if name not in value:
                    yield _violation("null", _below(path, _camel(name)), "Member must not be null")
            for name, member in value.items():
                yield from _violations(shape.members[name], member, _below(path, _camel(name)))
        case ListShape():
            yield from _size(shape, f"'{_listed(value)}'", len(value), path, "length")
            enum = _enum(shape.member)
            if enum and not set(value) <= set(enum):
                told = f"Member must satisfy constraint: [Member must satisfy enum value set: {_listed(enum)}]"
                yield _violation(f"'{_listed(value)}'", path, told)
            elif not enum:
                for number, member in enumerate(value, 1):
                    yield from _violations(shape.member, member, f"{path}.{number}.member")
        case MapShape():
            for key, member in value.items():
                yield from _violations(shape.value, member, f"{path}.{key}.member")
        case _ if shape.type_name == "string":
            allowed = _enum(shape)
            if allowed and value not in allowed:
                yield _violation(f"'{value}'", path, f"Member must satisfy enum value set: {_listed(allowed)}")
            yield from _size(shape, f"'{value}'", len(value), path, "length")
        case _ if shape.type_name in _INTEGERS:
            yield from _size(shape, f"'{value}'", value, path, "value")


def _enum(shape: Shape) -> list[str]:
    return list(getattr(shape, "enum", None) or ())


def _listed(values: Iterable[Any]) -> str:
    return f"[{', '.join(map(str, values))}]"


def _size(shape: Shape, shown: Any, measure: int, path: str, what: str) -> Iterator[str]:
    """Least and most, as far as botocore kept them. An empty upper bound is no bound."""
    bounds = shape.metadata
    least, most = bounds.get("min"), bounds.get("max")
    if least is not None and measure < least:
        yield _violation(shown, path, f"Member must have {what} greater than or equal to {least}")
    if most and measure > most:
        yield _violation(shown, path, f"Member must have {what} less than or equal to {most}")


def _violation(shown: Any, path: str, constraint: str) -> str:
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _write(shape: Shape, value: Any, where: str) -> Any:
    match shape:
        case StructureShape() if isinstance(value, Mapping):
            return _write_structure(shape, value, where)
        case ListShape() if isinstance(value, (list, tuple)):
            return [_write(shape.member, member, f"{where}[]") for member in value]
        case MapShape() if isinstance(value, Mapping):
            return {key: _write(shape.value, member, f"{where}{{}}") for key, member in value.items()}
    return _write_scalar(shape, value, where)


def _write_structure(shape: StructureShape, value: Mapping[str, Any], where: str) -> dict[str, Any]:
    unknown = sorted(set(value) - set(shape.members))
    if unknown:
        raise TypeError(f"{where} has no member {unknown[0]}")
    return {
        shape.members[name].serialization.get("name", name): _write(shape.members[name], member, f"{where}.{name}")
        for name, member in value.items()
        if member is not None
    }


def _write_scalar(shape: Shape, value: Any, where: str) -> Any:
    kind = shape.type_name
    if kind == "string" and isinstance(value, str):
        return str(value)
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind in _INTEGERS and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in ("float", "double") and isinstance(value, (int, float)) and math.isfinite(value):
        return value
    if kind == "timestamp" and isinstance(value, datetime) and value.tzinfo:
        return round(value.timestamp(), 3)
    if kind == "blob" and isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{where}: {value!r} is no {kind}")
