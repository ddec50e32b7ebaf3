"""Fixtures of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from endpoint import Endpoint, opened


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with opened(tmp_path_factory.mktemp("contract")) as endpoint:
        yield endpoint
        endpoint.end_all()


@pytest.fixture(scope="session")
def standing(aws: Endpoint) -> str:
    """A cluster that takes steps, for tests that leave it so."""
    return aws.waiting(Name="standing", Tags=[{"Key": "for", "Value": "contract"}])


@pytest.fixture(scope="session")
def ended(aws: Endpoint) -> str:
    """A cluster that is over."""
    cluster = aws.run(keep=False)
    aws.reach(cluster, "TERMINATED")
    return cluster
