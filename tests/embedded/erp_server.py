"""Fixtures: a real Postgres with the ERP's roles, and a school of a few rows with awkward values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from demo_lab import free_port

from lab import erp
from lab.embedded.place import Place
from lab.embedded.postgres import OWNER, ROLES, UNLOADER, Postgres
from lakelab import render
from lakelab.catalogue import DATABASE, TABLES
from lakelab.settings import load_settings

SCHOOL = {
    "campuses": "1,Paris,Paris,Île-de-France,2000-09-01,500,2400\n",
    "companies": '1,"Dupont, Durand & Cie",Conseil,Lyon,Auvergne-Rhône-Alpes,12\n',
    "subjects": "5DATA,Data Engineering,MSC2\n4ARCH,AWS Architecture,MSC1\n",
    "students": (
        '1,Zoë,"O""Neil, Jr",zoe@supinfo.com,z@free.fr,Mme,1999-02-28,2020-09-01,,1,MSC2,Lycée A,enrolled,,,,\n'
        '2,"Jean\nLuc",Back\\slash\\n,jl@supinfo.com,,M.,2000-02-29,2019-09-01,2023-06-30,1,MSC2,"A, B",graduated,'
        ",,2023-09-01,1\n"
        '3,"a\r\nb",Łódź 学,c@supinfo.com,c@free.fr,Mme,2001-01-01,2021-09-01,2022-01-31,1,BSC1,IUT,dropped_out,'
        "moved,EPITA,,\n"
    ),
    "professors": "1,Ada,Lovelace,ada@supinfo.com,1,2015-09-01\n",
    "lessons": "1,5DATA,2021-10-04,1,1\n2,4ARCH,2021-10-05,1,1\n",
    "attendances": "1,1,1,t\n2,1,2,f\n3,2,1,t\n",
    "grades": "1,1,5DATA,2022-01-10,62.0\n2,1,4ARCH,2022-01-11,100.0\n3,2,5DATA,2022-01-10,\n",
    "apprenticeships": "1,2,1,2022-09-01,2023-08-31,Développeur\n",
    "events": "1,Portes ouvertes,open day,2020-02-01,1,1250.50\n",
    "audiences": "1,1,Zoë,Neil,z@free.fr,high,\n",
}

# What the stage must hold for the students above, byte for byte.
STUDENTS_IN_STAGE = (
    '1,Zoë,"O""Neil, Jr",zoe@supinfo.com,z@free.fr,Mme,1999-02-28,2020-09-01,,1,MSC2,Lycée A,enrolled,,,,\n'
    '2,Jean\\nLuc,Back\\\\slash\\\\n,jl@supinfo.com,,M.,2000-02-29,2019-09-01,2023-06-30,1,MSC2,"A, B",graduated,'
    ",,2023-09-01,1\n"
    "3,a\\r\\nb,Łódź 学,c@supinfo.com,c@free.fr,Mme,2001-01-01,2021-09-01,2022-01-31,1,BSC1,IUT,dropped_out,"
    "moved,EPITA,,\n"
)


@dataclass(frozen=True)
class Erp:
    """The server, and sessions on it as the two users."""

    server: Postgres

    def owner(self) -> Any:
        return self.server.connect(OWNER)

    def unloader(self, options: str = "") -> Any:
        """options: as libpq takes them, such as `-c datestyle=German`."""
        if not options:
            return self.server.connect(UNLOADER)
        place = self.server.place
        return psycopg2.connect(
            host="127.0.0.1", port=place.settings.erp_port, user=UNLOADER, dbname=DATABASE, options=options,
            password=place.secrets[ROLES[UNLOADER]],
        )  # fmt: skip

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement as the owner and commit; returns its rows."""
        connection = self.owner()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def load(self, folder: Path) -> dict[str, int]:
        return erp.load(self.owner, folder, grants=render.erp_grants(OWNER, UNLOADER))


@pytest.fixture(scope="session")
def erp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erp]:
    """One Postgres for all tests, on a free port; removed at the end."""
    home = tmp_path_factory.mktemp("erp")
    server = Postgres(Place(load_settings({"LAB_HOME": str(home), "LAB_ERP_PORT": str(free_port())})))
    try:
        with server.running():
            yield Erp(server)
    finally:
        server.remove()


@pytest.fixture
def school(tmp_path: Path) -> Path:
    """A folder with the eleven files, as a school would hand them in."""
    folder = tmp_path / "school"
    folder.mkdir()
    for table in TABLES:
        header = ",".join(table.column_names) + "\n"
        (folder / f"{table.name}.csv").write_bytes((header + SCHOOL[table.name]).encode())
    return folder


@pytest.fixture
def loaded(erp_server: Erp, school: Path) -> Erp:
    """The ERP with the small school in it, whatever a test before did."""
    erp_server.load(school)
    return erp_server
