"""The contract suite speaks of every operation that we execute; what we do not execute is a list that is looked at."""

from __future__ import annotations

import re
from pathlib import Path

from botocore import xform_name

from services.aws.emr.engine import EmrEngine
from services.aws.server.service import Service, model_of

SUITE = Path(__file__).parents[1] / "contract"
# Studios, notebooks, sessions, application UIs of AWS's own, CloudWatch's scaling, and what AWS itself has given up.
NOT_EXECUTED = {
    "CreatePersistentAppUI", "CreateStudio", "CreateStudioSessionMapping", "DeleteStudio",
    "DeleteStudioSessionMapping", "DescribeJobFlows", "DescribeNotebookExecution", "DescribePersistentAppUI",
    "DescribeStudio", "GetClusterSessionCredentials", "GetOnClusterAppUIPresignedURL",
    "GetPersistentAppUIPresignedURL", "GetSession", "GetSessionEndpoint", "GetStudioSessionMapping",
    "ListNotebookExecutions", "ListSessions", "ListStudioSessionMappings", "ListStudios", "PutAutoScalingPolicy",
    "PutBlockPublicAccessConfiguration", "RemoveAutoScalingPolicy", "StartNotebookExecution", "StartSession",
    "StopNotebookExecution", "TerminateSession", "UpdateStudio", "UpdateStudioSessionMapping",
}  # fmt: skip


def test_every_operation_is_executed_and_in_the_suite_or_known_not_to_be() -> None:
    model = model_of("emr")
    service = Service(model, EmrEngine)
    text = "\n".join(path.read_text() for path in SUITE.glob("*.py"))

    executed = {name for name in model.operation_names if service.executes(name)}

    assert set(model.operation_names) - executed == NOT_EXECUTED
    unspoken = {name for name in executed if not re.search(rf"\b{xform_name(name)}\b", text)}
    assert unspoken == set()
