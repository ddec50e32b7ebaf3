"""A cluster's configurations: which a release takes, and how they get to its steps."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster_lab import ClusterEmr
from emr_lab import MINIMAL, NODES, Emr, shell

from lab.embedded.configuration import settings_for
from services.aws.emr import configurations, releases
from services.aws.emr.conf_folder import compose
from services.aws.emr.errors import ValidationException
from services.aws.emr.executor import LocalExecutor


def one(name: str, nested: list[dict] | None = None, **properties: str) -> dict:
    return {"Classification": name, "Properties": properties, **({"Configurations": nested} if nested else {})}


def exported(name: str, **variables: str) -> dict:
    return one(name, [one("export", **variables)])


@pytest.mark.parametrize(
    ("given", "label", "words"),
    [
        (one("spark-default"), "emr-7.13.0", "'spark-default' is not valid for parent classification 'null'."),
        (one("spark-log4j"), "emr-7.13.0", "'spark-log4j' is not valid for parent classification 'null'."),
        (one("spark-log4j2"), "emr-6.5.0", "'spark-log4j2' is not valid for parent classification 'null'."),
        ({}, "emr-7.13.0", "'null' is not valid for parent classification 'null'."),
        (one("core-site", [one("export")]), "emr-7.13.0",
         "'export' is not valid for parent classification 'core-site'."),
        (one("spark-env", [one("exports")]), "emr-7.13.0",
         "'exports' is not valid for parent classification 'spark-env'."),
        (one("spark-env", [one("export", [one("export")])]), "emr-7.13.0",
         "'export' is not valid for parent classification 'export'."),
    ],
)  # fmt: skip
def test_what_the_release_lacks_is_refused_in_awss_words(given: dict, label: str, words: str) -> None:
    with pytest.raises(ValidationException) as caught:
        configurations.check([given], releases.require(label))
    assert caught.value.message == f"Classification {words}"


def test_what_the_release_has_is_taken() -> None:
    every = [one(name) for name in configurations.FILES]
    configurations.check(every, releases.require("emr-7.13.0"))
    configurations.check([exported("spark-env", A="1")], releases.require("emr-6.5.0"))


def test_files_and_variables() -> None:
    given = [
        one("core-site", **{"io.file.buffer.size": "1"}),
        one("core-site", **{"io.file.buffer.size": "2", "a": "b"}),
        one("hive-site", **{"hive.exec.dynamic.partition.mode": "nonstrict", "x": "hive's"}),
        one("spark-hive-site", x="spark's"),
        one("hbase-site", **{"hbase.rootdir": "s3://x"}),
        exported("spark-env", PYSPARK_PYTHON="/usr/bin/python3", JAVA_HOME="/usr/lib/jvm/java-8"),
        one("hadoop-env", NOT="exported"),
    ]
    assert configurations.files(given) == {
        "hadoop/core-site.xml": {"io.file.buffer.size": "2", "a": "b"},
        "hive/hive-site.xml": {"hive.exec.dynamic.partition.mode": "nonstrict", "x": "hive's"},
        "spark/hive-site.xml": {"hive.exec.dynamic.partition.mode": "nonstrict", "x": "spark's"},
    }
    assert configurations.exports(given) == {"PYSPARK_PYTHON": "/usr/bin/python3"}


def test_a_folder_has_the_machines_files_with_the_clusters_properties_last(tmp_path: Path) -> None:
    defaults = tmp_path / "etc"
    for part in ("hadoop", "spark"):
        (defaults / part / "conf").mkdir(parents=True)
    (defaults / "hadoop/conf/hdfs-site.xml").write_text("<configuration>untouched</configuration>\n")
    (defaults / "hadoop/conf/core-site.xml").write_text(
        "<configuration>\n  <property><name>a</name><value>old</value></property>\n</configuration>\n"
    )
    (defaults / "spark/conf/spark-defaults.conf").write_text("spark.a  old")

    variables = compose(
        defaults,
        tmp_path / "conf",
        {
            "hadoop/core-site.xml": {"a": "new & <better>"},
            "hive/hive-site.xml": {"hive.x": "1"},
            "spark/spark-defaults.conf": {"spark.a": "C:\\new"},
            "spark/log4j2.properties": {"rootLogger.level": "debug"},
        },
    )

    conf = tmp_path / "conf"
    assert variables == {
        "HADOOP_CONF_DIR": f"{conf}/hadoop", "YARN_CONF_DIR": f"{conf}/hadoop", "HIVE_CONF_DIR": f"{conf}/hive",
        "SPARK_CONF_DIR": f"{conf}/spark", "EMR_HIVE_SETTINGS": '{"hive.x": "1"}',
    }  # fmt: skip
    assert (conf / "hadoop/hdfs-site.xml").read_text() == "<configuration>untouched</configuration>\n"
    assert (conf / "hadoop/core-site.xml").read_text() == (
        "<configuration>\n  <property><name>a</name><value>old</value></property>\n"
        "  <property><name>a</name><value>new &amp; &lt;better&gt;</value></property>\n</configuration>\n"
    )
    assert (conf / "hive/hive-site.xml").read_text().endswith("<value>1</value></property>\n</configuration>\n")
    assert (conf / "spark/spark-defaults.conf").read_text() == "spark.a  old\nspark.a C:\\\\new\n"
    assert (conf / "spark/log4j2.properties").read_text() == "rootLogger.level=debug\n"
    with pytest.raises(ValueError, match="no file of a configuration"):
        compose(defaults, tmp_path / "conf", {"hadoop/../../x": {}})


def test_a_step_on_the_node_reads_its_own_clusters_configuration(cluster_emr: ClusterEmr) -> None:
    configured = cluster_emr.cluster(
        Configurations=[
            one("core-site", **{"fs.trash.interval": "60"}),
            exported("hadoop-env", COLOUR="blue", PLACE="$EMR_X"),
        ]
    )
    plain = cluster_emr.cluster()
    script = 'echo "$COLOUR $SPARK_SUBMIT_OPTS"; cat "${HADOOP_CONF_DIR-}/core-site.xml"; echo $?'

    (first,) = cluster_emr.add(configured, shell(script))
    (second,) = cluster_emr.add(plain, shell(script))
    cluster_emr.ended(configured)
    cluster_emr.ended(plain)

    own = cluster_emr.engine.step_log(configured, first, "stdout").decode()
    assert f"blue -Dspark.yarn.tags={configured}.{first},{configured},userid={configured}\n".lower() in own.lower()
    assert "<name>fs.trash.interval</name><value>60</value>" in own
    assert "fs.trash" not in cluster_emr.engine.step_log(plain, second, "stdout").decode()


def test_the_primary_groups_own_configuration_comes_last(emr: Emr) -> None:
    groups = [
        {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1,
         "Configurations": [exported("spark-env", COLOUR="green")]},
        {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 1,
         "Configurations": [exported("spark-env", COLOUR="red")]},
    ]  # fmt: skip
    instances = {"InstanceGroups": groups, "KeepJobFlowAliveWhenNoSteps": True}
    request = {**MINIMAL, "Instances": instances, "Configurations": [exported("spark-env", COLOUR="blue", B="1")]}
    cluster = emr.engine.run_job_flow(request)["JobFlowId"]

    (step_id,) = emr.add(cluster, shell("echo $COLOUR $B"))
    emr.ended(cluster)
    assert emr.engine.step_log(cluster, step_id, "stdout") == b"green 1\n"
    (primary,) = [
        group["Id"]
        for group in emr.engine.list_instance_groups({"ClusterId": cluster})["InstanceGroups"]
        if group["InstanceGroupType"] == "MASTER"
    ]
    change = {"InstanceGroupId": primary, "Configurations": [exported("spark-env", COLOUR="white")]}
    emr.engine.wait_for_cluster(cluster, ["WAITING"], 20)
    emr.engine.modify_instance_groups({"ClusterId": cluster, "InstanceGroups": [change]})
    (step_id,) = emr.add(cluster, shell("echo $COLOUR $B"))
    emr.ended(cluster)
    assert emr.engine.step_log(cluster, step_id, "stdout") == b"white 1\n"


def test_in_the_embedded_lab_all_becomes_settings_of_spark(emr: Emr, tmp_path: Path) -> None:
    cluster_id = emr.cluster(
        instances=NODES,
        Configurations=[
            one("spark-defaults", **{"spark.sql.shuffle.partitions": "7", "spark.master": "yarn",
                                     "spark.driver.extraJavaOptions": "-Dmine=1"}),
            one("hive-site", **{"hive.exec.dynamic.partition.mode": "nonstrict"}),
            one("core-site", **{"io.x": "2"}),
            one("spark-log4j2", **{"rootLogger.level": "info"}),
        ],
    )  # fmt: skip
    cluster = emr.store.cluster(cluster_id)
    base = tmp_path / "spark.properties"
    log4j = tmp_path / "log4j2.properties"
    log4j.write_text("rootLogger.level = warn\n")
    base.write_text(
        f"spark.master local[*]\nspark.driver.extraJavaOptions -Xss4m -Dlog4j2.configurationFile=file:{log4j}\n"
    )

    variables = settings_for(cluster, {"LAB_SPARK_PROPERTIES": str(base), "A": "b"}, tmp_path / "conf")

    own = tmp_path / "conf" / f"{cluster_id}.log4j2.properties"
    assert variables == {"LAB_SPARK_PROPERTIES": str(tmp_path / "conf" / f"{cluster_id}.properties"), "A": "b"}
    assert Path(variables["LAB_SPARK_PROPERTIES"]).stat().st_mode & 0o777 == 0o600
    assert Path(variables["LAB_SPARK_PROPERTIES"]).read_text().splitlines() == [
        "spark.master local[*]",
        f"spark.driver.extraJavaOptions -Xss4m -Dlog4j2.configurationFile=file:{own} -Dmine=1",
        "spark.sql.shuffle.partitions 7",
        "spark.hadoop.io.x 2",
        "spark.hadoop.hive.exec.dynamic.partition.mode nonstrict",
    ]
    assert own.read_text() == "rootLogger.level = warn\nrootLogger.level = info\n"
    plain = emr.store.cluster(emr.cluster())
    assert settings_for(plain, {"LAB_SPARK_PROPERTIES": str(base)}, tmp_path) == {"LAB_SPARK_PROPERTIES": str(base)}
    assert isinstance(emr.executor, LocalExecutor)
