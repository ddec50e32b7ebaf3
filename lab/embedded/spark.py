"""Spark on folders: the settings under which `s3://` and `hdfs://` addresses work without servers.

Hadoop's ViewFileSystemOverloadScheme maps both schemes to folders, and Hive's metastore lives in the embedded
Postgres, so that several Spark processes share one catalogue.
https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/ViewFsOverloadScheme.html
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lab.embedded.java import Java, find_java, share_classes
from lab.embedded.jdbc import jdbc_driver
from lab.embedded.place import Place
from lab.embedded.postgres import HIVE, METASTORE, ROLES

WAREHOUSE_DIR = "hdfs:///user/hive/warehouse"
LOG4J = """rootLogger.level = warn
rootLogger.appenderRef.err.ref = err
appender.err.type = Console
appender.err.name = err
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
# Said at each start of a small local session, and nothing that a reader could act on.
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
logger.hiveconf.name = org.apache.hadoop.hive.conf.HiveConf
logger.hiveconf.level = error
logger.objectstore.name = org.apache.hadoop.hive.metastore.ObjectStore
logger.objectstore.level = error
logger.utils.name = org.apache.spark.util.Utils
logger.utils.level = error
logger.session.name = org.apache.hadoop.hive.ql.session.SessionState
logger.session.level = error
# Windows over a few dozen rows of a mart need no partition.
logger.window.name = org.apache.spark.sql.execution.window.WindowExec
logger.window.level = error
logger.plan.name = org.apache.spark.sql.catalyst.util.SparkStringUtils
logger.plan.level = error
"""


@dataclass(frozen=True)
class Spark:
    """How to start Spark in one embedded lab."""

    place: Place

    @property
    def shared(self) -> Path:
        """What all labs of this Python environment share; in the lab itself where the environment is read-only."""
        folder = Path(sys.prefix) / "var" / "lakelab"
        return folder if os.access(sys.prefix, os.W_OK) else self.place.cache

    def environment(self) -> dict[str, str]:
        """Environment variables of a process that starts Spark or runs a step. Writes the settings it names."""
        java = find_java()
        properties = self.write_properties(java)
        bare = self.shared / "empty"  # a class path with files in it would spoil the class archive
        bare.mkdir(parents=True, exist_ok=True)
        return {
            "JAVA_HOME": str(java.home),
            "SPARK_HOME": str(spark_home()),
            "SPARK_CONF_DIR": str(bare),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self.place.scratch / "spark"),
            "TMPDIR": str(self.place.scratch),
            "SPARK_LAUNCHER_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            "LAB_PYTHON": sys.executable,
            "LAB_HOME": str(self.place.home),
            "LAB_SPARK_PROPERTIES": str(properties),
        }

    def write_properties(self, java: Java) -> Path:
        path = self.place.conf / "spark.properties"
        (self.place.conf / "log4j2.properties").write_text(LOG4J)
        text = "".join(f"{key} {value}\n" for key, value in self.properties(java).items())
        handle = os.open(path.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
        path.with_suffix(".new").replace(path)
        return path

    def properties(self, java: Java) -> dict[str, str]:
        """Spark's settings. They stay outside of the job files, as on EMR."""
        home = self.place.home
        overload = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
        hadoop = {
            "fs.defaultFS": "hdfs://lab",
            "fs.s3.impl": overload,
            "fs.s3a.impl": overload,
            "fs.hdfs.impl": overload,
            "fs.viewfs.overload.scheme.target.file.impl": "org.apache.hadoop.fs.LocalFileSystem",
            "fs.viewfs.mounttable.lab.linkFallback": f"file://{home}/hdfs",
            **{
                f"fs.viewfs.mounttable.{bucket}.linkFallback": f"file://{home}/s3/{bucket}"
                for bucket in self._buckets()
            },
            "javax.jdo.option.ConnectionURL": f"jdbc:postgresql://127.0.0.1:{self.place.settings.erp_port}/{METASTORE}",
            "javax.jdo.option.ConnectionDriverName": "org.postgresql.Driver",
            "javax.jdo.option.ConnectionUserName": HIVE,
            "javax.jdo.option.ConnectionPassword": self.place.secrets[ROLES[HIVE]],
            "hive.metastore.schema.verification": "false",
            "datanucleus.schema.autoCreateAll": "false",
            "datanucleus.schema.validateTables": "false",
            "datanucleus.schema.validateConstraints": "false",
            "datanucleus.schema.validateColumns": "false",
            "datanucleus.connectionPool.maxPoolSize": "2",
            "hive.exec.scratchdir": f"{self.place.scratch}/hive",
            "mapreduce.fileoutputcommitter.marksuccessfuljobs": "true",
        }
        return {
            "spark.master": "local[*]",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "1g",
            "spark.driver.extraClassPath": str(jdbc_driver()),
            "spark.driver.extraJavaOptions": " ".join(self.java_options(java)),
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.warehouse.dir": WAREHOUSE_DIR,
            **{f"spark.hadoop.{key}": value for key, value in hadoop.items()},
        }

    def _buckets(self) -> list[str]:
        folder = self.place.home / "s3"
        found = {p.name for p in folder.iterdir() if p.is_dir()} if folder.is_dir() else set()
        return sorted(found | {self.place.settings.bucket})

    def java_options(self, java: Java) -> list[str]:
        options = [
            # The first compiler alone and the serial collector: half the processor time of a short job.
            *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xss4m"),
            f"-Dlog4j2.configurationFile=file:{self.place.conf}/log4j2.properties",
            f"-Djava.io.tmpdir={self.place.scratch}",
        ]
        archive = self.class_archive(java)
        return [*options, f"-XX:SharedArchiveFile={archive}", "-Xshare:auto"] if archive.exists() else options

    def class_archive(self, java: Java) -> Path:
        """Where the JVM's class archive (AppCDS) of this very Java and Spark lies, once it was made.

        It stands on the JDK's own archive, byte for byte: with a new one of that, such as after installing anew, Java
        would refuse it at each start.
        """
        base = java.home / "lib" / "server" / "classes.jsa"
        made = base.stat().st_mtime_ns if base.exists() else 0
        key = f"{java.home} {java.version} {made} {spark_home()} {version('pyspark')}"
        return self.shared / f"spark-{hashlib.sha256(key.encode()).hexdigest()[:12]}.jsa"

    def session(self, name: str) -> Any:
        """A Spark session with Hive support inside this Python process."""
        os.environ.update(self.environment())
        tempfile.tempdir = None  # it would keep to the folder that was right until now
        os.environ["PYSPARK_SUBMIT_ARGS"] = (
            f"--properties-file {os.environ['LAB_SPARK_PROPERTIES']} --name {name} pyspark-shell"
        )
        from pyspark.sql import SparkSession

        return SparkSession.builder.enableHiveSupport().getOrCreate()


