"""What can be opened on the stack: address on the host, login, how it is found well inside, and what it is for.

One list for `lab stack urls`, `lab stack status` and the start page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

# The two halves of the stack, as profiles of Compose; what has no profile belongs to both.
HALVES = ("batch", "live")
# And what is started beside them when asked for.
NIFI = "nifi"
PROFILES = (*HALVES, NIFI)


@dataclass(frozen=True)
class Address:
    """One address. url, user and password hold `{KEY}` of `.env.local`; probe is where the service answers inside.

    page: whether a browser can open it.  probe: `http://host:port/path`, or `host:port` for a plain connection.
    half: the profile of the service, "" where both halves have it; NIFI is none of the two.
    """

    name: str
    service: str
    url: str
    purpose: str
    probe: str
    user: str = ""
    password: str = ""
    page: bool = True
    half: str = ""

    def filled(self, values: Mapping[str, str]) -> Address:
        """The same with ports and logins in place of their keys."""
        url, user, password = (text.format_map(values) for text in (self.url, self.user, self.password))
        return replace(self, url=url, user=user, password=password)


ADDRESSES = (
    Address(
        "Start page",
        "home",
        "https://localhost:{ENTRANCE_PORT}/",
        "This page: where everything is and whether it is well",
        "http://home:8000/health",
        "lab",
        "{HOME_PASSWORD}",
    ),
    Address(
        "Airflow",
        "airflow",
        "http://127.0.0.1:{AIRFLOW_PORT}/",
        "Runs the pipelines: trigger unload_erp and watch it",
        "http://airflow:8080/api/v2/monitor/health",
        "admin",
        "{AIRFLOW_ADMIN_PASSWORD}",
        half="batch",
    ),
    Address(
        "EMR console",
        "aws",
        "https://localhost:{ENTRANCE_PORT}/emr/",
        "Clusters and steps as they go: what each ran, how long, why it failed, and its logs while they grow",
        "http://aws:4567/emr/health",
        "lab",
        "{HOME_PASSWORD}",
        half="batch",
    ),
    Address(
        "MinIO",
        "minio",
        "http://127.0.0.1:{MINIO_CONSOLE_PORT}/",
        "S3: the stage, the jobs and the logs of the steps, as files in a bucket",
        "http://minio:9000/minio/health/ready",
        "{AWS_ACCESS_KEY_ID}",
        "{AWS_SECRET_ACCESS_KEY}",
    ),
    Address(
        "YARN",
        "resourcemanager",
        "http://127.0.0.1:{YARN_PORT}/cluster",
        "The cluster's processors and memory, and which application has them",
        "http://resourcemanager:8088/ws/v1/cluster/info",
        half="batch",
    ),
    Address(
        "HDFS",
        "namenode",
        "http://127.0.0.1:{WEBHDFS_PORT}/",
        "The files of the warehouse and the nodes that keep them; WebHDFS at the same address",
        "http://namenode:9870/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo",
    ),
    Address(
        "Spark history",
        "sparkhistory",
        "http://127.0.0.1:{SPARK_HISTORY_PORT}/",
        "What each Spark job did: stages, tasks, plans",
        "http://sparkhistory:18080/api/v1/applications?limit=1",
        half="batch",
    ),
    Address(
        "AWS endpoint",
        "nginx",
        "http://127.0.0.1:{AWS_PORT}",
        "AWS_ENDPOINT_URL for boto3, the AWS CLI and Terraform: S3, EMR and the rest",
        "http://aws:4566/health",
        "{AWS_ACCESS_KEY_ID}",
        "{AWS_SECRET_ACCESS_KEY}",
        page=False,
        half="batch",
    ),
    Address(
        "HiveServer2",
        "hiveserver2",
        "jdbc:hive2://127.0.0.1:{HIVESERVER2_PORT}/data_dev_5data",
        "SQL on the warehouse, by beeline or PyHive",
        "hiveserver2:10000",
        "hadoop",
        page=False,
    ),
    Address(
        "Kafka's topics",
        "kafka-2",
        "https://localhost:{ENTRANCE_PORT}/kafka/",
        "Topics, messages, consumer groups and how far they lag, live; the login is that of this page",
        "kafka-2:9092",
        half="live",
    ),
    Address(
        "Kafka",
        "kafka-1",
        "127.0.0.1:{KAFKA_1_PORT},127.0.0.1:{KAFKA_2_PORT}",
        "Brokers, for kafka-python and every other client (bootstrap servers); `lab kafka topics` lists what there is",
        "kafka-1:9092",
        page=False,
        half="live",
    ),
    Address(
        "Kafka Connect",
        "connect",
        "http://127.0.0.1:{CONNECT_PORT}/connectors?expand=status",
        "Connectors and their tasks: Debezium reads the ERP's log here; `lab cdc status` says the same in words",
        "http://connect:8083/health",
        half="live",
    ),
    Address(
        "API",
        "api",
        "https://localhost:{ENTRANCE_PORT}/api/docs",
        "The ERP as resources, events, marts and quotes: every call explained, and to try out",
        "http://api:8000/health/live",
        "(token of the ERP)",
        "{API_ERP_TOKEN}",
        half="live",
    ),
    Address(
        "Live page",
        "api",
        "https://localhost:{ENTRANCE_PORT}/api/live.html",
        "Quotes and changes in the ERP as they come",
        "http://api:8000/health/ready",
        "(token of readers)",
        "{API_READER_TOKEN}",
        half="live",
    ),
    Address(
        "Event intake",
        "api",
        "https://localhost:{ENTRANCE_PORT}/api/events/",
        "POST of impressions, clicks, quotes and application events; answered when Kafka has them",
        "http://api:8000/health/ready",
        "(token of events)",
        "{API_EVENTS_TOKEN}",
        page=False,
        half="live",
    ),
    Address(
        "NiFi",
        "nifi",
        "https://localhost:{NIFI_PORT}/nifi/",
        "Flows of the changes to the bucket and the warehouse: counters, queues, the path of each row",
        "nifi:8443",
        "admin",
        "{NIFI_ADMIN_PASSWORD}",
        half=NIFI,
    ),
    Address(
        "ERP",
        "postgres",
        "postgresql://127.0.0.1:{ERP_PORT}/ERP",
        "The school's own database, by psql or any client; erp_owner may change it",
        "postgres:5432",
        "erp_owner",
        "{ERP_OWNER_PASSWORD}",
        page=False,
    ),
)


def filled(values: Mapping[str, str], halves: Collection[str] = PROFILES) -> list[Address]:
    """Every address of these halves of the stack, with its ports and logins."""
    return [address.filled(values) for address in ADDRESSES if not address.half or address.half in halves]
