"""What the scheduler does with one step: start it, and wind it up with its logs and the cause of a failure."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from string import Template

from lakelab.errors import LabError
from lakelab.storage import Storage
from services.aws.emr import configurations, jars, logs, releases, step_keys
from services.aws.emr import failure as failures
from services.aws.emr.executor import Away, Executor, LaunchError, Part, Phase, Sighting, Span, Task
from services.aws.emr.model import Cluster, Failure, Step

Environment = Callable[[Cluster, Step], Mapping[str, str]]
_CORE_SITE = configurations.FILES["core-site"]
_TAIL_BYTES = 1 << 16
_REPORTED = "reported"  # exists in a step's folder once its end is in the controller log
_LOST = (
    "The process that watched over the step ended without a word: the machine was restarted, or it was killed. "
    "What was left of the step was ended"
)


@dataclass(frozen=True)
class Launch:
    """How an attempt to start a step ended.  away: its machine is, so try again.  problem: why it cannot be started."""

    problem: str | None = None
    away: bool = False


@dataclass(frozen=True)
class WoundUp:
    """A step that ended.  trouble: what was wrong with publishing its logs.  failure: None for exit code 0."""

    seen: Sighting
    trouble: str | None
    failure: Failure | None


class StepWork:
    """Called by several threads, for one step by one at a time."""

    def __init__(
        self,
        executor: Executor,
        storage: Storage,
        environment: Environment,
        path: Sequence[Path],
        clock: Callable[[], datetime],
    ) -> None:
        self._executor, self._storage, self._clock = executor, storage, clock
        self._environment, self._path = environment, tuple(path)

    def launch(self, cluster: Cluster, step: Step) -> Launch:
        """Start the step."""
        try:
            return Launch(problem=self._launch(cluster, step))
        except Away:
            return Launch(away=True)

    def _launch(self, cluster: Cluster, step: Step) -> str | None:
        self._executor.check()
        variables = self._variables(cluster, step)
        folder = self._executor.folder(cluster.id, step.id)
        try:
            work = self._executor.prepare(folder)
            logs.note(folder, self._clock(), f'Step {step.id} "{step.name}" of cluster {cluster.id}: {step.jar}')
            release = releases.release(cluster.request.get("ReleaseLabel", ""))
            argv = jars.command(step, work, self._storage, self._executor, release)
            shown = shlex.join(failures.printable(_without_folder(argv, work)))
            logs.note(folder, self._clock(), f"Running: {shown}")
            files = configurations.files(configurations.of_cluster(cluster))
            if keys := step_keys.s3a(variables):
                files[_CORE_SITE] = {**keys, **files.get(_CORE_SITE, {})}
            self._executor.launch(folder, Task(argv, variables, files))
        except (jars.CannotRun, LaunchError, LabError) as error:
            return str(error)
        except OSError as error:
            return f"the step's folder cannot be written: {error.strerror}"
        return None

    def wind_up(self, cluster: Cluster, step: Step, seen: Sighting, problem: str | None) -> WoundUp:
        """Write the end into the controller log and publish the four logs. Once more, when an engine died over it."""
        folder = self._executor.folder(cluster.id, step.id)
        failure = self._failure(cluster, step, folder, seen, problem)
        try:
            self._executor.prepare(folder)
            if not (folder / _REPORTED).exists():
                for line, level in _report(seen, failure):
                    logs.note(folder, self._clock(), line, level)
                (folder / _REPORTED).touch()
            trouble = logs.publish(cluster, step, folder, self._storage)
            if trouble:
                logs.note(folder, self._clock(), f"Logs could not be published: {trouble}", "ERROR")
        except OSError as error:
            trouble = f"the step's folder cannot be written: {error.strerror}"
        return WoundUp(seen, trouble, failure)

    def note(self, step: Step, text: str) -> None:
        """Add a warning to the controller log of a step that runs."""
        with contextlib.suppress(OSError):
            logs.note(self._executor.folder(step.cluster_id, step.id), self._clock(), text, "WARN")

    def forget(self, cluster: Cluster, step: Step) -> None:
        """Remove the local copy of logs that were published. Without a LogUri the local ones are the only ones."""
        if cluster.log_uri:
            self._executor.forget(self._executor.folder(cluster.id, step.id))

    def publish_late(self, cluster: Cluster, step: Step) -> bool:
        """Publish what a killed engine left behind, or what could not be published then; whether it is done now."""
        folder = self._executor.folder(cluster.id, step.id)
        if cluster.log_uri and folder.is_dir():
            if logs.publish(cluster, step, folder, self._storage) is not None:
                return False
            self._executor.forget(folder)
        return True

    def log(self, cluster: Cluster, step: Step, name: str, limit: int | None) -> bytes:
        folder = self._executor.folder(cluster.id, step.id)
        return self._executor.tail(folder, name, limit) or logs.published(cluster, step, name, self._storage, limit)

    def log_part(self, cluster: Cluster, step: Step, name: str, span: Span) -> Part | None:
        folder = self._executor.folder(cluster.id, step.id)
        # A log that was published meanwhile is the same, and perhaps a line longer.
        return self._executor.part(folder, name, span) or logs.published_part(cluster, step, name, self._storage, span)

    def _variables(self, cluster: Cluster, step: Step) -> dict[str, str]:
        given = dict(self._environment(cluster, step))
        exported = configurations.exports(configurations.of_cluster(cluster))
        given |= {name: Template(value).safe_substitute(given) for name, value in exported.items()}
        if self._path:
            rest = given.get("PATH") or os.environ.get("PATH", os.defpath)
            given["PATH"] = os.pathsep.join([*map(str, self._path), rest])
        return {**given, "EMR_CLUSTER_ID": cluster.id, "EMR_STEP_ID": step.id}

    def _failure(
        self, cluster: Cluster, step: Step, folder: Path, seen: Sighting, problem: str | None
    ) -> Failure | None:
        controller = logs.address(cluster, step, "controller")
        if problem is not None:
            return Failure("The step could not be run", problem, controller)
        if seen.phase is Phase.LOST:
            return Failure("The step was lost", seen.why or _LOST, controller)
        if seen.code == 0:
            return None
        reason = f"Exited with code {seen.code}"
        if seen.code is not None and seen.code < 0:
            reason = f"Ended by signal {-seen.code} ({signal.Signals(-seen.code).name})"
        said = [self._executor.tail(folder, n, _TAIL_BYTES).decode(errors="replace") for n in ("stderr", "stdout")]
        message, log = failures.cause(*said)
        if not message:
            return Failure(reason, f"{reason}, with nothing in stderr and stdout", controller)
        return Failure(reason, message, logs.address(cluster, step, log))


def _report(seen: Sighting, failure: Failure | None) -> Iterator[tuple[str, str]]:
    """The last lines of the controller log, each with its level."""
    if seen.code is not None:
        megabytes = (seen.peak_bytes or 0) / 1e6
        yield f"Process ended with exit code {seen.code} after {seen.seconds:.3f} s", "INFO"
        yield f"Used {seen.cpu_seconds:.2f} s of CPU, {megabytes:.0f} MB of memory at most in one process", "INFO"
    if seen.cancelled:
        yield "Step was cancelled", "WARN"
    elif failure:
        yield f"Step failed: {failure.reason}: {failure.message}", "ERROR"
    else:
        yield "Step succeeded", "INFO"


def _without_folder(argv: Sequence[str], work: Path) -> list[str]:
    """The arguments without the place of the step's folder, which may name a person's home."""
    return [argument.replace(f"{work}/", "") for argument in argv]
