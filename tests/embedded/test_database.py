"""Talking to a real Postgres."""

from __future__ import annotations

from pathlib import Path

from demo_lab import free_port
from erp_server import Erp

from lab.embedded.place import Place
from lab.embedded.postgres import OWNER, Postgres
from lakelab.database import connected, server_version
from lakelab.settings import load_settings


def test_the_version_is_what_the_server_says_of_itself(erp_server: Erp) -> None:
    with connected(erp_server.unloader) as session:
        assert server_version(session) == erp_server.execute("SHOW server_version")[0][0].split()[0]
    assert session.closed


def test_data_of_a_lab_that_was_deleted_by_hand_is_not_taken_for_the_new_one_s(tmp_path: Path) -> None:
    settings = load_settings({"LAB_HOME": str(tmp_path), "LAB_ERP_PORT": str(free_port())})
    try:
        for _ in range(2):
            server = Postgres(Place(settings))
            with server.running():
                server.connect(OWNER).close()
            for name in ("secrets.env", "postgres.id"):
                (tmp_path / name).unlink()
    finally:
        Postgres(Place(settings)).remove()
