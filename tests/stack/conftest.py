"""One stack for the tests of the batch half, one for those of both halves: two at a time where there is memory for
them, else one for all. A run of the pipeline takes two minutes: on each stack the tests that need one share it.

What needs the batch half alone comes before the live half is started, which takes its share of two cores; of each part,
what is broken on purpose comes last.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import psutil
import pytest
from jobs import job
from last_words import last_words
from live import DAG, Live, usable_stack
from pages import page
from rehearsal import rehearsed
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

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
TWO_STACKS = 16e9  # bytes of memory for the whole stack, another one's batch half, and the tests
# What has a stack of its own, in the order of its start. The classroom's goes with its file, so there are never three:
# the others stay up until their worker ends.
CLASSROOM, BATCH_STACK, WHOLE_STACK = STACKS = ("the classroom", "the batch half", "both halves")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two at once where there is memory for them: each waits for servers half of its time."""
    return 2 if psutil.virtual_memory().total >= TWO_STACKS else 1


class Stacks(LoadScopeScheduling):
    """The tests of a stack are one worker's. All others follow, file by file, on whichever has nothing to do."""

    def _split_scope(self, nodeid: str) -> str:
        path = Path(nodeid.partition("::")[0])
        if path.parent.name == "offline":
            return CLASSROOM
        if path.parent.name != "stack":
            return str(path)
        # One that runs already is all of theirs.
        alone = path.stem in BATCH and os.environ.get("LAB_TEST_STACK") != "running"
        return BATCH_STACK if alone else WHOLE_STACK

    def _assign_work_unit(self, node: WorkerController) -> None:
        """Give a worker what is next: a stack's tests are the longest."""
        first = next((scope for scope in STACKS if scope in self.workqueue), None)
        if first:
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Stacks:
    return Stacks(config, log)


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
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The stack. `halves` starts it."""
    yield from usable_stack(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="session")
def batch_half(live: Live) -> None:
    live.start(HALVES[:1])


@pytest.fixture(scope="session")
def both_halves(live: Live) -> None:
    live.start(HALVES)


@pytest.fixture(scope="module", autouse=True)
def halves(request: pytest.FixtureRequest) -> None:
    """What a file needs runs. What could not be started is not tried again for each."""
    request.getfixturevalue("both_halves" if request.path.stem in BOTH else "batch_half")


@pytest.fixture(scope="session")
def run_id(live: Live) -> str:
    """A run of `unload_erp` that ended well: the last one, as the browser's, or a new one."""
    last = live.stack.airflow.last_run(DAG)
    if last and live.ended(last["dag_run_id"]) == "success":
        return str(last["dag_run_id"])
    started = live.start_pipeline()
    assert live.ended(started) == "success", live.tasks(started)
    return started


__all__ = ["DAG", "batch_half", "both_halves", "halves", "job", "live", "page", "rehearsed", "run_id"]
