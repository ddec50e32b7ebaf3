"""kill -9 in every state, and what hangs, goes away or will not end: no step is lost, none runs twice, none is left."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from cluster_lab import ClusterEmr
from emr_lab import MINIMAL, NODES, Emr, Gate, shell, step
from polling import poll_until

from lakelab.settings import REPOSITORY
from lakelab.storage import FolderStorage
from services.aws.emr.engine import Patience

# An engine in a process of its own that kills itself: before or after the change of a record to a state is on disk,
# or as it begins to publish the n-th log.
HOST = """
import json, os, signal, sys
from pathlib import Path
from lakelab.storage import FolderStorage
from services.aws.emr.engine import EmrEngine
from services.aws.emr.executor import LocalExecutor
from services.aws.emr.model import Cluster
from services.aws.emr.store import SqliteStore

root, request, ask, (when, what, state) = Path(sys.argv[1]), *map(json.loads, sys.argv[2:])

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Store(SqliteStore):
    def save(self, *changed):
        hit = any(kind(record) == what and record.state == state for record in changed)
        if hit and when == "before":
            die()
        super().save(*changed)
        if hit:
            die()

def kind(record):
    return "cluster" if isinstance(record, Cluster) else "bootstrap" if record.bootstrap else "step"

class Storage(FolderStorage):
    logs = 0

    def put(self, source, uri):
        self.logs += 1
        if what == "log" and self.logs == state:
            die()
        super().put(source, uri)

engine = EmrEngine(Store(root / "emr" / "state.db"), LocalExecutor(root / "emr" / "steps"), Storage(root))
cluster = engine.run_job_flow(request)["JobFlowId"]
print(cluster, flush=True)
sys.stdin.readline()
if ask == "cancel":
    steps = engine.list_steps({"ClusterId": cluster})["Steps"]
    engine.cancel_steps({"ClusterId": cluster, "StepIds": [steps[-1]["Id"]]})
elif ask == "terminate":
    engine.terminate_job_flows({"JobFlowIds": [cluster]})
sys.stdin.readline()
"""


def killed(emr: Emr, where: tuple[str, str, object], *scripts: str, ask: str = "", gate: Gate | None = None) -> str:
    """A cluster with a bootstrap action and steps, whose engine was killed there; returns its id.

    With a gate, the engine is asked to cancel or terminate once a step has come to it.
    """
    emr.stop()
    emr.storage.write("s3://logs/boot.sh", f"echo boot >> {emr.root}/ran\n".encode())
    request = {
        **MINIMAL, "LogUri": "s3://logs", "Instances": {**NODES, "KeepJobFlowAliveWhenNoSteps": True},
        "BootstrapActions": [{"Name": "boot", "ScriptBootstrapAction": {"Path": "s3://logs/boot.sh"}}],
        "Steps": [shell(script) for script in scripts],
    }  # fmt: skip
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, str(emr.root), *map(json.dumps, (request, ask, where))],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with host:
        if gate:
            gate.reached()
            host.stdin.write(b"\n")
            host.stdin.flush()
        assert host.wait(60) == -signal.SIGKILL
    emr.start()
    (cluster,) = emr.engine.list_clusters({})["Clusters"]
    return cluster["Id"]


def group_of(emr: Emr, cluster: str, step_id: str) -> int:
    """The process group of a step that runs."""
    child = emr.root / "emr" / "steps" / cluster / step_id / "child.json"
    poll_until(child.exists, "the step's process")
    return json.loads(child.read_text())["pid"]


def over(group: int) -> bool:
    """Whether nobody is left in a process group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


DEATHS = [
    ("after", "cluster", "STARTING"),
    *[(when, "cluster", state) for state in ("BOOTSTRAPPING", "RUNNING") for when in ("before", "after")],
    *[(when, what, state) for what in ("bootstrap", "step") for state in ("RUNNING", "COMPLETED")
      for when in ("before", "after")],
    *[("before", "log", number) for number in (1, 4, 5, 7)],
    *[(when, "cluster", "WAITING") for when in ("before", "after")],
]  # fmt: skip


