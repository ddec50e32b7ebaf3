"""Configurations by classification: which ones a release has, and the files that they stand for.

A file is named by the folder of its part: `hadoop/core-site.xml` is core-site.xml of HADOOP_CONF_DIR. What an `-env`
classification exports is set in the environment of the cluster's steps. A classification that is neither belongs to
something that the lab does not run: AWS takes it, and here it changes nothing.
https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-configure-apps.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.aws.emr.errors import EmrError, ValidationException
from services.aws.emr.model import Cluster
from services.aws.emr.releases import Release

Configurations = Sequence[Mapping[str, Any]]
Files = dict[str, dict[str, str]]
FILES = {
    **{
        name: f"hadoop/{name}.xml"
        for name in ("core-site", "hdfs-site", "mapred-site", "yarn-site", "capacity-scheduler")
    },
    **{name: f"hive/{name}.xml" for name in ("hive-site", "hiveserver2-site", "tez-site")},
    "hadoop-log4j": "hadoop/log4j.properties",
    "hive-log4j2": "hive/hive-log4j2.properties",
    "spark-defaults": "spark/spark-defaults.conf",
    "spark-hive-site": "spark/hive-site.xml",
    "spark-log4j2": "spark/log4j2.properties",
    "spark-metrics": "spark/metrics.properties",
}
_CHILDREN = {"container-executor": ("docker", "gpu", "cgroups")}
_ENV = frozenset({"hadoop-env", "hdfs-env", "mapred-env", "yarn-env", "hive-env", "spark-env"})
_EXPORT = "export"
# There is one Java here, and a step finds its commands, and knows whose it is, by the others.
_NOT_EXPORTED = frozenset({"JAVA_HOME", "PATH", "HOME", "EMR_CLUSTER_ID", "EMR_STEP_ID"})


def check(configurations: Configurations, release: Release, error: type[EmrError] = ValidationException) -> None:
    """Refuse a classification that the release lacks, in AWS's words."""
    known = release.classifications
    for each in configurations:
        name = each.get("Classification")
        if name not in known:
            raise _not_valid(name, None, error)
        _check_nested(each, error)


def files(configurations: Configurations) -> Files:
    """The properties of each file that the configurations change.

    Without one of its own, Spark gets Hive's settings too, so that both find the same metastore.
    """
    found: Files = {}
    for each in configurations:
        file = FILES.get(each["Classification"])
        if file is None:
            continue
        found.setdefault(file, {}).update(each.get("Properties", {}))
    hive, spark = FILES["hive-site"], FILES["spark-hive-site"]
    if hive in found:
        found[spark] = {**found[hive], **found.get(spark, {})}
    return {file: properties for file, properties in found.items() if properties}


def exports(configurations: Configurations) -> dict[str, str]:
    """The variables that the configurations export, as they are written: `$NAME` is for who sets them to fill in."""
    return {
        name: value
        for each in configurations
        if each["Classification"] in _ENV
        for nested in each.get("Configurations", ())
        for name, value in nested.get("Properties", {}).items()
        if name not in _NOT_EXPORTED
    }


def of_cluster(cluster: Cluster) -> list[Mapping[str, Any]]:
    """What is configured on the cluster's primary node, where steps run: the group's own comes after the cluster's."""
    primary = next((group.config for group in cluster.groups if group.role == "MASTER"), {})
    types = primary.get("InstanceTypeConfigs", ())
    own = types[0].get("Configurations", ()) if types else primary.get("Configurations", ())
    return [*cluster.request.get("Configurations", ()), *own]


def _check_nested(configuration: Mapping[str, Any], error: type[EmrError]) -> None:
    parent = configuration["Classification"]
    children = (_EXPORT,) if parent.endswith("-env") else _CHILDREN.get(parent, ())
    for nested in configuration.get("Configurations", ()):
        if nested.get("Classification") not in children:
            raise _not_valid(nested.get("Classification"), parent, error)
        for deeper in nested.get("Configurations", ()):
            raise _not_valid(deeper.get("Classification"), nested["Classification"], error)


def _not_valid(name: str | None, parent: str | None, error: type[EmrError]) -> EmrError:
    return error(f"Classification '{name or 'null'}' is not valid for parent classification '{parent or 'null'}'.")
