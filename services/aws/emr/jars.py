"""What a step's JAR means: the command that runs it.

EMR's own two JARs are only a way to run something else: `command-runner.jar` runs its arguments as a command,
`script-runner.jar` fetches a script and runs it (Amazon EMR Release Guide, "Run commands and scripts on an Amazon
EMR cluster"). Any other JAR is a program of the user's.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath

from lakelab.errors import LabError
from lakelab.storage import Storage
from services.aws.emr.executor import Executor
from services.aws.emr.model import Step
from services.aws.emr.releases import Release, absence

COMMAND_RUNNER = "command-runner.jar"
SCRIPT_RUNNER = "script-runner.jar"
_SCRIPT_RUNNER_URI = re.compile(r"s3[an]?://([a-z0-9-]+\.)?elasticmapreduce/libs/script-runner/script-runner\.jar")
_ON_THE_NODE = "/var/lib/aws/emr/step-runner/hadoop-jars/"


# Runs a script that only the node itself can read: $0 is its address, the rest are its arguments.
_RUN_THERE = """set -e
case $0 in
  hdfs:*) hdfs dfs -get "$0" script ;;
  *) cp -- "${0#file://}" script ;;
esac
chmod 700 script
exec ./script "$@"
"""
# The same for a JAR. $0 is its address; the local copy goes where `hadoop jar` takes it.
_RUN_JAR_THERE = """set -e
hdfs dfs -get "$0" step.jar
exec hadoop jar step.jar "$@"
"""


class CannotRun(Exception):
    """The step cannot be run as it is written; the message says why."""


def command(
    step: Step, work: Path, storage: Storage, executor: Executor, release: Release | None = None
) -> tuple[str, ...]:
    """The argv of a step, on a cluster of that release. Scripts and JARs are fetched into `work`, the folder that it
    will start in; those on a node that is not this machine, and those in its HDFS, are left for the step itself to
    fetch.
    """
    jar = step.jar.removeprefix(_ON_THE_NODE)
    if jar == COMMAND_RUNNER:
        return _command_runner(step, release)
    if jar == SCRIPT_RUNNER or _SCRIPT_RUNNER_URI.fullmatch(jar):
        return _script_runner(step, work, storage, executor)
    if not executor.custom_jars:
        raise CannotRun(
            f"the embedded lab runs {COMMAND_RUNNER} and {SCRIPT_RUNNER} only, not {jar}: "
            "run the step on the lab's cluster (`make up`) or on AWS"
        )
    return _own_jar(step, work, storage, executor)


def fetch(uri: str, work: Path, storage: Storage) -> Path:
    """Copy a file at s3://, hdfs://, file:// or an absolute path of this machine into the folder."""
    target = work / (PurePosixPath(uri).name or "file")
    try:
        if "://" not in uri or uri.startswith("file://"):
            shutil.copyfile(Path(uri.removeprefix("file://")), target)
        else:
            with storage.open(uri) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
    except FileNotFoundError:
        raise CannotRun(f"{uri} does not exist") from None
    except LabError as error:
        raise CannotRun(str(error)) from None
    except OSError as error:
        raise CannotRun(f"{uri} cannot be fetched: {error.strerror}") from None
    return target


def _command_runner(step: Step, release: Release | None) -> tuple[str, ...]:
    if not step.args:
        raise CannotRun(f"{COMMAND_RUNNER} needs a command in Args")
    if any("\0" in argument for argument in step.args):
        raise CannotRun("an argument contains a NUL character")
    if len(step.args) == 1 and len(step.args[0].split()) > 1:
        # EMR takes the whole item for the name of a program, and does not find it.
        raise CannotRun(
            f'Cannot run program "{step.args[0]}": Args is a list with one item for each argument, '
            'such as ["spark-submit", "job.py"]'
        )
    lacking = release.lacks_command(step.args[0]) if release else None
    if release and lacking:
        raise CannotRun(f'Cannot run program "{step.args[0]}": {absence(lacking, release)}')
    return step.args


def _script_runner(step: Step, work: Path, storage: Storage, executor: Executor) -> tuple[str, ...]:
    if not step.args:
        raise CannotRun(f"{SCRIPT_RUNNER} needs the address of a script in Args")
    if executor.remote and not _in_s3(step.args[0]):
        return ("bash", "-c", _RUN_THERE, *step.args)
    script = fetch(step.args[0], work, storage)
    script.chmod(0o700)
    with script.open("rb") as file:
        interpreted = file.read(2) == b"#!"
    return (str(script), *step.args[1:]) if interpreted else ("bash", str(script), *step.args[1:])


def _own_jar(step: Step, work: Path, storage: Storage, executor: Executor) -> tuple[str, ...]:
    """`hadoop jar <file> [<main class>] [-D<key>=<value> …] <args …>`."""
    properties = [f"-D{key}={value}" for key, value in step.properties.items()]
    rest = (*([step.main_class] if step.main_class else []), *properties, *step.args)
    if not executor.remote or _in_s3(step.jar):
        return ("hadoop", "jar", str(fetch(step.jar, work, storage)), *rest)
    if step.jar.startswith("hdfs:"):
        return ("bash", "-c", _RUN_JAR_THERE, step.jar, *rest)
    return ("hadoop", "jar", step.jar.removeprefix("file://"), *rest)


def _in_s3(uri: str) -> bool:
    return uri.startswith(("s3://", "s3a://", "s3n://"))