@pytest.mark.parametrize("where", DEATHS, ids=lambda where: "-".join(map(str, where)))
def test_an_engine_killed_in_any_state_loses_and_repeats_nothing(emr: Emr, where: tuple[str, str, object]) -> None:
    cluster = killed(emr, where, *(f"echo {name} >> {emr.root}/ran" for name in ("one", "two")))

    assert [status["State"] for status in emr.ended(cluster)] == ["COMPLETED", "COMPLETED"]
    assert (emr.root / "ran").read_text() == "boot\none\ntwo\n"
    emr.engine.wait_for_cluster(cluster, ["WAITING"], 20)
    for summary in emr.engine.list_steps({"ClusterId": cluster})["Steps"]:
        with emr.storage.open(f"s3://logs/{cluster}/steps/{summary['Id']}/controller.gz") as stream:
            lines = gzip.decompress(stream.read()).decode().splitlines()
        assert sum("Process ended" in line for line in lines) == 1
        assert lines[-1].endswith("Step succeeded")
    poll_until(lambda: not list((emr.root / "emr" / "steps").iterdir()), "the local logs to go")


@pytest.mark.parametrize("where", [("after", "step", "CANCEL_PENDING"), ("before", "step", "CANCELLED")])
def test_an_engine_killed_while_it_cancels_a_step_ends_it_after_all(emr: Emr, where: tuple[str, str, str]) -> None:
    gate = emr.gate()
    cluster = killed(emr, where, f"echo one >> {emr.root}/ran; {gate.wait}", "true", ask="cancel", gate=gate)

    assert [status["State"] for status in emr.ended(cluster)] == ["CANCELLED", "COMPLETED"]
    assert (emr.root / "ran").read_text() == "boot\none\n"
    poll_until(lambda: not read(gate), "the end of the step's processes")


def read(gate: Gate) -> bool:
    """Whether somebody still waits at the gate."""
    gate.reached()
    try:
        os.write(gate._held, b"\n")
    except BrokenPipeError:
        return False
    return True


@pytest.mark.parametrize(
    "where",
    [("after", "cluster", "TERMINATING"), ("before", "step", "INTERRUPTED"), ("before", "cluster", "TERMINATED")],
)
def test_an_engine_killed_while_it_ends_a_cluster_ends_it_after_all(emr: Emr, where: tuple[str, str, str]) -> None:
    gate = emr.gate()
    cluster = killed(emr, where, f"echo one >> {emr.root}/ran; {gate.wait}", "true", ask="terminate", gate=gate)

    assert emr.over(cluster)["StateChangeReason"]["Code"] == "USER_REQUEST"
    assert emr.states(cluster) == ["INTERRUPTED", "CANCELLED"]
    assert (emr.root / "ran").read_text() == "boot\none\n"
    poll_until(lambda: not read(gate), "the end of the step's processes")


def test_a_runner_killed_under_a_bootstrap_action_ends_the_cluster(emr: Emr) -> None:
    gate = emr.gate()
    emr.storage.write("s3://logs/boot.sh", f"{gate.wait}\n".encode())
    action = {"Name": "boot", "ScriptBootstrapAction": {"Path": "s3://logs/boot.sh"}}
    cluster = emr.cluster(shell("true"), BootstrapActions=[action])
    gate.reached()

    kill_runner(emr, cluster, "bootstrap-1")

    assert emr.over(cluster)["StateChangeReason"] == {
        "Code": "BOOTSTRAP_FAILURE", "Message": "On the master instance, bootstrap action 1 could not be run",
    }  # fmt: skip
    assert emr.states(cluster) == ["CANCELLED"]


def test_a_runner_killed_under_a_cancelled_step_leaves_nothing(emr: Emr) -> None:
    cluster, gate = emr.cluster(), emr.gate()
    (step_id,) = emr.add(cluster, shell(f"trap '' TERM; {gate.wait}"))
    gate.reached()
    group = group_of(emr, cluster, step_id)
    emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": [step_id]})
    poll_until((emr.executor.folder(cluster, step_id) / "cancel").exists, "the signal")

    kill_runner(emr, cluster, step_id)

    assert emr.ended(cluster)[0]["State"] == "CANCELLED"
    poll_until(lambda: over(group), "the end of the step's processes")


