"""What a cluster was configured with, in the embedded lab: all of it becomes settings of Spark, which runs it all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from services.aws.emr import configurations
from services.aws.emr.model import Cluster

# Spark runs in this machine's own processes whatever a cluster says.
_FIXED = ("spark.master", "spark.submit.deployMode")
_JAVA, _CLASSES = "spark.driver.extraJavaOptions", "spark.driver.extraClassPath"
_XML = ("hadoop/core-site.xml", "hadoop/hdfs-site.xml", "hadoop/mapred-site.xml", "hadoop/yarn-site.xml")
_SPARK, _HIVE, _LOG4J = "spark/spark-defaults.conf", "spark/hive-site.xml", "spark/log4j2.properties"


def settings_for(cluster: Cluster, variables: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The variables of a step, with settings of its own where the cluster was configured. Writes them to `folder`."""
    files = configurations.files(configurations.of_cluster(cluster))
    if not files:
        return dict(variables)
    base = _read(Path(variables["LAB_SPARK_PROPERTIES"]))
    own = {name: value for name, value in files.get(_SPARK, {}).items() if name not in _FIXED}
    for name, between in ((_JAVA, " "), (_CLASSES, os.pathsep)):
        if name in own:
            own[name] = between.join(part for part in (base.get(name), own[name]) if part)
    for file in (*_XML, _HIVE):
        own |= {f"spark.hadoop.{name}": value for name, value in files.get(file, {}).items()}
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _LOG4J in files:
        log4j = Path(variables["LAB_SPARK_PROPERTIES"]).with_name("log4j2.properties")
        lines = [f"{name} = {value}\n" for name, value in files[_LOG4J].items()]
        changed = _write(folder / f"{cluster.id}.log4j2.properties", log4j.read_text() + "".join(lines))
        own[_JAVA] = own.get(_JAVA, base[_JAVA]).replace(f"file:{log4j}", f"file:{changed}")
    text = "".join(f"{name} {value}\n" for name, value in {**base, **own}.items())
    return {**variables, "LAB_SPARK_PROPERTIES": str(_write(folder / f"{cluster.id}.properties", text))}


def _read(path: Path) -> dict[str, str]:
    pairs = (line.split(" ", 1) for line in path.read_text().splitlines() if " " in line)
    return dict(pairs)


def _write(path: Path, text: str) -> Path:
    """Readable by this user alone, as the metastore's password is in it; replaced at once."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
    return new.replace(path)
