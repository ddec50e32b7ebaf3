"""A database of its own for the EMR engine's state, on the tests' Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from erp_server import Erp


@pytest.fixture
def database(erp_server: Erp) -> Iterator[str]:
    """A database of its own, as libpq names it."""
    name = f"emr_{uuid4().hex[:8]}"
    as_superuser(erp_server, f'CREATE DATABASE "{name}"')
    password = erp_server.server.place.secrets["POSTGRES_PASSWORD"]
    yield f"host=127.0.0.1 port={erp_server.server.port} dbname={name} user=postgres password={password}"
    as_superuser(erp_server, f'DROP DATABASE "{name}" WITH (FORCE)')


def as_superuser(erp_server: Erp, sql: str) -> None:
    connection = erp_server.server.connect("postgres", "postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql)
    connection.close()
