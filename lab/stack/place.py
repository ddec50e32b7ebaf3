"""The stack as the host reaches it: clients for its published addresses, with the logins of `.env.local`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import psycopg2

from lab.embedded.postgres import OWNER, UNLOADER
from lab.stack.airflow import Airflow
from lab.stack.compose import Compose, stack_folder
from lab.stack.emr import RemoteEmr
from lab.stack.environment import Environment, read_environment
from lab.stack.webhdfs import StackFiles, WebHdfs
from lakelab.aws import aws_client
from lakelab.catalogue import DATABASE, WAREHOUSE
from lakelab.database import Connect
from lakelab.hiveserver2 import HiveServer2
from lakelab.s3 import S3Storage
from lakelab.settings import Settings, load_settings

HOST = "127.0.0.1"
PASSWORDS = {OWNER: "ERP_OWNER_PASSWORD", UNLOADER: "ERP_UNLOADER_PASSWORD", "debezium": "CDC_PASSWORD"}


@dataclass(frozen=True)
class Stack:
    """One stack. Clients are made when first asked for; none of them waits for a server until it is used."""

    environment: Environment

    @classmethod
    def of_this_clone(cls) -> Stack:
        """LabError where `make up` never ran."""
        return cls(read_environment())

    @cached_property
    def settings(self) -> Settings:
        return replace(load_settings(self.environment.values), erp_port=self.environment.port("ERP_PORT"))

    @cached_property
    def compose(self) -> Compose:
        """Its containers."""
        return Compose(self.environment)

    @property
    def folder(self) -> Path:
        return stack_folder()

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    def connecting(self, role: str = UNLOADER) -> Connect:
        """What opens a connection to the ERP."""
        return partial(
            psycopg2.connect, host=HOST, port=self.environment.port("ERP_PORT"), user=role,
            password=self.environment[PASSWORDS[role]], dbname=DATABASE,
            application_name="lakelab", connect_timeout=10,
        )  # fmt: skip

    def connecting_warehouse(self) -> Connect:
        """What opens a connection to database `warehouse`, as its owner."""
        return partial(
            psycopg2.connect, host=HOST, port=self.environment.port("ERP_PORT"), user="warehouse",
            password=self.environment["WAREHOUSE_PASSWORD"], dbname="warehouse",
            application_name="lakelab", connect_timeout=10,
        )  # fmt: skip

    @property
    def kafka(self) -> str:
        """The brokers' addresses on this machine, as clients take them."""
        return ",".join(f"{HOST}:{self.environment.port(name)}" for name in ("KAFKA_1_PORT", "KAFKA_2_PORT"))

    @property
    def connect_url(self) -> str:
        """Kafka Connect's REST interface."""
        return f"http://{HOST}:{self.environment.port('CONNECT_PORT')}"

    @property
    def api_url(self) -> str:
        """The API, through the entrance."""
        return f"https://localhost:{self.environment.port('ENTRANCE_PORT')}/api"

    @property
    def aws_url(self) -> str:
        return f"http://{HOST}:{self.environment.port('AWS_PORT')}"

    def aws(self, service: str) -> Any:
        """A boto3 client on the AWS endpoint."""
        keys = self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"]
        return aws_client(service, endpoint=self.aws_url, region=self.environment["AWS_REGION"], keys=keys)

    @cached_property
    def emr(self) -> RemoteEmr:
        return RemoteEmr(self.aws("emr"))

    @cached_property
    def hdfs(self) -> WebHdfs:
        return WebHdfs(f"http://{HOST}:{self.environment.port('WEBHDFS_PORT')}")

    @cached_property
    def storage(self) -> S3Storage:
        return S3Storage(self.aws("s3"))

    @cached_property
    def files(self) -> StackFiles:
        """Files of S3 and HDFS by their addresses, to be read."""
        return StackFiles(self.storage, self.hdfs)

    @cached_property
    def airflow(self) -> Airflow:
        url = f"http://{HOST}:{self.environment.port('AIRFLOW_PORT')}"
        return Airflow(url, self.environment["AIRFLOW_ADMIN_PASSWORD"])

    def warehouse(self, database: str = WAREHOUSE) -> HiveServer2:
        return HiveServer2(HOST, self.environment.port("HIVESERVER2_PORT"), database=database)
