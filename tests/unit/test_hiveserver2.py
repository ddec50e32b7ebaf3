"""HiveServer2's errors, told in one line."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest
from pyhive import hive
from pyhive.exc import OperationalError

from lakelab.errors import LabError
from lakelab.hiveserver2 import HiveServer2


class Connection:
    """A connection whose every statement fails as HiveServer2 says it."""

    def __init__(self, message: str, trace: list[str]) -> None:
        status = SimpleNamespace(errorMessage=message, infoMessages=trace)
        self.error = OperationalError(SimpleNamespace(status=status))

    def cursor(self) -> Connection:
        return self

    def execute(self, sql: str) -> None:
        raise self.error

    def close(self) -> None:
        pass


def told(monkeypatch: pytest.MonkeyPatch, message: str, trace: list[str]) -> str:
    monkeypatch.setattr(hive, "connect", lambda *_, **__: Connection(message, trace))
    with HiveServer2("somewhere") as server, pytest.raises(LabError) as caught:
        server.rows("SELECT 1")
    return caught.value.what


def test_a_wrong_statement_is_told_without_class_names(monkeypatch):
    message = (
        "Error while compiling statement: FAILED: SemanticException [Error 10001]: Line 1:14 Table not found 'nothing'"
    )
    assert told(monkeypatch, message, []) == "Line 1:14 Table not found 'nothing'"


def test_an_error_without_a_reason_is_told_with_its_innermost_cause(monkeypatch):
    trace = [
        "*org.apache.hive.service.cli.HiveSQLException:Error running query:14:13",
        "org.apache.hive.service.cli.operation.SQLOperation:prepare:SQLOperation.java:213",
        "*java.lang.NoSuchMethodError:'void CommonTree.insertChild(int)':27:12",
        "org.apache.hadoop.hive.ql.parse.ParseDriver:parse:ParseDriver.java:1",
    ]
    cause = "java.lang.NoSuchMethodError:'void CommonTree.insertChild(int)'"
    assert told(monkeypatch, "Error running query", trace) == f"Error running query: {cause}"


def test_a_server_that_is_not_there_is_named_with_its_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        HiveServer2("127.0.0.1", port) as server,
        pytest.raises(LabError, match=rf"HiveServer2 does not answer \(127\.0\.0\.1:{port}"),
    ):
        server.rows("SELECT 1")
