"""Stories of clusters and steps: how they end, fail, are cancelled and wait for each other."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from emr_lab import Emr, shell, step
from polling import poll_until


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids(path: Path, count: int) -> list[int]:
    """Process numbers that a step wrote, one a line."""
    return poll_until(
        lambda: (
            (found := [int(n) for n in path.read_text().split()] if path.exists() else [])
            and len(found) == count
            and found
        ),
        f"{count} processes in {path.name}",
    )


def test_steps_run_in_order_and_the_cluster_waits_for_more(emr: Emr) -> None:
    cluster = emr.cluster()
    out = emr.root / "out"

    first, second = emr.run(cluster, shell(f"echo one >> {out}"), shell(f"echo two >> {out}"))

    assert out.read_text() == "one\ntwo\n"
    assert (first["State"], second["State"]) == ("COMPLETED", "COMPLETED")
    times = first["Timeline"], second["Timeline"]
    assert times[0]["CreationDateTime"] <= times[0]["StartDateTime"] <= times[0]["EndDateTime"]
    assert times[0]["EndDateTime"] <= times[1]["EndDateTime"]
    status = emr.engine.wait_for_cluster(cluster, ["WAITING"], 10)["Cluster"]["Status"]
    assert status["StateChangeReason"] == {"Message": "Cluster ready after last step completed."}
    assert "FailureDetails" not in first


def test_events_tell_each_change_in_order(emr: Emr) -> None:
    cluster = emr.cluster(shell("true", name="only"), keep=False)
    emr.over(cluster)
    emr.engine.close()

    seen = [(event.step.name if event.step else "cluster", str(event.state)) for event in emr.events]

    assert seen == [
        ("cluster", "STARTING"),
        ("only", "PENDING"),
        ("cluster", "BOOTSTRAPPING"),
        ("cluster", "RUNNING"),
        ("only", "RUNNING"),
        ("only", "COMPLETED"),
        ("cluster", "TERMINATING"),
        ("cluster", "TERMINATED"),
    ]


def test_a_transient_cluster_ends_by_itself(emr: Emr) -> None:
    good, bad, empty = (
        emr.cluster(shell("true"), keep=False),
        emr.cluster(shell("false"), shell("true"), keep=False),
        emr.cluster(keep=False, wait=False),
    )

    assert emr.over(good)["State"] == "TERMINATED"
    assert emr.over(good)["StateChangeReason"] == {"Code": "ALL_STEPS_COMPLETED", "Message": "Steps completed"}
    assert emr.over(bad)["State"] == "TERMINATED"
    assert emr.over(bad)["StateChangeReason"] == {"Code": "STEP_FAILURE", "Message": "Steps completed with errors"}
    assert emr.over(empty)["StateChangeReason"]["Code"] == "ALL_STEPS_COMPLETED"
    assert emr.over(good)["Timeline"]["EndDateTime"] >= emr.over(good)["Timeline"]["ReadyDateTime"]


@pytest.mark.parametrize("action", ["TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW", None])
def test_a_failure_may_end_the_cluster(emr: Emr, action: str | None) -> None:
    cluster = emr.cluster(shell("exit 7", action=action), shell("true"))

    status = emr.over(cluster)

    assert status["State"] == "TERMINATED_WITH_ERRORS"
    assert status["StateChangeReason"] == {"Code": "STEP_FAILURE", "Message": "Shut down as step failed"}
    assert emr.states(cluster) == ["FAILED", "CANCELLED"]
    actions = [one["ActionOnFailure"] for one in emr.engine.list_steps({"ClusterId": cluster})["Steps"]]
    assert actions == ["CONTINUE", "TERMINATE_CLUSTER"]


def test_a_failure_may_cancel_the_queue_and_wait(emr: Emr) -> None:
    cluster = emr.cluster(shell("exit 7", action="CANCEL_AND_WAIT"), shell("true"), shell("true"))

    emr.ended(cluster)
    status = emr.engine.wait_for_cluster(cluster, ["WAITING"], 10)["Cluster"]["Status"]

    assert emr.states(cluster) == ["FAILED", "CANCELLED", "CANCELLED"]
    assert status["StateChangeReason"]["Message"] == "Cluster ready after last step failed."
    assert emr.run(cluster, shell("true"))[0]["State"] == "COMPLETED"


def test_a_failure_may_let_the_queue_go_on(emr: Emr) -> None:
    cluster = emr.cluster(shell("exit 7", action="CONTINUE"), shell("true"))

    assert [status["State"] for status in emr.ended(cluster)] == ["FAILED", "COMPLETED"]


def test_a_protected_cluster_survives_a_failed_step(emr: Emr) -> None:
    cluster = emr.cluster(
        shell("false", action="TERMINATE_CLUSTER"), shell("true"), instances={"TerminationProtected": True}
    )

    emr.ended(cluster)

    assert emr.engine.wait_for_cluster(cluster, ["WAITING"], 10)["Cluster"]["TerminationProtected"] is True
    assert emr.states(cluster) == ["FAILED", "CANCELLED"]


def test_a_pending_step_is_cancelled_at_once(emr: Emr) -> None:
    cluster, gate = emr.cluster(), emr.gate()
    holding, pending, last = emr.add(cluster, shell(gate.wait), shell("true"), shell("true"))
    emr.running(cluster, holding)

    answer = emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": [pending]})

    assert answer == {"CancelStepsInfoList": [{"StepId": pending, "Status": "SUBMITTED"}]}
    assert emr.state(cluster, pending) == "CANCELLED"
    gate.open()
    assert [status["State"] for status in emr.ended(cluster, [holding, last])] == ["COMPLETED", "COMPLETED"]
    again = emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": [pending]})["CancelStepsInfoList"][0]
    assert again["Status"] == "FAILED"
    assert "CANCELLED" in again["Reason"]


def test_an_interrupt_lets_a_step_clean_up_and_spares_its_cluster(emr: Emr) -> None:
    cluster, gate, cleaned = emr.cluster(), emr.gate(), emr.root / "cleaned"
    script = f"trap 'echo yes > {cleaned}; exit 0' TERM; {gate.wait}"
    running, after = emr.add(cluster, shell(script, action="TERMINATE_CLUSTER"), shell("true"))
    gate.reached()

    emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": [running]})
    first, second = emr.ended(cluster, [running, after])

    assert first["State"] == "CANCELLED"
    assert first["StateChangeReason"] == {"Code": "NONE", "Message": "Cancelled by user"}
    assert "FailureDetails" not in first
    assert cleaned.read_text() == "yes\n"
    assert second["State"] == "COMPLETED"


def test_a_step_that_ignores_the_interrupt_can_be_killed_with_its_grandchildren(emr: Emr) -> None:
    cluster, numbers, gate = emr.cluster(), emr.root / "pids", emr.gate()
    os.mkfifo(emr.root / "never")
    stubborn = emr.root / "stubborn.sh"
    stubborn.write_text(f"trap '' TERM; echo $$ >> {numbers}; read -r _ < {emr.root}/never\n")
    script = f"trap '' TERM; bash {stubborn} & echo $$ >> {numbers}; {gate.wait}"
    (running,) = emr.add(cluster, shell(script))
    both = pids(numbers, 2)
    gate.reached()
    request = {"ClusterId": cluster, "StepIds": [running]}

    emr.engine.cancel_steps({**request, "StepCancellationOption": "SEND_INTERRUPT"})
    poll_until(lambda: (emr.executor.folder(cluster, running) / "cancel").exists(), "the signal")
    assert emr.state(cluster, running) == "CANCEL_PENDING"
    assert all(alive(pid) for pid in both)

    emr.engine.cancel_steps({**request, "StepCancellationOption": "TERMINATE_PROCESS"})
    assert emr.ended(cluster, [running])[0]["State"] == "CANCELLED"
    poll_until(lambda: not any(alive(pid) for pid in both), "the end of the whole process group")


def test_grandchildren_that_outlive_an_interrupted_step_are_killed(emr: Emr) -> None:
    cluster, numbers, gate = emr.cluster(), emr.root / "pids", emr.gate()
    os.mkfifo(emr.root / "never")
    stubborn = emr.root / "stubborn.sh"
    stubborn.write_text(f"trap '' TERM; echo $$ >> {numbers}; read -r _ < {emr.root}/never\n")
    (running,) = emr.add(cluster, shell(f"bash {stubborn} & {gate.wait}"))
    (grandchild,) = pids(numbers, 1)
    gate.reached()

    emr.engine.cancel_steps({"ClusterId": cluster, "StepIds": [running]})

    assert emr.ended(cluster, [running])[0]["State"] == "CANCELLED"
    poll_until(lambda: not alive(grandchild), "the end of the grandchild")


def test_steps_run_side_by_side_up_to_the_concurrency_level(emr: Emr) -> None:
    cluster = emr.cluster(StepConcurrencyLevel=2)
    first, second, third = emr.gate("1"), emr.gate("2"), emr.gate("3")
    ids = emr.add(cluster, *(shell(gate.wait) for gate in (first, second, third)))

    for gate in (first, second):
        gate.reached()

    assert [emr.state(cluster, step_id) for step_id in ids] == ["RUNNING", "RUNNING", "PENDING"]
    second.open()
    third.open()
    assert emr.ended(cluster, ids[1:])[1]["State"] == "COMPLETED"
    assert emr.state(cluster, ids[0]) == "RUNNING"
    first.open()
    assert emr.ended(cluster)[0]["State"] == "COMPLETED"


def test_a_raised_concurrency_level_starts_waiting_steps(emr: Emr) -> None:
    cluster = emr.cluster()
    gates = emr.gate("1"), emr.gate("2")
    failing, other, third = emr.add(
        cluster, shell(f"{gates[0].wait}; exit 1", action="CANCEL_AND_WAIT"), shell(gates[1].wait), shell("true")
    )
    gates[0].reached()
    assert emr.engine.modify_cluster({"ClusterId": cluster, "StepConcurrencyLevel": 2}) == {"StepConcurrencyLevel": 2}

    gates[1].reached()
    gates[0].open()

    # Side by side, a failure does not cancel the queue.
    assert [status["State"] for status in emr.ended(cluster, [failing, third])] == ["FAILED", "COMPLETED"]
    gates[1].open()
    assert emr.ended(cluster, [other])[0]["State"] == "COMPLETED"


def test_terminating_a_cluster_interrupts_its_steps(emr: Emr) -> None:
    cluster, gate, numbers = emr.cluster(), emr.gate(), emr.root / "pids"
    emr.add(cluster, shell(f"trap '' TERM; echo $$ > {numbers}; {gate.wait}"), shell("true"))
    (pid,) = pids(numbers, 1)

    emr.engine.terminate_job_flows({"JobFlowIds": [cluster]})
    status = emr.over(cluster)

    assert status["State"] == "TERMINATED"
    assert status["StateChangeReason"] == {"Code": "USER_REQUEST", "Message": "Terminated by user request"}
    assert emr.states(cluster) == ["INTERRUPTED", "CANCELLED"]
    poll_until(lambda: not alive(pid), "the end of the step")


def test_bootstrap_actions_run_first_and_their_failure_ends_the_cluster(emr: Emr) -> None:
    emr.storage.write("s3://logs/boot.sh", f'#!/bin/sh\necho "$1" >> {emr.root}/out\nexit "$2"\n'.encode())
    actions = [
        {"Name": f"boot {code}", "ScriptBootstrapAction": {"Path": "s3://logs/boot.sh", "Args": [f"with {code}", code]}}
        for code in ("0", "4", "0")
    ]

    good = emr.cluster(shell(f"echo step >> {emr.root}/out"), keep=False, BootstrapActions=actions[:1])
    assert emr.over(good)["State"] == "TERMINATED"
    bad = emr.cluster(shell("true"), BootstrapActions=actions)
    status = emr.over(bad)

    assert (emr.root / "out").read_text() == "with 0\nstep\nwith 0\nwith 4\n"
    assert status["State"] == "TERMINATED_WITH_ERRORS"
    assert status["StateChangeReason"] == {
        "Code": "BOOTSTRAP_FAILURE",
        "Message": "On the master instance, bootstrap action 2 returned a non-zero return code (4)",
    }
    assert emr.states(bad) == ["CANCELLED"]
    listed = emr.engine.list_bootstrap_actions({"ClusterId": bad})["BootstrapActions"]
    assert listed[1] == {"Name": "boot 4", "ScriptPath": "s3://logs/boot.sh", "Args": ["with 4", "4"]}


def test_a_step_gets_the_environment_and_the_bin_folder_it_was_promised(emr: Emr) -> None:
    emr.stop()
    tool = emr.root / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "$COLOUR $EMR_STEP_ID $EMR_CLUSTER_ID ${HIDDEN-unset}"\n')
    tool.chmod(0o755)
    os.environ["HIDDEN"] = "a secret of the engine's own process"
    try:
        emr.start(environment=lambda cluster, step: {"COLOUR": f"blue-{step.name}"}, path=[tool.parent])
        cluster = emr.cluster()
        (step_id,) = emr.add(cluster, step("tool", name="paint"))
        emr.ended(cluster, [step_id])
    finally:
        del os.environ["HIDDEN"]

    assert emr.engine.step_log(cluster, step_id, "stdout").decode() == f"blue-paint {step_id} {cluster} unset\n"


def test_a_step_killed_by_a_stranger_fails_and_says_so(emr: Emr) -> None:
    cluster, gate, numbers = emr.cluster(), emr.gate(), emr.root / "pids"
    (step_id,) = emr.add(cluster, shell(f"echo $$ > {numbers}; {gate.wait}"))
    (pid,) = pids(numbers, 1)

    os.kill(pid, signal.SIGKILL)

    status = emr.ended(cluster, [step_id])[0]
    assert status["State"] == "FAILED"
    assert status["FailureDetails"]["Reason"] == "Ended by signal 9 (SIGKILL)"


def test_nothing_is_left_of_a_closed_engine(emr: Emr) -> None:
    others = _children()  # of tests before this one, such as a pool's tracker
    cluster = emr.cluster()
    emr.run(cluster, *(shell("true") for _ in range(3)))
    emr.engine.wait_for_cluster(cluster, ["WAITING"], 10)  # it has let go of the steps by then
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    emr.run(cluster, *(shell("true") for _ in range(3)))
    emr.engine.wait_for_cluster(cluster, ["WAITING"], 10)

    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors + 1
    emr.stop(terminate=True)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("emr")] == []
    assert _children() <= others
    assert list((emr.root / "emr" / "steps").iterdir()) == []


def _children() -> set[str]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    return set(listed.read_text().split()) if listed.exists() else set()
