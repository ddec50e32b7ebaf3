"""SQL by HiveServer2, over the Thrift protocol that PyHive speaks."""

from __future__ import annotations

import contextlib
import re
import threading
from types import TracebackType
from typing import Any

from lakelab.catalogue import WAREHOUSE
from lakelab.errors import LabError

_NOISE = re.compile(
    r"^(?:Error while (?:compiling|processing) statement: )?(?:FAILED: )?(?:\w+Exception )?(?:\[Error \d+\]: )?"
)


class HiveServer2:
    """Connections to one server, one for each thread that asks, as a session answers one question at a time.

    more: what else `pyhive.hive.connect` takes, such as auth and password.
    """

    def __init__(
        self, host: str, port: int = 10000, *, user: str = "hadoop", database: str = WAREHOUSE, **more: Any
    ) -> None:
        self._host, self._port, self._user, self._database, self._more = host, port, user, database, more
        self._own = threading.local()
        self._open: list[Any] = []

    def __enter__(self) -> HiveServer2:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def rows(self, sql: str) -> list[Any]:
        """The rows of a query. LabError with Hive's first line when it cannot be run."""
        return self.query(sql)[1]

    def query(self, sql: str) -> tuple[list[str], list[Any]]:
        """Column names and rows of a query; both empty for a statement without a result.

        LabError: HiveServer2 does not answer, there is no warehouse yet, or the query cannot be run.
        """
        from pyhive.exc import Error
        from thrift.Thrift import TException

        cursor = self._connection().cursor()
        try:
            cursor.execute(sql)
            if cursor.description is None:
                return [], []
            return [column[0].rpartition(".")[2] for column in cursor.description], cursor.fetchall()
        except Error as error:
            raise LabError(
                first_line(error), where="SQL", fix="see `show tables` and docs/data-dictionary.md"
            ) from None
        except (TException, OSError) as error:
            self._own = threading.local()
            raise self._silent(error) from None

    def close(self) -> None:
        """Close every connection, those of other threads too."""
        while self._open:
            _close(self._open.pop())
        self._own = threading.local()

    def _connection(self) -> Any:
        if not hasattr(self._own, "connection"):
            self._own.connection = self._connect()
            self._open.append(self._own.connection)
        return self._own.connection

    def _connect(self) -> Any:
        from pyhive import hive
        from pyhive.exc import Error
        from thrift.Thrift import TException

        try:
            return hive.connect(
                self._host, self._port, username=self._user, database=self._database, **self._more
            )  # fmt: skip
        except (TException, OSError) as error:
            raise self._silent(error) from None
        except Error as error:
            raise LabError(first_line(error), where=self._database, fix="run `make up` again") from None

    def _silent(self, error: Exception) -> LabError:
        return LabError("HiveServer2 does not answer", where=f"{self._host}:{self._port}, {error}", fix="run `make up`")


def tells_of_missing(error: LabError) -> bool:
    """Whether Hive says that a table or a database is not there, and not that something is wrong."""
    return any(words in error.what.lower() for words in ("not found", "does not exist"))


def _close(connection: Any) -> None:
    """Close a connection whose server may be gone."""
    from pyhive.exc import Error
    from thrift.Thrift import TException

    with contextlib.suppress(Error, TException, OSError):
        connection.close()


def first_line(error: Exception) -> str:
    """What Hive says, without its class names and traces; with the cause where it only says that there was an error."""
    line = _NOISE.sub("", next((line for line in words(error).splitlines() if line.strip()), "no reason given"))
    cause = _root_cause(_status(error)) if line == "Error running query" else ""
    return f"{line}: {cause}" if cause else line


def words(error: Exception) -> str:
    """All that Hive says, out of PyHive's error, which holds the server's whole answer."""
    return str(getattr(_status(error), "errorMessage", None) or error)


def _status(error: Exception) -> Any:
    """The part of the server's answer that says how it went; None where PyHive itself complains."""
    return getattr(error.args[0], "status", None) if error.args else None


def _root_cause(status: Any) -> str:
    """The innermost exception: Hive sends a trace as lines, where a star begins an exception."""
    lines = getattr(status, "infoMessages", None) or []
    found = [line for line in lines if line.startswith("*")]
    return re.sub(r"(:\d+)+$", "", found[-1].lstrip("*")) if found else ""
