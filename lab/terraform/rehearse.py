"""`lab rehearse`: the files that deploy the platform to AWS, applied to the running stack from the first to the last.

init, plan, apply; `unload_erp` on the cluster that Terraform put out; a plan that changes nothing; destroy; and a look
whether anything is left. With no standing cluster `transient_unload_erp` runs instead, and starts one. The state lies
beside the stack's other files: a rehearsal that broke off is taken up again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lab.cluster import ENDED, all_steps
from lab.stack.place import Stack
from lab.terraform import package
from lab.terraform.remains import Asked, remains
from lab.terraform.report import rows
from lab.terraform.state import changes, managed
from lab.terraform.tool import Event, Terraform
from lab.timeline import Part, Timeline
from lab.waiting import until
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

VARIABLES = REPOSITORY / "terraform" / "environments" / "rehearsal" / "terraform.tfvars"
STANDING, TRANSIENT = "unload_erp", "transient_unload_erp"
# Of what Terraform tells Airflow, what each DAG reads.
READ = {
    STANDING: ("bucket_name", "emr_cluster_id"),
    TRANSIENT: (
        "bucket_name", "emr_release_label", "emr_instance_type", "emr_subnet_id", "emr_service_role",
        "emr_instance_profile", "emr_security_configuration", "emr_primary_security_group", "emr_core_security_group",
    ),
}  # fmt: skip
PATIENCE = 600  # seconds for the run of the DAG
AGAIN = "run `make rehearse` again, which goes on from here, or `lab rehearse --destroy`"

Shape = dict[str, Any]


class Rehearsal:
    """One rehearsal on one stack.

    given: values of variables, besides those of the file.
    """

    def __init__(self, stack: Stack, timeline: Timeline, given: Mapping[str, str] | None = None) -> None:
        self.stack, self.timeline = stack, timeline
        self.home = stack.folder / "rehearsal"
        values = stack.environment
        self.terraform = Terraform(
            self.home,
            [VARIABLES],
            {
                **(given or {}),
                "endpoint": stack.aws_url,
                "region": values["AWS_REGION"],
                "package_folder": str(self.home / "package"),
            },
            {
                "AWS_ACCESS_KEY_ID": values["AWS_ACCESS_KEY_ID"],
                "AWS_SECRET_ACCESS_KEY": values["AWS_SECRET_ACCESS_KEY"],
            },
        )
        self.plan = self.home / "plan"

    def prepare(self) -> None:
        """LabError where the stack's batch half does not run, or Terraform or its provider cannot be had."""
        with self.timeline.stage("init") as part:
            version = self.terraform.version()
            self._require_stack()
            _give_back(self.stack, self.home)  # of a rehearsal that was killed
            package.make(self.home / "package")
            self.terraform.init()
            part.note(f"{version}, state in {self.home.name}")

    def _require_stack(self) -> None:
        for dag in READ:
            self.stack.airflow.call("GET", f"/dags/{dag}")
            running = self.stack.airflow.last_run(dag)
            if running and running["state"] in ("queued", "running"):
                raise LabError(f"{dag} runs", where=running["dag_run_id"], fix="wait: both write the same tables")

    def apply(self) -> None:
        """Plan, and do what it says."""
        with self.timeline.stage("plan") as part:
            self.terraform.plan(self.plan)
            count = len(changes(self.terraform.show(self.plan)))
            part.note(f"{count} to make")
        with self.timeline.stage("apply") as part:
            self.terraform.apply(self.plan, _progress(part, count))
            part.note(f"{count} made")

    def run_pipeline(self) -> Shape:
        """`unload_erp` on the cluster that Terraform put out, or, where it put out none, the DAG that starts its own.

        LabError when a task or a step failed.
        """
        outputs = self.terraform.outputs()
        standing = outputs.get("emr_cluster_id")
        dag = STANDING if standing else TRANSIENT
        parameter = self.stack.aws("ssm").get_parameter(Name=outputs["variables_parameter"])["Parameter"]["Value"]
        variables = {name: str(value) for name, value in json.loads(parameter).items()}
        given = {name: variables[name] for name in READ[dag] if name in variables}
        if standing:
            self._set_up(standing)
        # On AWS the scheduler does so at its first start.
        self.stack.storage.write(f"s3://{given['bucket_name']}/keys/pseudonym.key", self._key())
        where = standing or "a cluster of its own"
        with self.timeline.stage(f"{dag} on {where}") as part, told(self.stack, self.home, given):
            run = self.stack.airflow.trigger(dag)
            _until(lambda: self._ended(dag, run, part), f"the end of {run}")
            self._succeeded(dag, run)
        cluster = self._cluster(standing or self._of_run(dag, run))
        _check_cluster(cluster, variables["emr_release_label"], stands=bool(standing))
        steps = self._completed_steps(cluster["Id"])
        return {"standing": bool(standing), "release": cluster["ReleaseLabel"], "steps": steps}

    def _key(self) -> bytes:
        return f"{self.stack.environment['PSEUDONYM_KEY']}\n".encode()

    def _set_up(self, cluster: str) -> None:
        """Wait for the bootstrap action and the steps with which the cluster began."""
        with self.timeline.stage("bootstrap action, folders and tables") as part:
            _until(lambda: self._waits(cluster), f"{cluster} to be ready")
            part.note(self._cluster(cluster)["ReleaseLabel"])

    def _waits(self, cluster: str) -> bool:
        status = self._cluster(cluster)["Status"]
        if status["State"].startswith("TERMINAT"):
            why = status.get("StateChangeReason", {}).get("Message", "no reason given")
            raise LabError(f"the cluster ended: {why}", where=cluster, fix=AGAIN)
        return all(step["Status"]["State"] in ENDED for step in all_steps(self.stack.emr, cluster))

    def _cluster(self, cluster: str) -> Shape:
        found: Shape = self.stack.emr.describe_cluster({"ClusterId": cluster})["Cluster"]
        return found

    def _of_run(self, dag: str, run: str) -> str:
        """The cluster that a run started."""
        clusters = self.stack.emr.list_clusters({})["Clusters"]
        found = [str(each["Id"]) for each in clusters if each["Name"] == f"{dag} {run}"]
        if not found:
            raise LabError(f"{dag} started no cluster", where=run, fix=AGAIN)
        return found[0]

    def _completed_steps(self, cluster: str) -> list[str]:
        steps = list(all_steps(self.stack.emr, cluster))[::-1]
        if not all(step["Status"]["State"] == "COMPLETED" for step in steps) or len(steps) < 3:
            raise LabError("a step of the cluster did not complete", where=cluster, fix=AGAIN)
        return [step["Name"] for step in steps]

    def _ended(self, dag: str, run: str, part: Part) -> bool:
        tasks = [str(task["state"]) for task in self.stack.airflow.tasks(dag, run)]
        part.report(sum(state in ("success", "failed", "upstream_failed") for state in tasks), len(tasks))
        part.note(f"{tasks.count('success')} of {len(tasks)} tasks green")
        return str(self.stack.airflow.run(dag, run)["state"]) in ("success", "failed")

    def _succeeded(self, dag: str, run: str) -> None:
        bad = {task["task_id"] for task in self.stack.airflow.tasks(dag, run) if task["state"] == "failed"}
        if bad or self.stack.airflow.run(dag, run)["state"] != "success":
            raise LabError(f"{dag} failed: {', '.join(sorted(bad))}", where=run, fix=f"read its log; {AGAIN}")

    def check_plan(self) -> None:
        """LabError unless a plan now would change nothing."""
        with self.timeline.stage("plan again: no change"):
            changed = self.terraform.plan(self.plan)
            found = sorted(changes(self.terraform.show(self.plan))) if changed else []
            if found:
                names = ", ".join(found[:5]) + (" …" if len(found) > 5 else "")
                raise LabError(f"a second plan would change {len(found)} resources: {names}", fix=AGAIN)

    def destroy(self) -> None:
        """Take all of it away. LabError names what the endpoint still has."""
        with self.timeline.stage("destroy") as part:
            asked = Asked.of(self.terraform.show())
            self.terraform.plan(self.plan, destroy=True)
            count = len(changes(self.terraform.show(self.plan)))
            self.terraform.apply(self.plan, _progress(part, count))
            part.note(f"{count} taken away")
        with self.timeline.stage("nothing is left"):
            left = [*(each["address"] for each in managed(self.terraform.show())), *remains(self.stack.aws, asked)]
            if left:
                raise LabError(f"left behind: {', '.join(left)}", fix="run `lab rehearse --destroy`")


