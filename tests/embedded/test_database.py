"""Talking to a real Postgres."""

from __future__ import annotations

from erp_server import Erp

from lakelab.database import connected, server_version


def test_the_version_is_what_the_server_says_of_itself(erp_server: Erp) -> None:
    with connected(erp_server.unloader) as session:
        assert server_version(session) == erp_server.execute("SHOW server_version")[0][0].split()[0]
    assert session.closed
