"""Thrift's binary protocol, as much of it as the metastore's few calls need, and no package for it.

A struct is a dictionary of its fields by number, each with its type: what a server sends that we know nothing of goes
back to it as it came. https://github.com/apache/thrift/blob/master/doc/specs/thrift-binary-protocol.md
"""

from __future__ import annotations

import io
import itertools
import socket
import struct
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15
_STOP, _CALL, _REPLY, _VERSION = 0, 1, 2, 0x80010000
_FIXED = {BOOL: ">?", BYTE: ">b", DOUBLE: ">d", I16: ">h", I32: ">i", I64: ">q"}
LARGEST = 64 * 2**20  # bytes of one text: a length beyond is no length


class Field(NamedTuple):
    """A value with its type. Of a LIST or SET: (type, values); of a MAP: (type of keys, type of values, dictionary)."""

    kind: int
    value: Any


Struct = dict[int, Field]


class RefusedError(Exception):
    """The server's answer to a call was an exception. name: the number of the field that it came in, 0 for its own."""

    def __init__(self, number: int, message: str) -> None:
        self.number, self.message = number, message
        super().__init__(message)


def text(value: str) -> Field:
    return Field(STRING, value)


def number(value: int) -> Field:
    return Field(I32, value)


def flag(value: bool) -> Field:
    return Field(BOOL, value)


def texts(values: Iterable[str]) -> Field:
    return Field(LIST, (STRING, list(values)))


def mapping(values: Mapping[str, str]) -> Field:
    return Field(MAP, (STRING, STRING, dict(values)))


def record(value: Struct) -> Field:
    return Field(STRUCT, value)


def records(values: Iterable[Struct]) -> Field:
    return Field(LIST, (STRUCT, list(values)))


class Client:
    """A connection to a server, made when first needed and made anew after an error. Not for several threads.

    OSError: the server does not answer. RefusedError: it answers that it will not.
    """

    def __init__(self, host: str, port: int, seconds: float = 30) -> None:
        self._address, self._seconds = (host, port), seconds
        self._stream: Any = None
        self._numbers = itertools.count(1)

    def call(self, name: str, arguments: Struct) -> Field | None:
        """What a method returns; None for one that returns nothing."""
        own = next(self._numbers)
        title = name.encode()
        head = struct.pack(">Ii", _VERSION | _CALL, len(title)) + title + struct.pack(">i", own)
        try:
            stream = self._opened()
            stream.write(head + encoded(arguments))
            stream.flush()
            version, length = _read(stream, ">Ii")
            _take(stream, length)
            _read(stream, ">i")
            answer = _struct(stream)
        except (OSError, struct.error, ValueError) as error:
            self.close()
            raise error if isinstance(error, OSError) else ConnectionError(f"no Thrift: {error}") from None
        if version & 0xFF != _REPLY:
            raise RefusedError(0, str(answer.get(1, text("no reason")).value))
        for key, found in answer.items():
            if key:
                said = found.value.get(1) if found.kind == STRUCT else None
                raise RefusedError(key, str(said.value) if said else "no reason")
        return answer.get(0)

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _opened(self) -> Any:
        if self._stream is None:
            connection = socket.create_connection(self._address, timeout=self._seconds)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._stream = connection.makefile("rwb", buffering=1 << 16)
            connection.close()  # the stream keeps it open
        return self._stream


def encoded(fields: Struct) -> bytes:
    """A struct as it goes over the wire."""
    out = io.BytesIO()
    _write(out, STRUCT, fields)
    return out.getvalue()


def decoded(content: bytes) -> Struct:
    """The struct in such bytes. ValueError: they are none."""
    return _struct(io.BytesIO(content))


def _write(out: Any, kind: int, value: Any) -> None:
    if kind in _FIXED:
        out.write(struct.pack(_FIXED[kind], value))
    elif kind == STRING:
        content = value.encode() if isinstance(value, str) else value
        out.write(struct.pack(">i", len(content)) + content)
    elif kind == STRUCT:
        for key, field in value.items():
            out.write(struct.pack(">bh", field.kind, key))
            _write(out, *field)
        out.write(b"\0")
    elif kind == MAP:
        keys, values, entries = value
        out.write(struct.pack(">bbi", keys, values, len(entries)))
        for key, entry in entries.items():
            _write(out, keys, key)
            _write(out, values, entry)
    else:
        each, items = value
        out.write(struct.pack(">bi", each, len(items)))
        for item in items:
            _write(out, each, item)


def _value(stream: Any, kind: int) -> Any:
    if kind in _FIXED:
        return _read(stream, _FIXED[kind])[0]
    if kind == STRING:
        return _take(stream, _read(stream, ">i")[0]).decode(errors="surrogateescape")
    if kind == STRUCT:
        return _struct(stream)
    if kind == MAP:
        keys, values, count = _read(stream, ">bbi")
        return keys, values, {_value(stream, keys): _value(stream, values) for _ in range(count)}
    if kind in (LIST, SET):
        each, count = _read(stream, ">bi")
        return each, [_value(stream, each) for _ in range(count)]
    raise ValueError(f"type {kind}")


def _struct(stream: Any) -> Struct:
    found: Struct = {}
    while (kind := _take(stream, 1)[0]) != _STOP:
        (key,) = _read(stream, ">h")
        found[key] = Field(kind, _value(stream, kind))
    return found


def _read(stream: Any, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, _take(stream, struct.calcsize(form)))


def _take(stream: Any, count: int) -> bytes:
    if not 0 <= count <= LARGEST:
        raise ValueError(f"{count} bytes")
    content: bytes = stream.read(count)
    if len(content) < count:
        raise ConnectionError("the connection ended")
    return content