def rehearse(console: Console, given: Mapping[str, str] | None = None) -> None:
    """The whole rehearsal, with a table of what was executed at its end. LabError says where it stopped.

    given: values of variables, besides those of the file.
    """
    with Timeline(console) as timeline:
        rehearsal = Rehearsal(Stack.of_this_clone(), timeline, given)
        rehearsal.prepare()
        rehearsal.apply()
        done = rehearsal.run_pipeline()
        rehearsal.check_plan()
        state = rehearsal.terraform.show()
        rehearsal.destroy()
    _print(console, state, done)
    console.print(
        f"[bold green]✓[/] rehearsed in {timeline.elapsed:.0f} s. What comes next: docs/aws.md", highlight=False
    )


def destroy(console: Console) -> None:
    """Take away what a rehearsal left that broke off."""
    with Timeline(console) as timeline:
        rehearsal = Rehearsal(Stack.of_this_clone(), timeline)
        rehearsal.prepare()
        rehearsal.destroy()


def _print(console: Console, state: Shape, done: Shape) -> None:
    table = Table("part", "resources", "what happened to it here", title="The rehearsal")
    for part, count, what in rows(state, done):
        table.add_row(part, str(count), what)
    console.print(table)


def _check_cluster(cluster: Shape, release: str, *, stands: bool) -> None:
    state = cluster["Status"]["State"]
    if cluster["ReleaseLabel"] != release:
        raise LabError(f"the cluster is {cluster['ReleaseLabel']}, not {release}", where=cluster["Id"], fix=AGAIN)
    if state != ("WAITING" if stands else "TERMINATED"):
        raise LabError(f"the cluster is {state} after the run", where=cluster["Id"], fix=AGAIN)


