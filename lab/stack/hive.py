"""The stack's warehouse: SQL by HiveServer2, with the methods of the embedded lab's own (`lab.warehouse`)."""

from __future__ import annotations

import re
import threading
from types import TracebackType
from typing import Any

from lakelab.catalogue import WAREHOUSE
from lakelab.errors import LabError

USER = "hadoop"
_NOISE = re.compile(r"^(?:Error while compiling statement: )?(?:FAILED: )?(?:\w+Exception )?(?:\[Error \d+\]: )?")


class HiveWarehouse:
    """Connections to HiveServer2, one for each thread that asks, as a session answers one question at a time."""

    def __init__(self, host: str, port: int, database: str = WAREHOUSE) -> None:
        self._host, self._port, self._database = host, port, database
        self._own = threading.local()
        self._open: list[Any] = []

    def __enter__(self) -> HiveWarehouse:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def warm(self) -> None:
        """Nothing to do: HiveServer2 runs already."""

    def rows(self, sql: str) -> list[Any]:
        """The rows of a query. LabError with Hive's first line when it cannot be run."""
        return self.query(sql)[1]

    def query(self, sql: str) -> tuple[list[str], list[Any]]:
        """Column names and rows of a query; both empty for a statement without a result.

        LabError: HiveServer2 does not answer, there is no warehouse yet, or the query cannot be run.
        """
        from pyhive.exc import Error

        cursor = self._connection().cursor()
        try:
            cursor.execute(sql)
            if cursor.description is None:
                return [], []
            return [column[0].rpartition(".")[2] for column in cursor.description], cursor.fetchall()
        except Error as error:
            raise LabError(
                _first_line(error), where="SQL", fix="see `show tables` and docs/data-dictionary.md"
            ) from None
        finally:
            cursor.close()

    def close(self) -> None:
        """Close every connection, those of other threads too."""
        while self._open:
            self._open.pop().close()
        self._own = threading.local()

    def _connection(self) -> Any:
        if not hasattr(self._own, "connection"):
            self._own.connection = self._connect()
            self._open.append(self._own.connection)
        return self._own.connection

    def _connect(self) -> Any:
        from pyhive import hive
        from pyhive.exc import Error
        from thrift.transport.TTransport import TTransportException

        try:
            return hive.connect(self._host, self._port, username=USER, database=self._database)
        except (TTransportException, OSError) as error:
            raise LabError(
                "HiveServer2 does not answer", where=f"{self._host}:{self._port}, {error}", fix="run `make up`"
            ) from None
        except Error as error:
            raise LabError(_first_line(error), where=self._database, fix="run `make up` again") from None


def _first_line(error: Exception) -> str:
    """What Hive says, without its class names and traces."""
    status = getattr(error.args[0], "status", None) if error.args else None
    text = getattr(status, "errorMessage", None) or str(error)
    return _NOISE.sub("", next((line for line in text.splitlines() if line.strip()), "no reason given"))
