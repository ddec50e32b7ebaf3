"""Steps and bootstrap actions of a request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.aws.emr.errors import ValidationException
from services.aws.emr.ids import new_id
from services.aws.emr.jars import SCRIPT_RUNNER
from services.aws.emr.model import MAX_ACTIVE_STEPS, Action, Cluster, Step
from services.aws.emr.requests import Request, need

MAX_JAR_STEP_CHARACTERS = 10240
MAX_BOOTSTRAP_ACTIONS = 16
TOO_MANY_STEPS = (
    "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded."
)
_ACTIONS = {**{action.value: action for action in Action}, "TERMINATE_JOB_FLOW": Action.TERMINATE_CLUSTER}


def new_steps(configs: Sequence[Request], of: Cluster, now: datetime, role_arn: str | None = None) -> list[Step]:
    """The steps that a list of StepConfig describes."""
    return [_new_step(config, of, now, role_arn) for config in configs]


def new_bootstrap_actions(configs: Sequence[Request], of: Cluster, now: datetime) -> list[Step]:
    """Bootstrap actions as steps that run before the others."""
    if len(configs) > MAX_BOOTSTRAP_ACTIONS:
        raise ValidationException(f"A job flow may have at most {MAX_BOOTSTRAP_ACTIONS} bootstrap actions.")
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