def kill_runner(emr: Emr, cluster: str, step_id: str) -> None:
    os.kill(json.loads((emr.executor.folder(cluster, step_id) / "claim.json").read_text())["pid"], signal.SIGKILL)


# The node, and all that it runs, as when its container is killed.


@pytest.mark.parametrize(
    ("ask", "state", "reason"),
    [
        ("", "FAILED", None),
        ("cancel", "CANCELLED", "Cancelled by user"),
        ("terminate", "INTERRUPTED", "Cluster terminated"),
    ],
)
def test_a_node_killed_with_its_steps_says_what_became_of_them(
    cluster_emr: ClusterEmr, ask: str, state: str, reason: str | None
) -> None:
    cluster, gate, ran = cluster_emr.cluster(), cluster_emr.gate(), cluster_emr.root / "ran"
    first, second = cluster_emr.add(cluster, shell(f"echo one >> {ran}; {gate.wait}"), shell(f"echo two >> {ran}"))
    gate.reached()
    kill_container(cluster_emr, cluster, first)
    if ask == "cancel":
        cluster_emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": [first]})
    elif ask == "terminate":
        cluster_emr.engine.terminate_job_flows({"JobFlowIds": [cluster]})

    cluster_emr.node.start()

    status, after = cluster_emr.ended(cluster, [first, second])
    assert status["State"] == state
    assert status["StateChangeReason"].get("Message") == reason
    if state == "FAILED":
        assert status["FailureDetails"]["Message"].startswith("The machine that ran the step was started anew")
    assert after["State"] == ("CANCELLED" if ask == "terminate" else "COMPLETED")
    assert ran.read_text() == ("one\n" if ask == "terminate" else "one\ntwo\n")


def test_a_node_killed_under_a_bootstrap_action_ends_the_cluster(cluster_emr: ClusterEmr) -> None:
    gate = cluster_emr.gate()
    cluster_emr.storage.write("s3://logs/boot.sh", f"{gate.wait}\n".encode())
    action = {"Name": "boot", "ScriptBootstrapAction": {"Path": "s3://logs/boot.sh"}}
    cluster = cluster_emr.cluster(shell("true"), BootstrapActions=[action])
    gate.reached()
    kill_container(cluster_emr, cluster, "bootstrap-1")

    cluster_emr.node.start()

    assert cluster_emr.over(cluster)["StateChangeReason"]["Code"] == "BOOTSTRAP_FAILURE"
    assert cluster_emr.states(cluster) == ["CANCELLED"]


def kill_container(emr: ClusterEmr, cluster: str, step_id: str) -> None:
    emr.node.die()
    folder = emr.executor.folder(cluster, step_id)
    for name in ("claim.json", "child.json"):  # as if both had been started before the container was
        process = json.loads((folder / name).read_text())
        os.kill(process["pid"], signal.SIGKILL)
        (folder / name).write_text(json.dumps({**process, "started": "another-boot/1:1"}))


# S3 that is away, or does not answer


