"""Asking the warehouse: the lab's own Spark session, and the answers to the questions."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from lab.embedded.metastore import ensure_metastore
from lab.embedded.place import Place
from lab.embedded.postgres import Postgres
from lab.embedded.spark import Spark
from lab.report.model import Anonymity
from lab.report.questions import Answer, load_questions
from lakelab.catalogue import WAREHOUSE
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

T = TypeVar("T")

QUESTIONS = REPOSITORY / "hive" / "questions"


class Asked(Protocol):
    """A warehouse that answers SQL: the embedded lab's Spark session, or the stack's HiveServer2."""

    def query(self, sql: str) -> tuple[list[str], list[Any]]: ...


@contextlib.contextmanager
def opened(place: Place, name: str, *, warm: bool = False) -> Iterator[Warehouse]:
    """The embedded lab's warehouse for the length of the block, with its Postgres.

    warm: start the session in a thread at once, so that the first question need not wait for it.
    """
    with Postgres(place).running() as postgres:
        ensure_metastore(place, postgres)
        warehouse = Warehouse(Spark(place), name)
        if warm:
            warehouse.later(lambda: warehouse.rows("SHOW TABLES"))
        try:
            yield warehouse
        finally:
            warehouse.close()


class Warehouse:
    """A Spark session on the lab's metastore, started when first asked for."""

    def __init__(self, spark: Spark, name: str = "lab") -> None:
        self._spark, self._name = spark, name
        self._session: Any = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def session(self) -> Any:
        with self._lock:
            if self._closed:
                raise LabError("the warehouse is closed")
            if self._session is None:
                session = self._spark.session(self._name)
                if not session.catalog.databaseExists(WAREHOUSE):
                    raise LabError("there is no warehouse yet", where=WAREHOUSE, fix="run `make demo` first")
                session.catalog.setCurrentDatabase(WAREHOUSE)
                self._session = session
            return self._session

    def later(self, work: Callable[[], T], after: threading.Event | None = None) -> Future[T]:
        """Do some work with the session in a thread, once `after` is set: the start of a JVM then costs no waiting.

        A failure is met again by whoever asks the future for its result.
        """
        future: Future[T] = Future()

        def run() -> None:
            if after is not None:
                after.wait()
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return future

    def rows(self, sql: str) -> list[Any]:
        """The rows of a query. LabError with Spark's first line when it cannot be run."""
        return self.query(sql)[1]

    def query(self, sql: str) -> tuple[list[str], list[Any]]:
        """Column names and rows of a query. LabError with Spark's first line when it cannot be run."""
        session = self.session
        from pyspark.errors import PySparkException  # after the session: two threads may not import it at once

        try:
            frame = session.sql(sql)
            return list(frame.columns), frame.collect()
        except PySparkException as error:
            first = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
            raise LabError(first, where="SQL", fix="see `show tables` and docs/data-dictionary.md") from None

    def close(self) -> None:
        """Stop the session, also one that found no warehouse. One that a thread just starts is waited for: its JVM,
        which has yet to tell us where it listens, would outlive us.
        """
        with self._lock:
            self._closed = True
            import pyspark

            context = pyspark.SparkContext._active_spark_context
            if context is not None:
                gateway = context._gateway
                context.stop()
                if gateway is not None:
                    gateway.shutdown()
            self._session = None


def answers(warehouse: Asked, folder: Path = QUESTIONS) -> list[Answer]:
    """Each question asked of the warehouse, in order. Two at a time: planning one leaves a core idle."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda question: question.answer(*warehouse.query(question.sql)), load_questions(folder)))


def anonymity(warehouse: Asked) -> list[Anonymity]:
    """The smallest group of persons that each mart publishes."""
    from lakelab.anonymity import K
    from lakelab.marts import MARTS

    def counts(mart: Any) -> str:
        groups = [f"min(if({c} > 0, cast({c} AS int), null))" for c in mart.persons]
        smallest = f"least({', '.join(groups)})" if len(groups) > 1 else groups[0]
        hidden = " + ".join(f"sum(if({c} IS NULL, 1, 0))" for c in mart.persons)
        return (
            f"SELECT '{mart.table}' AS mart, count(*) AS found, coalesce({smallest}, 0) AS smallest,"
            f" coalesce({hidden}, 0) AS hidden FROM {WAREHOUSE}.{mart.table} WHERE {mart.where}"
        )

    rows: Sequence[Any] = warehouse.query(" UNION ALL ".join(counts(mart) for mart in MARTS))[1]
    return [Anonymity(mart, K, found, smallest, hidden) for mart, found, smallest, hidden in rows]
