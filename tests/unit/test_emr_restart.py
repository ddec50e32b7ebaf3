"""The engine dies at any point, and the next one on the same state goes on: no step is lost, none runs twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from emr_lab import MINIMAL, NODES, Emr, Gate, shell
from polling import poll_until

from lakelab.errors import LabError
from lakelab.settings import REPOSITORY
from services.aws.emr import model
from services.aws.emr.executor import Phase, Task
from services.aws.emr.store import SqliteStore

HOST = """
import json, sys
from pathlib import Path
from lakelab.storage import FolderStorage
from services.aws.emr.engine import EmrEngine
from services.aws.emr.executor import LocalExecutor
from services.aws.emr.store import SqliteStore
root = Path(sys.argv[1])
engine = EmrEngine(SqliteStore(root / "emr" / "state.db"), LocalExecutor(root / "emr" / "steps"), FolderStorage(root))
cluster = engine.run_job_flow(json.loads(sys.argv[2]))["JobFlowId"]
engine.wait_for_cluster(cluster)
ids = engine.add_job_flow_steps({"JobFlowId": cluster, "Steps": json.loads(sys.argv[3])})["StepIds"]
print(json.dumps([cluster, ids]), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lost(tmp_path: Path, emr: Emr) -> Callable[..., tuple[str, list[str]]]:
    """Run steps in an engine of another process, and kill that process in the middle of the first one."""
    emr.stop()

    def die(gate: Gate, *scripts: str) -> tuple[str, list[str]]:
        asked = {**MINIMAL, "LogUri": "s3://logs", "Instances": {**NODES, "KeepJobFlowAliveWhenNoSteps": True}}
        steps = [shell(script) for script in scripts]
        host = subprocess.Popen(
            [sys.executable, "-c", HOST, str(tmp_path), json.dumps(asked), json.dumps(steps)],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        with host:
            cluster, ids = json.loads(host.stdout.readline())
            gate.reached()
            host.kill()
        return cluster, ids

    return die


def runner_of(emr: Emr, cluster: str, step_id: str) -> int:
    folder = emr.root / "emr" / "steps" / cluster / step_id
    return json.loads((folder / "claim.json").read_text())["pid"]


def script(emr: Emr, gate: Gate) -> str:
    return f"echo begun >> {emr.root}/ran; {gate.wait}; echo done >> {emr.root}/ran"


def test_a_running_step_is_found_again_and_runs_once(emr: Emr, lost) -> None:
    gate = emr.gate()
    cluster, ids = lost(gate, script(emr, gate), f"echo next >> {emr.root}/ran")

    emr.start()
    assert emr.states(cluster) == ["RUNNING", "PENDING"]
    gate.open()

    assert [status["State"] for status in emr.ended(cluster, ids)] == ["COMPLETED", "COMPLETED"]
    assert (emr.root / "ran").read_text() == "begun\ndone\nnext\n"
    with emr.storage.open(f"s3://logs/{cluster}/steps/{ids[0]}/controller.gz") as stream:
        assert stream.read(2) == b"\x1f\x8b"


def test_the_exit_of_a_step_that_ended_meanwhile_is_seen(emr: Emr, lost) -> None:
    gate = emr.gate()
    cluster, ids = lost(gate, script(emr, gate) + "; echo why >&2; exit 5", "true")
    gate.open()
    folder = emr.root / "emr" / "steps" / cluster / ids[0]
    poll_until((folder / "exit.json").exists, "the end of the step")

    emr.start()

    first, second = emr.ended(cluster, ids)
    assert first["FailureDetails"]["Reason"] == "Exited with code 5"
    assert first["FailureDetails"]["Message"] == "why"
    assert second["State"] == "COMPLETED"
    assert (emr.root / "ran").read_text() == "begun\ndone\n"


def test_a_step_whose_runner_died_too_fails_and_says_why(emr: Emr, lost) -> None:
    gate = emr.gate()
    cluster, ids = lost(gate, script(emr, gate), "true")
    os.kill(runner_of(emr, cluster, ids[0]), signal.SIGKILL)

    emr.start()
    first, second = emr.ended(cluster, ids)

    assert first["State"] == "FAILED"
    assert first["FailureDetails"]["Reason"] == "The step was lost"
    assert "the machine was restarted" in first["FailureDetails"]["Message"]
    assert first["FailureDetails"]["LogFile"].endswith("/controller.gz")
    assert second["State"] == "COMPLETED"
    child_is_gone(gate)
    assert (emr.root / "ran").read_text() == "begun\n"


def child_is_gone(gate: Gate) -> None:
    """Nobody reads the gate any more: writing to it breaks."""
    gate.reached()

    def broken() -> bool:
        try:
            os.write(gate._held, b"\n")
        except BrokenPipeError:
            return True
        return False

    poll_until(broken, "the end of the lost step")


def test_a_lost_step_of_a_terminated_cluster_was_interrupted(emr: Emr, lost) -> None:
    gate = emr.gate()
    cluster, ids = lost(gate, script(emr, gate))
    os.kill(runner_of(emr, cluster, ids[0]), signal.SIGKILL)
    store = SqliteStore(emr.root / "emr" / "state.db")
    now = datetime.now(UTC)
    record = store.cluster(cluster)
    store.save(record.to(model.ClusterState.TERMINATING, model.Reason("USER_REQUEST", "gone"), now))
    store.close()

    emr.start()

    assert emr.over(cluster)["State"] == "TERMINATED"
    assert emr.states(cluster) == ["INTERRUPTED"]


def test_a_runner_that_is_killed_alone_ends_its_step(emr: Emr) -> None:
    cluster, gate = emr.cluster(), emr.gate()
    (step_id,) = emr.add(cluster, shell(script(emr, gate)))
    gate.reached()

    os.kill(runner_of(emr, cluster, step_id), signal.SIGKILL)

    assert emr.ended(cluster)[0]["FailureDetails"]["Reason"] == "The step was lost"
    child_is_gone(gate)


def test_a_step_that_was_chosen_but_not_started_is_started_once(emr: Emr) -> None:
    cluster = emr.cluster()
    emr.stop()
    now = datetime.now(UTC)
    pending = model.Step(
        "s-CHOSEN", cluster, "chosen", model.Action.CONTINUE, "command-runner.jar", now,
        args=("bash", "-c", f"echo ran >> {emr.root}/ran"),
    )  # fmt: skip
    store = SqliteStore(emr.root / "emr" / "state.db")
    store.save(pending)
    store.save(pending.to(model.StepState.RUNNING, now))
    store.close()

    emr.start()

    assert emr.ended(cluster, ["s-CHOSEN"])[0]["State"] == "COMPLETED"
    assert (emr.root / "ran").read_text() == "ran\n"


def test_a_step_that_was_cancelled_before_it_started_never_runs(emr: Emr) -> None:
    cluster = emr.cluster()
    folder = emr.executor.folder(cluster, "s-EARLY")
    emr.executor.prepare(folder)
    emr.executor.kill(folder, force=False)

    emr.executor.launch(folder, Task(("touch", f"{emr.root}/ran"), {"PATH": os.environ["PATH"]}))
    seen = poll_until(lambda: (s := emr.executor.poll(folder)).phase is Phase.EXITED and s, "the runner's end")

    assert seen.cancelled
    assert not (emr.root / "ran").exists()


def test_a_folder_runs_once_however_often_it_is_launched(emr: Emr) -> None:
    folder = emr.executor.folder("j-X", "s-X")
    emr.executor.prepare(folder)
    task = Task(("bash", "-c", f"echo ran >> {emr.root}/ran"), {"PATH": os.environ["PATH"]})

    for _ in range(3):
        emr.executor.launch(folder, task)
    poll_until(lambda: emr.executor.poll(folder).phase is Phase.EXITED, "the step's end")

    assert (emr.root / "ran").read_text() == "ran\n"


def test_closing_leaves_steps_running_and_terminating_ends_them(emr: Emr) -> None:
    cluster, gate = emr.cluster(), emr.gate()
    (step_id,) = emr.add(cluster, shell(script(emr, gate)))
    gate.reached()
    emr.stop()
    assert Path(f"/proc/{runner_of(emr, cluster, step_id)}").exists()

    emr.start()
    emr.engine.close(terminate=True)

    assert emr.status(cluster)["State"] == "TERMINATED"
    assert emr.states(cluster) == ["INTERRUPTED"]
    child_is_gone(gate)


def test_only_one_engine_may_own_a_state(emr: Emr) -> None:
    second = Emr(emr.root)

    with pytest.raises(LabError, match="another EMR engine already runs"):
        second.start()

    second.store.close()
    emr.stop()
    second.start()
    second.stop()


def test_logs_that_could_not_be_published_are_published_by_the_next_engine(emr: Emr) -> None:
    cluster = emr.cluster()
    bucket = emr.root / "s3" / "logs"
    gate = emr.gate()
    (step_id,) = emr.add(cluster, shell(f"echo hello; {gate.wait}"))
    gate.reached()
    bucket.rename(emr.root / "s3" / "away")
    gate.open()

    status = emr.ended(cluster)[0]
    assert status["State"] == "COMPLETED"
    assert "bucket logs does not exist" in status["StateChangeReason"]["Message"]
    assert emr.engine.step_log(cluster, step_id, "stdout") == b"hello\n"
    emr.stop()
    (emr.root / "s3" / "away").rename(bucket)
    emr.start()

    poll_until(lambda: not emr.executor.folder(cluster, step_id).exists(), "the local logs to go")
    assert emr.engine.step_log(cluster, step_id, "stdout") == b"hello\n"
