"""Steps on the primary node: it dies, it hangs, it comes back; the engine dies; steps are cancelled meanwhile."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cluster_lab import ClusterEmr, Yarn
from emr_lab import shell, step
from polling import poll_until

from lakelab.settings import REPOSITORY
from services.aws.emr.cluster import ClusterExecutor, exchange
from services.aws.emr.executor import Away, Phase, Sighting
from services.aws.emr.watcher import Watcher
from services.aws.emr.yarn import Yarn as YarnClient


def test_a_step_runs_on_the_node_with_its_environment_and_tags(cluster_emr: ClusterEmr) -> None:
    cluster = cluster_emr.cluster()
    (step_id,) = cluster_emr.add(
        cluster, shell('echo "$EMR_STEP_ID|$EMR_STEP_TAG|$SPARK_SUBMIT_OPTS|$(ps -o ppid= $PPID)"')
    )

    assert cluster_emr.ended(cluster)[0]["State"] == "COMPLETED"

    own, tag, options, _ = cluster_emr.engine.step_log(cluster, step_id, "stdout").decode().split("|")
    assert own == step_id
    assert tag == f"{cluster}.{step_id},{cluster},userid={cluster}".lower()
    assert options == f"-Dspark.yarn.tags={tag}"


def test_the_end_of_a_step_is_seen_at_once_without_polling(cluster_emr: ClusterEmr) -> None:
    cluster = cluster_emr.cluster()
    (step_id,) = cluster_emr.add(cluster, shell("true"))
    cluster_emr.ended(cluster)
    gate = cluster_emr.gate()
    (step_id,) = cluster_emr.add(cluster, shell(gate.wait))
    gate.reached()
    folder = cluster_emr.executor.folder(cluster, step_id)

    watching = cluster_emr.executor.watch(folder)
    gate.open()

    readable, _, _ = select.select([watching], [], [], 20)
    os.close(watching)
    assert readable


def test_a_program_that_cannot_be_found_and_a_failing_one_say_so(cluster_emr: ClusterEmr) -> None:
    cluster = cluster_emr.cluster()
    missing, failing = cluster_emr.run(cluster, step("spark-sumbit"), shell("echo why >&2; exit 5"))
    assert missing["FailureDetails"]["Message"] == 'Cannot run program "spark-sumbit": No such file or directory'
    assert failing["FailureDetails"]["Reason"] == "Exited with code 5"


def test_scripts_of_the_node_itself_are_run_there(cluster_emr: ClusterEmr) -> None:
    script = cluster_emr.root / "own script.py"
    script.write_text(f"#!{sys.executable}\nimport sys; print(sys.argv[1:])\n")
    cluster = cluster_emr.cluster()
    (step_id,) = cluster_emr.add(cluster, step(str(script), "a b", "c", jar="script-runner.jar"))

    assert cluster_emr.ended(cluster)[0]["State"] == "COMPLETED"
    assert cluster_emr.engine.step_log(cluster, step_id, "stdout") == b"['a b', 'c']\n"


def test_a_jar_of_ones_own_is_run_by_hadoop(tmp_path: Path, cluster_emr: ClusterEmr) -> None:
    cluster_emr.storage.write("s3://logs/my.jar", b"PK")
    own = {"Name": "own", "ActionOnFailure": "CONTINUE", "HadoopJarStep": {
        "Jar": "s3://logs/my.jar", "MainClass": "org.Main", "Args": ["in"],
        "Properties": [{"Key": "mapreduce.job.maps", "Value": "2"}]}}  # fmt: skip
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "hadoop").write_text('#!/bin/sh\necho "$1 ${2##*/} $3 $4 $5"\n')
    (bin_folder / "hadoop").chmod(0o755)
    cluster_emr.node.die()
    cluster_emr.node.variables["PATH"] = f"{bin_folder}:{os.environ['PATH']}"
    cluster_emr.node.start()
    cluster = cluster_emr.cluster()

    (step_id,) = cluster_emr.add(cluster, own)

    assert cluster_emr.ended(cluster)[0]["State"] == "COMPLETED"
    assert cluster_emr.engine.step_log(cluster, step_id, "stdout") == b"jar my.jar org.Main -Dmapreduce.job.maps=2 in\n"


def test_a_step_goes_on_while_the_engine_is_away_and_is_found_again(cluster_emr: ClusterEmr) -> None:
    cluster, gate = cluster_emr.cluster(), cluster_emr.gate()
    (step_id,) = cluster_emr.add(cluster, shell(f"echo begun; {gate.wait}; echo done"))
    gate.reached()

    cluster_emr.stop()
    gate.open()
    cluster_emr.start()

    assert cluster_emr.ended(cluster)[0]["State"] == "COMPLETED"
    assert cluster_emr.engine.step_log(cluster, step_id, "stdout") == b"begun\ndone\n"


def test_a_step_is_running_as_long_as_nobody_knows_better(cluster_emr: ClusterEmr) -> None:
    cluster, gate = cluster_emr.cluster(), cluster_emr.gate()
    (step_id,) = cluster_emr.add(cluster, shell(gate.wait))
    gate.reached()
    folder = cluster_emr.executor.folder(cluster, step_id)
    observer = cluster_emr.make_executor()

    cluster_emr.node.die()
    assert observer.poll(folder) == Sighting(Phase.RUNNING)
    cluster_emr.now += 59
    assert observer.poll(folder) == Sighting(Phase.RUNNING)
    assert cluster_emr.state(cluster, step_id) == "RUNNING"
    cluster_emr.node.start()
    assert observer.poll(folder) == Sighting(Phase.RUNNING)
    gate.open()

    assert cluster_emr.ended(cluster)[0]["State"] == "COMPLETED"


def test_the_end_of_a_step_is_seen_in_its_folder_while_the_node_is_away(cluster_emr: ClusterEmr) -> None:
    cluster, gate = cluster_emr.cluster(), cluster_emr.gate()
    cluster_emr.add(cluster, shell(f"{gate.wait}; exit 4"))
    gate.reached()

    cluster_emr.node.die()
    gate.open()

    assert cluster_emr.ended(cluster)[0]["FailureDetails"]["Reason"] == "Exited with code 4"


def test_a_node_that_hangs_fails_no_step(cluster_emr: ClusterEmr) -> None:
    cluster, gate = cluster_emr.cluster(), cluster_emr.gate()
    (step_id,) = cluster_emr.add(cluster, shell(gate.wait))
    gate.reached()
    folder = cluster_emr.executor.folder(cluster, step_id)
    observer = cluster_emr.make_executor(answer_seconds=0.1)

    cluster_emr.node.process.send_signal(signal.SIGSTOP)
    assert observer.poll(folder).phase is Phase.RUNNING
    cluster_emr.now += 3600
    assert observer.poll(folder).phase is Phase.RUNNING
    cluster_emr.node.process.send_signal(signal.SIGCONT)
    gate.open()

    assert cluster_emr.ended(cluster)[0]["State"] == "COMPLETED"


def test_a_node_that_is_gone_for_good_takes_its_steps_with_it(cluster_emr: ClusterEmr) -> None:
    cluster, gate = cluster_emr.cluster(), cluster_emr.gate()
    (step_id,) = cluster_emr.add(cluster, shell(gate.wait))
    gate.reached()

    cluster_emr.node.die()

    def given_up_a_minute_later() -> bool:
        cluster_emr.now += 61
        return cluster_emr.state(cluster, step_id) == "FAILED"

    poll_until(given_up_a_minute_later, "the node to be missed, and then given up")
    status = cluster_emr.ended(cluster)[0]
    assert status["State"] == "FAILED"
    assert status["FailureDetails"]["Reason"] == "The step was lost"
    assert status["FailureDetails"]["Message"] == (
        "The cluster's primary node stopped, and was not back after 1 minutes"
    )
    gate.open()


def test_a_node_that_was_started_anew_says_that_its_steps_are_lost(cluster_emr: ClusterEmr) -> None:
    cluster, gate = cluster_emr.cluster(), cluster_emr.gate()
    (step_id,) = cluster_emr.add(cluster, shell(gate.wait))
    gate.reached()
    folder = cluster_emr.executor.folder(cluster, step_id)
    cluster_emr.node.die()
    for name in ("claim.json", "child.json"):  # as if both had been started before the container was
        process = json.loads((folder / name).read_text())
        os.kill(process["pid"], signal.SIGKILL)
        (folder / name).write_text(json.dumps({**process, "started": "another-boot/1:1"}))

    cluster_emr.node.start()

    details = cluster_emr.ended(cluster)[0]["FailureDetails"]
    assert details["Reason"] == "The step was lost"
    assert details["Message"].startswith("The machine that ran the step was started anew while it ran")


def test_a_step_that_is_added_while_the_node_is_away_waits_and_runs_once(cluster_emr: ClusterEmr) -> None:
    cluster = cluster_emr.cluster()
    cluster_emr.node.die()
    ran = cluster_emr.root / "ran"

    (step_id,) = cluster_emr.add(cluster, shell(f"echo ran >> {ran}"))
    cluster_emr.running(cluster, step_id)
    with pytest.raises(Away):
        cluster_emr.make_executor().check()
    cluster_emr.node.start()

    assert cluster_emr.ended(cluster)[0]["State"] == "COMPLETED"
    assert ran.read_text() == "ran\n"
    assert cluster_emr.engine.step_log(cluster, step_id, "controller").count(b"Running: ") == 1


def test_a_step_that_is_cancelled_while_the_node_is_away_ends_when_it_is_back(cluster_emr: ClusterEmr) -> None:
    cluster, gate = cluster_emr.cluster(), cluster_emr.gate()
    (step_id,) = cluster_emr.add(cluster, shell(f"{gate.wait}; touch {cluster_emr.root}/went-on"))
    gate.reached()
    cluster_emr.node.die()

    cluster_emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": [step_id]})
    assert cluster_emr.state(cluster, step_id) == "CANCEL_PENDING"
    cluster_emr.node.start()

    assert cluster_emr.ended(cluster)[0]["State"] == "CANCELLED"
    assert not (cluster_emr.root / "went-on").exists()


def test_waiting_for_an_absent_node_costs_no_processor_time(cluster_emr: ClusterEmr) -> None:
    cluster, gate = cluster_emr.cluster(), cluster_emr.gate()
    (step_id,) = cluster_emr.add(cluster, shell(gate.wait))
    gate.reached()
    folder = cluster_emr.executor.folder(cluster, step_id)
    cluster_emr.node.die()
    runner = json.loads((folder / "claim.json").read_text())["pid"]
    os.kill(runner, signal.SIGKILL)  # its descriptor tells so, and nobody can say what that means

    began, used = time.monotonic(), time.process_time()
    poll_until(lambda: time.monotonic() - began > 0.5, "half a second to pass")

    assert time.process_time() - used < 0.25
    assert cluster_emr.state(cluster, step_id) == "RUNNING"


def test_a_descriptor_that_has_told_is_not_asked_again(tmp_path: Path) -> None:
    ours, theirs = os.pipe()

    class Ended:
        remote = False

        def watch(self, folder: Path) -> int:
            return ours

    watcher = Watcher(Ended())
    watcher.add(tmp_path)
    os.close(theirs)
    watcher.wait(5)

    began = time.monotonic()
    watcher.wait(None)  # polled from now on: it returns by itself, and not at once
    assert time.monotonic() - began > 0.1
    watcher.close()


# YARN


def test_a_cancelled_steps_applications_are_ended_before_it_counts_as_cancelled(
    cluster_emr: ClusterEmr, yarn: Yarn
) -> None:
    cluster, gate = cluster_emr.cluster(), cluster_emr.gate()
    (step_id,) = cluster_emr.add(cluster, shell(gate.wait))
    gate.reached()
    tag = f"{cluster}.{step_id}".lower()
    yarn.applications.update(a1=[tag, "RUNNING"], a2=[tag, "ACCEPTED"], a3=[tag, "FINISHED"], b1=["other", "RUNNING"])

    cluster_emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": [step_id]})

    assert cluster_emr.ended(cluster)[0]["State"] == "CANCELLED"
    assert [state for _, state in yarn.applications.values()] == ["KILLED", "KILLED", "FINISHED", "RUNNING"]


def test_the_applications_of_a_step_that_ended_by_itself_are_left_alone(cluster_emr: ClusterEmr, yarn: Yarn) -> None:
    cluster, gate = cluster_emr.cluster(), cluster_emr.gate()
    (step_id,) = cluster_emr.add(cluster, shell(gate.wait))
    gate.reached()
    yarn.applications["a1"] = [f"{cluster}.{step_id}".lower(), "RUNNING"]
    gate.open()

    assert cluster_emr.ended(cluster)[0]["State"] == "COMPLETED"
    assert yarn.applications["a1"][1] == "RUNNING"


def test_the_applications_of_a_lost_step_are_ended(cluster_emr: ClusterEmr, yarn: Yarn) -> None:
    cluster, gate = cluster_emr.cluster(), cluster_emr.gate()
    (step_id,) = cluster_emr.add(cluster, shell(gate.wait))
    gate.reached()
    yarn.applications["a1"] = [f"{cluster}.{step_id}".lower(), "RUNNING"]
    runner = json.loads((cluster_emr.executor.folder(cluster, step_id) / "claim.json").read_text())["pid"]

    os.kill(runner, signal.SIGKILL)

    assert cluster_emr.ended(cluster)[0]["FailureDetails"]["Reason"] == "The step was lost"
    assert yarn.applications["a1"][1] == "KILLED"


def test_yarn_is_tried_again_until_the_time_is_over() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = YarnClient(f"http://127.0.0.1:{probe.getsockname()[1]}")
        with pytest.raises(OSError, match="refused"):
            nobody.end("tag", 0.1)


# The socket


def test_the_node_refuses_what_it_does_not_understand_and_goes_on(cluster_emr: ClusterEmr) -> None:
    refused = [
        ({"op": "poll", "cluster": "..", "step": "s-1"}, "ValueError: '..' is no id"),
        ({"op": "poll", "cluster": "j-1", "step": "a/b"}, "ValueError: 'a/b' is no id"),
        ({"op": "poll", "cluster": "j-1"}, "KeyError: 'step'"),
        ({"op": "shell", "cluster": "j-1", "step": "s-1"}, "ValueError: no operation 'shell'"),
        ({}, "KeyError: 'op'"),
        ([], "TypeError: list indices must be integers or slices, not str"),
    ]
    for request, why in refused:
        reply, _ = exchange(cluster_emr.root / "emr" / "node.sock", request, 5)
        assert reply == {"refused": why}


def test_the_socket_is_for_its_owner_alone(cluster_emr: ClusterEmr) -> None:
    assert (cluster_emr.root / "emr" / "node.sock").stat().st_mode & 0o777 == 0o600
    assert (cluster_emr.root / "emr").stat().st_mode & 0o077 == 0


def test_a_node_that_is_stopped_ends_well(cluster_emr: ClusterEmr) -> None:
    assert cluster_emr.node.stop() == 0


def test_a_second_node_on_the_same_folder_is_refused(cluster_emr: ClusterEmr) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.aws.emr.node", str(cluster_emr.root / "emr")],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip() == f"emr-node: another node serves {cluster_emr.root / 'emr'}"
    assert cluster_emr.make_executor().check() is None


def test_a_ping_without_a_node_fails(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.aws.emr.node", str(tmp_path), "--ping"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "emr-node: No such file or directory\n")


def test_the_node_needs_nothing_but_pythons_own_library() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import services.aws.emr.node, sys; print('lakelab' in sys.modules)"],
        env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_an_executor_without_any_node_knows_of_no_step(tmp_path: Path) -> None:
    executor = ClusterExecutor(tmp_path)
    assert executor.poll(executor.folder("j-1", "s-1")) == Sighting(Phase.ABSENT)
    assert executor.watch(executor.folder("j-1", "s-1")) is None
