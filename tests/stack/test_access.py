"""From the host, with the packages and programs that the README names; and what is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psycopg2
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from live import Live
from polling import poll_until

from lab.embedded.java import find_java
from lab.embedded.spark import spark_home
from lakelab.catalogue import WAREHOUSE


@pytest.fixture(scope="module")
def bucket(live: Live) -> str:
    return live.stack.settings.bucket


# What works


@pytest.fixture(scope="module")
def hdfs(live: Live):
    from hdfs import InsecureClient

    return InsecureClient(f"http://127.0.0.1:{live.stack.environment['WEBHDFS_PORT']}", user="hadoop")


def test_webhdfs_by_the_hdfs_package(hdfs):
    text = "Évaluation, 100 %\n" * 2_000
    hdfs.write("/tmp/host/é.txt", data=text, encoding="utf-8", overwrite=True)
    with hdfs.read("/tmp/host/é.txt", encoding="utf-8") as reader:
        assert reader.read() == text
    hdfs.write("/tmp/host/é.txt", data="more", encoding="utf-8", append=True)
    assert hdfs.status("/tmp/host/é.txt")["length"] == len(text.encode()) + 4
    assert hdfs.list("/tmp/host") == ["é.txt"]
    assert hdfs.delete("/tmp/host", recursive=True)


def test_webhdfs_takes_50_mb_and_holds_little_of_it(live: Live, hdfs):
    block = os.urandom(1 << 20)
    hdfs.write("/tmp/large.bin", data=(block for _ in range(50)), overwrite=True)
    found = hashlib.sha256()
    with hdfs.read("/tmp/large.bin", chunk_size=1 << 20) as chunks:
        for chunk in chunks:
            found.update(chunk)
    assert found.digest() == hashlib.sha256(block * 50).digest()
    assert live.memory()["home"] < 110e6
    assert hdfs.delete("/tmp/large.bin")
    assert hdfs.status("/tmp/large.bin", strict=False) is None


def test_an_upload_that_may_not_be_is_refused_in_the_words_of_hdfs(hdfs):
    from hdfs.util import HdfsError

    hdfs.write("/tmp/there.txt", data=b"first", overwrite=True)
    with pytest.raises(HdfsError, match="already exists"):
        hdfs.write("/tmp/there.txt", data=b"second")
    with hdfs.read("/tmp/there.txt") as reader:
        assert reader.read() == b"first"
    assert hdfs.delete("/tmp/there.txt")


def test_an_upload_that_breaks_off_leaves_no_file(live: Live, hdfs):
    path = "/tmp/half.bin"
    query = "op=CREATE&user.name=hadoop&overwrite=true&noredirect=true"
    base = f"http://127.0.0.1:{live.stack.environment['WEBHDFS_PORT']}"
    with urllib.request.urlopen(urllib.request.Request(f"{base}/webhdfs/v1{path}?{query}", method="PUT")) as answer:
        address = urlsplit(json.load(answer)["Location"])
    with socket.create_connection((address.hostname, address.port), timeout=30) as client:
        head = f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        client.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        client.sendall((b"100000\r\n" + bytes(1 << 20) + b"\r\n") * 3)
        poll_until(lambda: hdfs.status(path, strict=False), "the file to be begun")
    poll_until(lambda: hdfs.status(path, strict=False) is None, "the half file to go")


def test_hiveserver2_by_pyhive(live: Live):
    from pyhive import hive

    connection = hive.connect("127.0.0.1", int(live.stack.environment["HIVESERVER2_PORT"]), username="hadoop")
    cursor = connection.cursor()
    cursor.execute("SELECT 1 + 1, 'é', CAST(NULL AS int), DATE '2026-02-28'")
    assert cursor.fetchall() == [(2, "é", None, "2026-02-28")]
    cursor.execute("SHOW DATABASES")
    assert (WAREHOUSE,) in cursor.fetchall()
    connection.close()


def test_hiveserver2_by_beeline(live: Live):
    beeline = Path(sys.executable).with_name("beeline")
    url = f"jdbc:hive2://127.0.0.1:{live.stack.environment['HIVESERVER2_PORT']}/{WAREHOUSE}"
    command = [beeline, "-u", url, "-n", "hadoop", "--silent=true", "--outputformat=csv2", "-e", "SHOW TABLES"]
    homes = {"JAVA_HOME": str(find_java().home), "SPARK_HOME": str(spark_home())}
    done = subprocess.run(
        command, env={**os.environ, **homes}, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "grades_csv" in done.stdout.split()


def test_s3_by_minio_and_by_boto3(live: Live, bucket: str):
    from minio import Minio

    values = live.stack.environment
    client = Minio(
        f"127.0.0.1:{values['AWS_PORT']}",
        access_key=values["AWS_ACCESS_KEY_ID"], secret_key=values["AWS_SECRET_ACCESS_KEY"],
        region=values["AWS_REGION"], secure=False,
    )  # fmt: skip
    content = os.urandom(6 << 20)  # two parts
    client.put_object(bucket, "tests/é & blank.bin", io.BytesIO(content), len(content), part_size=5 << 20)
    s3 = live.stack.aws("s3")
    assert s3.get_object(Bucket=bucket, Key="tests/é & blank.bin")["Body"].read() == content
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "tests/é & blank.bin"})
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.read() == content
    s3.delete_object(Bucket=bucket, Key="tests/é & blank.bin")
    assert s3.list_objects_v2(Bucket=bucket, Prefix="tests/")["KeyCount"] == 0


def test_the_rest_of_aws_answers_at_the_same_address(live: Live):
    assert live.stack.aws("sts").get_caller_identity()["Account"].isdigit()
    assert live.cluster in {c["Id"] for c in live.stack.aws("emr").list_clusters()["Clusters"]}


def test_yarn_and_spark_history_by_http(live: Live):
    for port, path, word in (
        ("YARN_PORT", "/ws/v1/cluster/info", b"STARTED"),
        ("YARN_PORT", "/cluster", b"</html>"),
        ("SPARK_HISTORY_PORT", "/api/v1/applications", b"["),
        ("WEBHDFS_PORT", "/webhdfs/v1/?op=LISTSTATUS", b"pathSuffix"),
    ):
        with urllib.request.urlopen(f"http://127.0.0.1:{live.stack.environment[port]}{path}", timeout=30) as answer:
            assert word in answer.read(), path


def test_a_mapreduce_job_that_has_ended_leads_to_its_page_in_yarn(live: Live):
    folder = f"/tmp/ended-{os.getpid()}"
    live.sh(
        "master",
        f"hdfs dfs -mkdir -p {folder} && echo x | hdfs dfs -put - {folder}/in"
        f" && mapred streaming -D mapreduce.job.reduces=0 -input {folder}/in -output {folder}/out -mapper cat",
    )
    yarn = f"http://127.0.0.1:{live.stack.environment['YARN_PORT']}"
    with urllib.request.urlopen(f"{yarn}/ws/v1/cluster/apps?applicationTypes=MAPREDUCE", timeout=30) as answer:
        newest = max(json.load(answer)["apps"]["app"], key=lambda app: app["startedTime"])["id"]
    with urllib.request.urlopen(f"{yarn}/proxy/{newest}/", timeout=30) as page:
        assert page.url == f"{yarn}/cluster/app/{newest}"
        assert "FINISHED" in page.read().decode()


# What does not


def client(live: Live, service: str, key: str, secret: str):
    return boto3.client(
        service, endpoint_url=live.stack.aws_url, region_name=live.stack.environment["AWS_REGION"],
        aws_access_key_id=key, aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )  # fmt: skip


def calls(live: Live, key: str, secret: str):
    step = {"Name": "evil", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["touch", "/tmp/evil"]}}
    return [
        lambda: client(live, "emr", key, secret).add_job_flow_steps(JobFlowId=live.cluster, Steps=[step]),
        lambda: client(live, "s3", key, secret).list_objects_v2(Bucket=live.stack.settings.bucket),
        lambda: client(live, "iam", key, secret).list_users(),
    ]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_calls_with_wrong_keys_are_refused(live: Live, number: int):
    values = live.stack.environment
    before = len(live.steps())
    for key, secret in (
        (values["AWS_ACCESS_KEY_ID"], "x" * 40),
        ("AKIAXXXXXXXXXXXXXXXX", values["AWS_SECRET_ACCESS_KEY"]),
        ("test", "test"),
    ):
        with pytest.raises(ClientError) as refused:
            calls(live, key, secret)[number]()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
    assert len(live.steps()) == before


def test_unsigned_calls_are_refused(live: Live, bucket: str):
    s3 = boto3.client("s3", endpoint_url=live.stack.aws_url, config=Config(signature_version=UNSIGNED))
    for call in (
        lambda: s3.list_objects_v2(Bucket=bucket),
        lambda: s3.get_object(Bucket=bucket, Key="keys/pseudonym.key"),
        lambda: s3.put_object(Bucket=bucket, Key="evil", Body=b"x"),
    ):
        with pytest.raises(ClientError, match=r"AccessDenied|403|MissingAuthentication"):
            call()
    for target in ("ElasticMapReduce.ListClusters", "DynamoDB_20120810.ListTables"):
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        assert status(urllib.request.Request(live.stack.aws_url, b"{}", headers)) in (400, 401, 403), target


def status(request: urllib.request.Request | str, context: ssl.SSLContext | None = None) -> int:
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_start_page_wants_its_login_and_has_a_certificate_of_the_lab(live: Live, tmp_path: Path):
    values = live.stack.environment
    url = f"https://localhost:{values['ENTRANCE_PORT']}/"
    authority = tmp_path / "ca.crt"
    authority.write_text(live.description.authority())
    trusting = ssl.create_default_context(cafile=str(authority))
    assert status(url, trusting) == 401
    for password, expected in ((values["HOME_PASSWORD"], 200), ("x", 401)):
        login = base64.b64encode(f"lab:{password}".encode()).decode()
        assert status(urllib.request.Request(url, headers={"Authorization": f"Basic {login}"}), trusting) == expected
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        status(url, ssl.create_default_context())


def test_the_emr_console_is_behind_the_entrance_alone(live: Live):
    values = live.stack.environment
    entrance, aws = f"https://localhost:{values['ENTRANCE_PORT']}", live.stack.aws_url
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE  # the test above looks at the certificate
    login = {"Authorization": "Basic " + base64.b64encode(f"lab:{values['HOME_PASSWORD']}".encode()).decode()}
    key = {"Authorization": f"Bearer {values['CONSOLE_KEY']}"}
    clusters, end = "/emr/api/clusters", f"/emr/api/clusters/{live.cluster}/terminate"
    json_of = {"Content-Type": "application/json"}

    def asked(url: str, headers: dict[str, str], body: bytes | None = None) -> int:
        return status(urllib.request.Request(url, body, headers), blind)

    assert asked(entrance + clusters, login) == 200
    assert asked(entrance + clusters, {}) == asked(entrance + clusters, key) == 401
    for path in ("/emr/", clusters, "/emr/console.js"):
        assert asked(aws + path, key) in (400, 403, 404), path
    assert asked(aws + end, {**key, **json_of, "Origin": aws}, b"{}") >= 400
    assert asked(entrance + end, {**login, **json_of, "Origin": "https://evil.example"}, b"{}") == 403
    assert asked(entrance + end, {**login, **json_of}, b"{}") == 403  # browsers name the origin of a change
    # Steps are programs: one that finds the console's port in the network has no key for it.
    inside = f"curl -s -o /dev/null -w '%{{http_code}}' http://aws:4567{clusters} -H 'Host: localhost'"
    assert live.sh("master", inside).strip() == "401"
    state = live.stack.aws("emr").describe_cluster(ClusterId=live.cluster)["Cluster"]["Status"]["State"]
    assert state in ("WAITING", "RUNNING")


def test_airflow_refuses_without_a_token_and_with_a_wrong_password(live: Live):
    url = live.stack.airflow.url
    assert status(f"{url}/api/v2/dags") == 401
    body = b'{"username": "admin", "password": "admin"}'
    assert status(urllib.request.Request(f"{url}/auth/token", body, {"Content-Type": "application/json"})) == 401


def test_the_erp_refuses_a_wrong_password_and_lets_the_unloader_only_read(live: Live):
    address = {"host": "127.0.0.1", "port": live.stack.environment.port("ERP_PORT"), "dbname": "ERP"}
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(**address, user="erp_unloader", password="wrong")
    connection = live.stack.connecting()()
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("DELETE FROM public.students")
    connection.close()


def test_pages_without_a_login_are_closed_to_other_sites(live: Live):
    for port in ("YARN_PORT", "SPARK_HISTORY_PORT", "WEBHDFS_PORT", "CONNECT_PORT"):
        url = f"http://127.0.0.1:{live.stack.environment[port]}/"
        assert status(urllib.request.Request(url, headers={"Host": "evil.example"})) in (400, 403, 421, 444), port
        assert status(urllib.request.Request(url, b"x", {"Origin": "https://evil.example"})) in (400, 403, 405), port


def test_nothing_listens_beyond_this_machine(live: Live):
    if not shutil.which("ss"):
        pytest.skip("`ss` is not here to list what listens: apt-get install iproute2")
    listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
    local = [line.split()[3] for line in listening.splitlines()]
    for port in live.stack.environment.ports.values():
        assert [address for address in local if address.endswith(f":{port}")] == [f"127.0.0.1:{port}"]
