"""Steps of different clusters on one node are different users: one reaches neither the other's files nor processes."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_lab import ClusterEmr
from emr_lab import shell
from polling import poll_until

from lakelab.settings import REPOSITORY
from services.aws.emr.users import NoUserLeftError, Range, Users

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can give steps other users; tests/stack tries it in the node's own container"
)
ATTACK = REPOSITORY / "tests" / "isolation.py"


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that every user may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="lab-users-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def shared(passable: Path) -> Iterator[ClusterEmr]:
    """A node with users for its clusters."""
    lab = ClusterEmr(passable)
    first = 1_000_000 + secrets.randbelow(1_000_000)  # of nobody else on this machine
    lab.node.options = ["--users", f"{first}:3"]
    lab.node.start()
    lab.start()
    yield lab
    lab.stop(terminate=True)
    lab.node.die()
    for gate in lab.gates:
        gate.close()


def test_a_step_reaches_nothing_of_another_clusters(shared: ClusterEmr) -> None:
    victim, attacker, gate = shared.cluster(), shared.cluster(), shared.gate()
    gate.path.chmod(0o666)
    (held,) = shared.add(victim, shell(f"echo mine > secret; {gate.wait}"))
    gate.reached()
    folder = shared.executor.folder(victim, held)
    process = json.loads((folder / "child.json").read_text())["pid"]
    script = shared.root / "attack.py"
    shutil.copyfile(ATTACK, script)

    (step_id,) = shared.add(attacker, shell(f"exec python3 {script} {folder} {process} {shared.root / 'emr'}"))

    assert shared.ended(attacker)[0]["State"] == "COMPLETED", shared.engine.step_log(attacker, step_id, "stderr")
    found = json.loads(shared.engine.step_log(attacker, step_id, "stdout"))
    assert found["could"] == []
    assert found["rights"] == 0
    assert found["groups"] == [found["user"]]
    assert shared.engine.step_log(attacker, step_id, "stderr") == b"to stderr by its name\n"
    gate.open()
    assert shared.ended(victim)[0]["State"] == "COMPLETED"


def test_steps_of_one_cluster_share_a_home_that_goes_with_the_cluster(shared: ClusterEmr) -> None:
    cluster, numbers = shared.cluster(), shared.root / "numbers"
    numbers.write_text("")
    numbers.chmod(0o666)

    first, second = shared.run(
        cluster,
        shell(f"echo kept > ~/file; setsid sleep 600 >/dev/null 2>&1 & echo $! > {numbers}; mkdir deep; chmod 0 deep"),
        shell("cat ~/file"),
    )

    assert (first["State"], second["State"]) == ("COMPLETED", "COMPLETED")
    daemon = Path("/proc") / numbers.read_text().strip()
    assert daemon.exists(), "it left its process group, and its step has ended"
    poll_until(lambda: not (shared.root / "emr" / "steps" / cluster).exists(), "the local logs to go")
    shared.engine.terminate_job_flows({"JobFlowIds": [cluster]})
    shared.over(cluster)
    poll_until(lambda: not daemon.exists(), "the end of what the step left behind")
    poll_until(lambda: not list((shared.root / "emr" / "home").iterdir()), "the home to go")


def test_users_are_given_again_when_their_clusters_are_over(shared: ClusterEmr) -> None:
    clusters = [shared.cluster() for _ in range(4)]
    states = [shared.run(cluster, shell("id -u"))[0]["State"] for cluster in clusters]
    assert states == ["COMPLETED"] * 3 + ["FAILED"]
    failed = shared.engine.list_steps({"ClusterId": clusters[3]})["Steps"][0]["Status"]["FailureDetails"]
    assert "3 clusters have a user on the primary node, and there are no more" in failed["Message"]

    shared.engine.terminate_job_flows({"JobFlowIds": clusters[:1]})
    shared.over(clusters[0])

    poll_until(lambda: shared.run(clusters[3], shell("id -u"))[0]["State"] == "COMPLETED", "a user to be free")


def test_what_a_cluster_left_is_not_its_successors(passable: Path) -> None:
    first = 1_000_000 + secrets.randbelow(1_000_000)
    users, folder = Users(passable, Range(first, 1)), passable / "steps" / "j-OLD" / "s-1"
    (folder / "work").mkdir(parents=True)
    (folder / "work" / "left").touch()
    (folder / "stdout").touch()
    user = users.of("j-OLD")
    users.hand_over(folder, user)
    os.chown(folder / "stdout", user, -1)
    with pytest.raises(NoUserLeftError):
        users.of("j-NEW")

    users.keep(["j-NEW"])

    assert users.of("j-NEW") == user
    assert [path.name for path in folder.iterdir()] == ["stdout"]
    assert ((folder / "stdout").stat().st_uid, folder.stat().st_gid) == (os.geteuid(), os.getegid())
