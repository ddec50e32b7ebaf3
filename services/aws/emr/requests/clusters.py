"""The cluster that a RunJobFlow request describes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from lakelab.errors import LabError
from lakelab.storage import Storage
from services.aws.emr import configurations, releases
from services.aws.emr.errors import EmrError, ValidationException
from services.aws.emr.ids import new_id
from services.aws.emr.model import Cluster
from services.aws.emr.releases import Release
from services.aws.emr.requests import Request, need, policies, tags
from services.aws.emr.requests.nodes import HA_PRIMARY_NODES, node_groups
from services.aws.emr.rules import STARTING

MAX_CONCURRENCY = 256
# What would change what AWS does, and changes nothing here, is not taken: nobody shall believe in it.
_NOT_SUPPORTED = (
    "AdditionalInfo", "CustomAmiId", "KerberosAttributes", "LogEncryptionKmsKeyId",
    "MonitoringConfiguration", "NewSupportedProducts", "SessionEnabled", "SupportedProducts",
)  # fmt: skip
_NO_RELEASE = "Must specify exactly one of the following: release label, AMI version, or Hadoop version."


def concurrency(request: Request, error: type[EmrError]) -> int:
    """The StepConcurrencyLevel, 1 when absent."""
    level = request.get("StepConcurrencyLevel", 1)
    if not 1 <= level <= MAX_CONCURRENCY:
        raise error(f"Step concurrency level must be between 1 and {MAX_CONCURRENCY}, but was {level}.")
    return int(level)


def new_cluster(request: Request, storage: Storage, secured: Callable[[str], bool], now: datetime) -> Cluster:
    """The cluster of the request.  secured: whether a security configuration of that name exists."""
    need(request, "Name", ValidationException)
    instances = need(request, "Instances", ValidationException)
    release = _release(request)
    _check_supported(request)
    _check_roles(request)
    _check_security(request, secured)
    _check_log_uri(request.get("LogUri"), storage)
    configurations.check(request.get("Configurations", ()), release)
    groups = node_groups(instances, now)
    for group in groups:
        configurations.check(group.config.get("Configurations", ()), release)
    primary = next(group for group in groups if group.role == "MASTER")
    many = len(primary.nodes) == HA_PRIMARY_NODES
    if many:  # such a cluster lives until it is ended, and is protected, as AWS has it
        instances = {**instances, "KeepJobFlowAliveWhenNoSteps": True}
    _check_features(request, release)
    return Cluster(
        id=new_id("j-"),
        request=_kept({**request, "Instances": instances}, release),
        created=now,
        reason=STARTING,
        concurrency=concurrency(request, ValidationException),
        protected=bool(instances.get("TerminationProtected", many)),
        groups=groups,
    )


def _kept(request: Request, release: Release) -> dict[str, Any]:
    """The request as the cluster remembers it: applications with versions and AWS's spelling, policies complete."""
    kept = {name: value for name, value in request.items() if name not in ("Steps", "BootstrapActions")}
    named = [application["Name"] for application in request.get("Applications", ())] or ["Hadoop"]
    spelled = (release.application(name) or name for name in named)
    kept["Applications"] = [
        {"Name": name, "Version": releases.concise(release.applications[name])} for name in dict.fromkeys(spelled)
    ]
    kept["Tags"] = tags.merged([], request.get("Tags", ()), ValidationException)
    if "AutoTerminationPolicy" in request:
        kept["AutoTerminationPolicy"] = policies.auto_termination(request["AutoTerminationPolicy"])
    return kept


def _release(request: Request) -> Release:
    label, ami = request.get("ReleaseLabel"), request.get("AmiVersion")
    if label and ami:
        raise ValidationException(
            f"Only one AMI version and release label may be specified. Provided AMI: {ami}, release label: {label}."
        )
    if ami:
        raise ValidationException("The supplied ami version is invalid.")
    if not label:
        raise ValidationException(_NO_RELEASE)
    return releases.require(label, [application["Name"] for application in request.get("Applications", ())])


def _check_features(request: Request, release: Release) -> None:
    """What the release is too old for, and policies that do not fit the cluster."""
    if concurrency(request, ValidationException) > 1:
        policies.check_release(release.label, "Step concurrency")
    if "InstanceFleets" in request["Instances"]:
        policies.check_release(release.label, "Instance fleets")
    if "AutoTerminationPolicy" in request:
        policies.check_release(release.label, "Auto-termination")
    if "ManagedScalingPolicy" in request:
        policies.check_release(release.label, "Managed scaling")
        policies.check_scaling(request["ManagedScalingPolicy"], fleets="InstanceFleets" in request["Instances"])


def _check_supported(request: Request) -> None:
    for name in _NOT_SUPPORTED:
        if request.get(name):
            raise ValidationException(f"{name} is not supported.")


def _check_roles(request: Request) -> None:
    if not request.get("ServiceRole"):
        raise ValidationException("ServiceRole is required for creating cluster.")
    if not request.get("JobFlowRole"):
        raise ValidationException("InstanceProfile is required for creating cluster.")


def _check_security(request: Request, secured: Callable[[str], bool]) -> None:
    name = request.get("SecurityConfiguration")
    if name and not secured(name):
        raise ValidationException(f"Security configuration with name '{name}' does not exist.")


def _check_log_uri(uri: str | None, storage: Storage) -> None:
    if not uri:
        return
    if urlsplit(uri).scheme not in ("s3", "s3n", "s3a"):
        raise ValidationException(f"The LogUri {uri} is not valid: it must be an address in S3, s3://bucket/folder/.")
    try:
        storage.exists(uri)
    except LabError as error:
        raise ValidationException(f"The LogUri {uri} is not valid: {error}") from None


def check_document(text: str, error: type[EmrError]) -> None:
    """A security configuration's JSON."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not document:
        raise error("The security configuration is not valid: it must be a JSON object.")
