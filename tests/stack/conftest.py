"""One stack for all tests of this folder, and one run of the pipeline on it that most of them look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live import DAG, Live, running_stack

# A stack takes a minute to start and a run of the pipeline takes minutes; a busy machine takes longer.
TIMEOUT = 1800


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    yield from running_stack(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="session")
def run_id(live: Live) -> str:
    """A run of `unload_erp` that ended well."""
    started = live.start_pipeline()
    assert live.ended(started) == "success", live.tasks(started)
    return started


__all__ = ["DAG", "live", "run_id"]
