"""One small Spark session, without Hive, that all tests of transforms share; started by the first that needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from lab.embedded.java import find_java


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session on two threads; dates and times are in UTC."""
    folder: Path = tmp_path_factory.mktemp("spark")
    changed = ("JAVA_HOME", "SPARK_CONF_DIR", "SPARK_LOCAL_IP", "SPARK_HOME", "PYSPARK_PYTHON")
    kept = {name: os.environ.get(name) for name in changed}
    os.environ.update(JAVA_HOME=str(find_java().home), SPARK_CONF_DIR=str(folder), SPARK_LOCAL_IP="127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable  # the first python3 on PATH may be of another version
    os.environ.pop("SPARK_HOME", None)
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.local.dir", str(folder / "local"))
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    for name, value in kept.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    yield session
    session.stop()
