"""One stack for all tests of this folder, and one run of the pipeline on it that most of them look at.

A run takes two minutes: tests that need one share it. The batch half stands alone until the first test that needs the
live half, which takes its share of two cores; of each part, what is broken on purpose comes last.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import psutil
import pytest
from jobs import job
from last_words import last_words
from live import DAG, Live, running_stack
from pages import page
from rehearsal import rehearsed
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from lab.stack.addresses import HALVES

BATCH = (
    "test_browser",
    "test_pipeline",
    "test_transient",
    "test_ads",
    "test_steps",
    "test_rehearsal",
    "test_first_start",
    "test_isolation",
    "test_failures",
    "test_lasting",
)
BOTH = (
    "test_access",
    "test_pages",
    "test_api",
    "test_health",
    "test_cdc",
    "test_lake",
    "test_market",
    "test_bench",
    "test_nifi",
    "test_chaos",
    "test_shares",
)
ORDER = BATCH + BOTH
# A stack takes a minute to start and a run of the pipeline takes minutes; a busy machine takes longer.
TIMEOUT = 1800
TWO_STACKS = 14e9  # bytes of memory for the classroom's stack beside this one, and the tests


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Both at once where there is memory for them: each waits for servers a quarter of its time."""
    return 2 if psutil.virtual_memory().total >= TWO_STACKS else 1


class Sides(LoadScopeScheduling):
    """The tests of this folder are one worker's, all others another one's: those have no use for the stack."""

    def _split_scope(self, nodeid: str) -> str:
        return "stack" if nodeid.startswith("tests/stack/") else "beside it"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Sides:
    return Sides(config, log)


def pytest_itemcollected(item: pytest.Item) -> None:
    if not item.get_closest_marker("timeout"):
        item.add_marker(pytest.mark.timeout(TIMEOUT))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if item.path.parent == Path(__file__).parent]
    here.sort(key=lambda item: ORDER.index(item.path.stem))
    items[:] = [item for item in items if item not in here] + here


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what the services wrote that it concerns."""
    report = yield
    live = getattr(item, "funcargs", {}).get("live")
    if report.failed and call.excinfo and live:
        report.sections.append(("the stack", last_words(live.description, f"{item.name} {call.excinfo.value}")))
    return report


@pytest.fixture(scope="session")
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The stack: the batch half first where tests of it were asked for."""
    first = HALVES[:1] if any(item.path.stem in BATCH for item in request.session.items) else HALVES
    yield from running_stack(tmp_path_factory.mktemp("stack"), first)


@pytest.fixture(scope="module", autouse=True)
def halves(request: pytest.FixtureRequest, live: Live) -> None:
    """Both halves run from the first file on that needs them."""
    if request.path.stem in BOTH:
        live.start(HALVES)


@pytest.fixture(scope="session")
def run_id(live: Live) -> str:
    """A run of `unload_erp` that ended well: the last one, as the browser's, or a new one."""
    last = live.stack.airflow.last_run(DAG)
    if last and live.ended(last["dag_run_id"]) == "success":
        return str(last["dag_run_id"])
    started = live.start_pipeline()
    assert live.ended(started) == "success", live.tasks(started)
    return started


__all__ = ["DAG", "halves", "job", "live", "page", "rehearsed", "run_id"]