class SlowStorage(FolderStorage):
    """Holds what concerns an address with `held` in it, until it is let go."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.held, self.let_go, self.met = "", threading.Event(), threading.Event()

    def put(self, source: Path, uri: str) -> None:
        self._hold(uri)
        super().put(source, uri)

    def open(self, uri: str) -> BinaryIO:
        self._hold(uri)
        return super().open(uri)

    def _hold(self, uri: str) -> None:
        if self.held and self.held in uri:
            self.met.set()
            assert self.let_go.wait(60)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Emr]:
    lab = Emr(tmp_path)
    lab.storage = SlowStorage(tmp_path)
    lab.start()
    yield lab
    lab.storage.let_go.set()
    lab.stop(terminate=True)


def test_a_log_that_is_slow_to_publish_holds_up_nobody_else(slow: Emr) -> None:
    waiting, other = slow.cluster(), slow.cluster()
    slow.storage.held = f"logs/{waiting}"
    (held,) = slow.add(waiting, shell("echo mine"))
    assert slow.storage.met.wait(60)

    assert slow.run(other, shell("true"))[0]["State"] == "COMPLETED"
    assert slow.state(waiting, held) == "RUNNING"  # who sees the end sees the logs
    slow.storage.let_go.set()
    assert slow.ended(waiting)[0]["State"] == "COMPLETED"


def test_a_script_that_is_slow_to_come_holds_up_nobody_else(slow: Emr) -> None:
    slow.storage.write("s3://logs/slow.sh", b"echo it came\n")
    waiting, other = slow.cluster(), slow.cluster()
    slow.storage.held = "slow.sh"
    (held,) = slow.add(waiting, step("s3://logs/slow.sh", jar="script-runner.jar"))
    assert slow.storage.met.wait(60)

    assert slow.run(other, shell("true"))[0]["State"] == "COMPLETED"
    slow.engine.cancel_steps({"ClusterId": waiting, "StepIds": [held]})
    poll_until((slow.executor.folder(waiting, held) / "cancel").exists, "the mark for the step that has not begun")
    slow.storage.let_go.set()
    assert slow.ended(waiting)[0]["State"] == "CANCELLED"
    assert slow.engine.step_log(waiting, held, "stdout") == b""


def test_logs_that_could_not_be_published_come_later_and_the_step_says_so(emr: Emr) -> None:
    emr.stop()
    emr.start(patience=Patience(logs=0.2))
    cluster, gate = emr.cluster(), emr.gate()
    (step_id,) = emr.add(cluster, shell(f"echo hello; {gate.wait}"))
    gate.reached()
    bucket, away = emr.root / "s3" / "logs", emr.root / "s3" / "away"
    bucket.rename(away)
    gate.open()
    status = emr.ended(cluster)[0]
    assert status["State"] == "COMPLETED"
    assert status["StateChangeReason"]["Message"].startswith("Its logs could not be published: bucket logs does not")

    away.rename(bucket)

    def reason() -> str:
        found = emr.engine.describe_step({"ClusterId": cluster, "StepId": step_id})["Step"]["Status"]
        return found["StateChangeReason"]["Message"]

    poll_until(lambda: reason() == "Its logs were published later than its end", "the logs to come")
    with emr.storage.open(f"s3://logs/{cluster}/steps/{step_id}/stdout.gz") as stream:
        assert gzip.decompress(stream.read()) == b"hello\n"
    poll_until(lambda: not emr.executor.folder(cluster, step_id).exists(), "the local logs to go")


# A step that will not end


def test_a_step_that_ignores_sigterm_is_killed_after_the_grace_time(emr: Emr) -> None:
    emr.stop()
    emr.start(patience=Patience(interrupt=0.6))
    cluster, gate = emr.cluster(), emr.gate()
    running, _ = emr.add(cluster, shell(f"trap '' TERM; {gate.wait}"), shell("true"))
    gate.reached()
    group = group_of(emr, cluster, running)

    emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": [running]})

    assert [status["State"] for status in emr.ended(cluster)] == ["CANCELLED", "COMPLETED"]
    assert over(group)
    assert b"Did not end within 1 s of SIGTERM: killed" in emr.engine.step_log(cluster, running, "controller")


def test_a_step_that_cleans_up_within_the_grace_time_may_do_so(emr: Emr) -> None:
    cluster, gate, cleaning = emr.cluster(), emr.gate(), emr.gate("cleaning")
    (running,) = emr.add(cluster, shell(f"trap '{cleaning.wait}; echo cleaned; exit 0' TERM; {gate.wait}"))
    gate.reached()
    emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": [running]})

    cleaning.reached()
    assert emr.state(cluster, running) == "CANCEL_PENDING"
    cleaning.open()

    assert emr.ended(cluster)[0]["State"] == "CANCELLED"
    assert emr.engine.step_log(cluster, running, "stdout") == b"cleaned\n"
