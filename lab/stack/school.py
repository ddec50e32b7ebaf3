"""Role `school`: fills the ERP when it is empty. `python -m lab.stack.school`.

Everything is one transaction: killed at any moment it leaves an empty ERP, and the next start fills it.
"""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2

from lab import erp
from lab.embedded.postgres import OWNER, UNLOADER
from lab.stack import role
from lakelab import render
from lakelab.catalogue import DATABASE
from lakelab.database import Connect, connected
from lakelab.settings import load_settings
from seed.generator import generate


def fill() -> str:
    """Generate a school and load it, unless there is one. Returns a line that tells what the ERP holds."""
    settings = load_settings()
    connect: Connect = partial(
        psycopg2.connect, host=role.need("ERP_HOST"), port=int(os.environ.get("ERP_PORT", "5432")),
        user=OWNER, password=role.need("ERP_OWNER_PASSWORD"), dbname=DATABASE,
        application_name="lakelab school", connect_timeout=10,
    )  # fmt: skip
    students = count_students(connect)
    if students is not None:
        return f"the ERP holds {students:,} students: nothing to do"
    with tempfile.TemporaryDirectory(prefix="school-") as folder:
        generate(Path(folder), students=settings.students, seed=settings.seed, workers=os.cpu_count() or 1)
        rows = erp.load(connect, Path(folder), grants=render.erp_grants(OWNER, UNLOADER))
    return f"filled the ERP: {sum(rows.values()):,} rows of a school of {rows['students']:,} students"


def count_students(connect: Connect) -> int | None:
    """Students in the ERP; None where there is no such table yet. A school with none is kept: somebody emptied it."""
    with connected(connect) as session, session.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.students') IS NOT NULL")
        if not _one(cursor):
            return None
        cursor.execute("SELECT count(*) FROM public.students")
        return int(_one(cursor))


def _one(cursor: Any) -> Any:
    return cursor.fetchone()[0]


if __name__ == "__main__":
    role.run(fill)