def spark_home() -> Path:
    """The folder of the installed pyspark package, found without importing it."""
    import importlib.util

    spec = importlib.util.find_spec("pyspark")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


WARM_UP = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.appName("class archive").enableHiveSupport().getOrCreate()
frame = spark.range(1000).selectExpr("id", "id % 7 as g", "cast(id as string) as s", "cast(id as decimal(4,1)) as d")
frame.createOrReplaceTempView("t")
target = "hdfs:///tmp/class-archive"
frame.write.mode("overwrite").parquet(target + "/parquet")
frame.write.mode("overwrite").csv(target + "/csv")
text = spark.read.csv(target + "/csv").withColumnRenamed("_c0", "id")
spark.read.parquet(target + "/parquet").join(text, "id").groupBy("g").count().collect()
spark.sql("select g, avg(d), md5(max(s)), row_number() over (order by g) from t group by g").collect()
spark.sql("show databases").collect()
"""


def make_class_archive(spark: Spark) -> Path | None:
    """Record the classes that a Spark session loads, so that every later JVM starts in little over half the time.

    Takes about 20 seconds of one core, once. Returns the archive, or None when this Java cannot make one.
    """
    java = find_java()
    share_classes(java)
    archive = spark.class_archive(java)
    if archive.exists():
        return archive
    environment = {**os.environ, **spark.environment()}
    script = spark.place.cache / "class_archive.py"
    script.write_text(WARM_UP)
    recorded = archive.with_suffix(".new")
    recorded.unlink(missing_ok=True)
    options = " ".join([*spark.java_options(java), f"-XX:ArchiveClassesAtExit={recorded}"])
    with (spark.place.logs / "class-archive.log").open("w") as log:
        submit = [str(spark_home() / "bin" / "spark-submit"), "--properties-file", environment["LAB_SPARK_PROPERTIES"]]
        subprocess.run(
            [*submit, "--driver-java-options", options, str(script)],
            env=environment, stdout=log, stderr=log, check=False,
        )  # fmt: skip
    if not recorded.exists():
        return None
    recorded.rename(archive)
    return archive