@contextmanager
def told(stack: Stack, home: Path, given: dict[str, str]) -> Iterator[None]:
    """Airflow's variables as given for the length of the block, and then as they were: gone, where there were none."""
    kept = home / "airflow.json"
    before = stack.airflow.variables()
    kept.write_text(json.dumps({name: before.get(name) for name in given}), encoding="utf-8")
    try:
        _tell(stack, given)
        yield
    finally:
        _give_back(stack, home)


def _give_back(stack: Stack, home: Path) -> None:
    kept = home / "airflow.json"
    if kept.exists():
        _tell(stack, json.loads(kept.read_text(encoding="utf-8")))
        kept.unlink()


def _tell(stack: Stack, variables: Mapping[str, str | None]) -> None:
    there = stack.airflow.variables()
    for name, value in variables.items():
        body = {"key": name, "value": value}
        if value is not None and name in there:
            stack.airflow.call("PATCH", f"/variables/{name}", body)
        elif value is not None:
            stack.airflow.call("POST", "/variables", body)
        elif name in there:
            stack.airflow.call("DELETE", f"/variables/{name}")


def _until(look: Callable[[], bool], what: str) -> None:
    until(look, PATIENCE, LabError(f"waited {PATIENCE:.0f} s for {what}", fix=AGAIN), 1.0)


def _progress(part: Part, total: int) -> Any:
    done = 0

    def seen(event: Event) -> None:
        nonlocal done
        if event.get("type") == "apply_complete":
            done += 1
            part.report(done, total)
            part.note(f"{done} of {total}")

    return seen
