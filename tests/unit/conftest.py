"""Fixtures of the fast tests. Each part keeps its own in a module beside this file."""

import pytest
from aws_endpoint import aws, served
from cluster_lab import cluster_emr, yarn
from command_lab import storage
from emr_lab import emr
from fake_webhdfs import hdfs

from lab import ports

__all__ = ["aws", "cluster_emr", "emr", "hdfs", "served", "storage", "yarn"]


@pytest.fixture(autouse=True, scope="session")
def own_register_of_ports(tmp_path_factory: pytest.TempPathFactory):
    """What the tests choose is not kept from this machine's own labs."""
    path = tmp_path_factory.mktemp("ports") / "register"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ports, "register_path", lambda: path)
        yield
