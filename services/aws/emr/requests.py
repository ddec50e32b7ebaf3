"""What AWS checks of a request beyond its shape, and records made from a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from lakelab.errors import LabError
from lakelab.storage import Storage
from services.aws.emr.errors import EmrError, InvalidRequestException, ValidationException
from services.aws.emr.jars import SCRIPT_RUNNER
from services.aws.emr.model import MAX_ACTIVE_STEPS, Action, Cluster, Step, new_id

Request = Mapping[str, Any]
MAX_JAR_STEP_CHARACTERS = 10240
MAX_CONCURRENCY = 256
FINISHED = "A job flow that is shutting down, terminated, or finished may not be modified."
NO_SUCH_JOB_FLOW = "Specified job flow ID does not exist."
TOO_MANY_STEPS = (
    "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded."
)
_ACTIONS = {**{action.value: action for action in Action}, "TERMINATE_JOB_FLOW": Action.TERMINATE_CLUSTER}


def need(request: Request, name: str, error: type[EmrError]) -> Any:
    """A required member, or AWS's words for its absence."""
    if request.get(name) is None:
        member = name[0].lower() + name[1:]
        raise error(
            f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
            "Member must not be null"
        )
    return request[name]


def concurrency(request: Request, error: type[EmrError]) -> int:
    """The StepConcurrencyLevel, 1 when absent."""
    level = request.get("StepConcurrencyLevel", 1)
    if not 1 <= level <= MAX_CONCURRENCY:
        raise error(f"Step concurrency level must be between 1 and {MAX_CONCURRENCY}, but was {level}.")
    return int(level)


def new_cluster(request: Request, storage: Storage, now: datetime) -> Cluster:
    """The cluster that a RunJobFlow request describes."""
    need(request, "Name", ValidationException)
    instances = need(request, "Instances", ValidationException)
    if "InstanceGroups" in instances and "InstanceFleets" in instances:
        raise ValidationException("A cluster has instance groups or instance fleets, not both.")
    _check_log_uri(request.get("LogUri"), storage)
    kept = {name: value for name, value in request.items() if name not in ("Steps", "BootstrapActions")}
    return Cluster(
        id=new_id("j-"),
        request=kept,
        created=now,
        concurrency=concurrency(request, ValidationException),
        protected=bool(instances.get("TerminationProtected", False)),
    )


def new_steps(configs: Sequence[Request], of: Cluster, now: datetime, role_arn: str | None = None) -> list[Step]:
    """The steps that a list of StepConfig describes."""
    return [_new_step(config, of, now, role_arn) for config in configs]


def new_bootstrap_actions(configs: Sequence[Request], of: Cluster, now: datetime) -> list[Step]:
    """Bootstrap actions as steps that run before the others."""
    actions = []
    for number, config in enumerate(configs, 1):
        script = need(config, "ScriptBootstrapAction", ValidationException)
        actions.append(
            Step(
                id=f"bootstrap-{number}",
                cluster_id=of.id,
                name=need(config, "Name", ValidationException),
                action=Action.TERMINATE_CLUSTER,
                jar=SCRIPT_RUNNER,
                created=now,
                args=(need(script, "Path", ValidationException), *script.get("Args", ())),
                bootstrap=True,
            )
        )
    return actions


def check_count(active: int, added: int) -> None:
    if active + added > MAX_ACTIVE_STEPS:
        raise ValidationException(TOO_MANY_STEPS)


def _new_step(config: Request, of: Cluster, now: datetime, role_arn: str | None) -> Step:
    name = need(config, "Name", ValidationException)
    jar_step = need(config, "HadoopJarStep", ValidationException)
    if "StepMonitoringConfiguration" in config:
        raise ValidationException("StepMonitoringConfiguration is not supported by the lab: leave it out.")
    args = tuple(jar_step.get("Args", ()))
    properties = {pair["Key"]: pair.get("Value", "") for pair in jar_step.get("Properties", ())}
    jar = need(jar_step, "Jar", ValidationException)
    texts = [jar, jar_step.get("MainClass", ""), *args, *properties, *properties.values()]
    if sum(map(len, texts)) > MAX_JAR_STEP_CHARACTERS:
        raise ValidationException(
            f"The string values passed into HadoopJarStep object cannot exceed a total of "
            f"{MAX_JAR_STEP_CHARACTERS} characters."
        )
    return Step(
        id=new_id("s-"),
        cluster_id=of.id,
        name=name,
        action=_action(config, of),
        jar=jar,
        created=now,
        args=args,
        main_class=jar_step.get("MainClass"),
        properties=properties,
        role_arn=role_arn,
    )


def _action(config: Request, of: Cluster) -> Action:
    default = Action.TERMINATE_CLUSTER if of.concurrency == 1 else Action.CONTINUE
    given = config.get("ActionOnFailure", default.value)
    if given not in _ACTIONS:
        raise ValidationException(f"ActionOnFailure {given} is not valid: use one of {', '.join(sorted(_ACTIONS))}.")
    action = _ACTIONS[given]
    if of.concurrency > 1 and action is not Action.CONTINUE:
        raise ValidationException(
            f"ActionOnFailure {given} is not valid: with a StepConcurrencyLevel greater than 1 it must be CONTINUE."
        )
    return action


def _check_log_uri(uri: str | None, storage: Storage) -> None:
    if not uri:
        return
    if urlsplit(uri).scheme not in ("s3", "s3n", "s3a"):
        raise ValidationException(f"The LogUri {uri} is not valid: it must be an address in S3, s3://bucket/folder/.")
    try:
        storage.exists(uri)
    except LabError as error:
        raise ValidationException(f"The LogUri {uri} is not valid: {error}") from None


def page(
    records: Sequence[Any], wanted: Callable[[Any], bool], marker: str | None, size: int
) -> tuple[list[Any], str | None]:
    """One page of the wanted records, and the marker of the next page: the id of the last record shown.

    The marker is looked for among all records, as what is wanted may change from page to page.
    """
    start = 0
    if marker:
        ids = [record.id for record in records]
        if marker not in ids:
            raise InvalidRequestException(f"Marker '{marker}' is not valid.")
        start = ids.index(marker) + 1
    chosen = [record for record in records[start:] if wanted(record)]
    shown = chosen[:size]
    return shown, shown[-1].id if len(chosen) > size else None
