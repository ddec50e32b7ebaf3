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
from services.aws.emr.model import Step

COMMAND_RUNNER = "command-runner.jar"
SCRIPT_RUNNER = "script-runner.jar"
_SCRIPT_RUNNER_URI = re.compile(r"s3[an]?://([a-z0-9-]+\.)?elasticmapreduce/libs/script-runner/script-runner\.jar")
_ON_THE_NODE = "/var/lib/aws/emr/step-runner/hadoop-jars/"


class CannotRun(Exception):
    """The step cannot be run as it is written; the message says why."""


def command(step: Step, work: Path, storage: Storage, *, custom_jars: bool) -> tuple[str, ...]:
    """The argv of a step. Scripts and JARs are fetched into `work`, the folder that it will start in."""
    jar = step.jar.removeprefix(_ON_THE_NODE)
    if jar == COMMAND_RUNNER:
        return _command_runner(step)
    if jar == SCRIPT_RUNNER or _SCRIPT_RUNNER_URI.fullmatch(jar):
        return _script_runner(step, work, storage)
    if not custom_jars:
        raise CannotRun(
            f"the embedded lab runs {COMMAND_RUNNER} and {SCRIPT_RUNNER} only, not {jar}: "
            "run the step on the lab's cluster (`make up`) or on AWS"
        )
    properties = [f"-D{key}={value}" for key, value in step.properties.items()]
    main_class = [step.main_class] if step.main_class else []
    return ("hadoop", "jar", str(fetch(jar, work, storage)), *main_class, *properties, *step.args)


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


def _command_runner(step: Step) -> tuple[str, ...]:
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
    return step.args


def _script_runner(step: Step, work: Path, storage: Storage) -> tuple[str, ...]:
    if not step.args:
        raise CannotRun(f"{SCRIPT_RUNNER} needs the address of a script in Args")
    script = fetch(step.args[0], work, storage)
    script.chmod(0o700)
    with script.open("rb") as file:
        interpreted = file.read(2) == b"#!"
    return (str(script), *step.args[1:]) if interpreted else ("bash", str(script), *step.args[1:])
