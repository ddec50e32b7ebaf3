"""What only a store over the S3 API can meet: pages, parts, folders that are objects, refusals, a broken line."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError
from botocore.response import StreamingBody
from storages import s3_client, s3_server, s3_storage

from lakelab.aws import aws_client
from lakelab.errors import LabError
from lakelab.s3 import S3Storage


class Raw:
    """A body as urllib3 hands it over: all of it."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def stream(self, **_):
        return iter([self._content.read()])


def answer(request, status, body):
    return AWSResponse(request.url, status, {}, Raw(body))


@pytest.fixture(scope="module")
def endpoint():
    with s3_server() as found:
        yield found


@pytest.fixture
def storage(endpoint):
    with s3_storage(endpoint) as found:
        yield found


@pytest.fixture
def client(endpoint, storage):
    found = s3_client(endpoint)
    yield found
    found.close()


def test_more_files_than_one_page_are_listed_and_deleted(storage, client, monkeypatch):
    def two_a_page(params, **_):
        params.setdefault("MaxKeys", 2)

    client.meta.events.register("before-parameter-build.s3.ListObjectsV2", two_a_page)
    monkeypatch.setattr("lakelab.s3._DELETED_AT_ONCE", 2)
    names = [f"s3://lab/p/{number}" for number in range(5)]
    for name in names:
        storage.write(name, b"")
    assert [stored.uri for stored in S3Storage(client).list("s3://lab/p")] == names
    assert S3Storage(client).delete("s3://lab/p") == 5
    assert storage.list("s3://lab") == []


def test_a_large_file_goes_up_in_parts_and_a_failure_leaves_neither_file_nor_parts(storage, client, tmp_path):
    source = tmp_path / "large"
    source.write_bytes(b"0123456789" * 2_000_000)
    operations = []
    client.meta.events.register("before-call.s3.*", lambda model, **_: operations.append(model.name))
    S3Storage(client).put(source, "s3://lab/large")
    assert operations.count("UploadPart") == 3
    assert operations[-1] == "CompleteMultipartUpload"
    assert [stored.size for stored in storage.list("s3://lab/large")] == [20_000_000]

    def refuse_the_second(params, **_):
        if params["query_string"].get("partNumber") == 2:
            raise OSError("the line broke")

    storage.delete("s3://lab/large")
    client.meta.events.register("before-call.s3.UploadPart", refuse_the_second)
    with pytest.raises(OSError, match="the line broke"):
        S3Storage(client).put(source, "s3://lab/large")
    assert not storage.exists("s3://lab/large")
    assert "Uploads" not in client.list_multipart_uploads(Bucket="lab")


def test_the_object_that_marks_an_empty_folder_is_no_file_but_goes_with_the_folder(storage, client):
    client.put_object(Bucket="lab", Key="p/empty/", Body=b"")
    storage.write("s3://lab/p/x", b"")
    assert [stored.uri for stored in storage.list("s3://lab/p")] == ["s3://lab/p/x"]
    assert storage.delete("s3://lab/p") == 1
    assert "Contents" not in client.list_objects_v2(Bucket="lab")


def test_an_address_in_hdfs_is_refused(storage):
    with pytest.raises(LabError, match="this store keeps S3 alone"):
        storage.open("hdfs:///dev/x")


def test_a_refusal_of_s3_is_told_in_one_line_with_what_to_do(storage, client):
    body = b"<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"
    client.meta.events.register("before-send.s3.PutObject", lambda request, **_: answer(request, 403, body))
    with pytest.raises(LabError, match=r"^S3 refuses: Access Denied \(s3://lab/x\): give the user .* rights"):
        S3Storage(client).write("s3://lab/x", b"")


def test_a_store_that_does_not_answer_is_told_with_its_address(tmp_path):
    storage = S3Storage(s3_client("http://127.0.0.1:1"))
    source = tmp_path / "x"
    source.write_bytes(b"1")
    for use, arguments in (("exists", ("s3://lab/x",)), ("put", (source, "s3://lab/x"))):
        with pytest.raises(LabError, match=r"the connection to S3 failed: .*127\.0\.0\.1:1.*check the endpoint"):
            getattr(storage, use)(*arguments)


def test_a_line_that_breaks_in_the_middle_of_a_file_is_an_error_and_no_end_of_file(storage, client):
    storage.write("s3://lab/x", b"1,a\n2,b\n")
    client.meta.events.register(
        "after-call.s3.GetObject", lambda parsed, **_: parsed.update(Body=StreamingBody(io.BytesIO(b"1,a"), 8))
    )
    with S3Storage(client).open("s3://lab/x") as stream, pytest.raises(LabError, match="connection to S3 failed"):
        stream.read()


def test_the_labs_client_goes_where_it_is_told_and_addresses_by_path(endpoint, storage, monkeypatch):
    storage.write("s3://lab/x", b"1")
    told = aws_client("s3", endpoint=endpoint, region="eu-west-1", keys=("given", "secret"))
    assert S3Storage(told).exists("s3://lab/x")
    assert "given" in told.generate_presigned_url("get_object", {"Bucket": "lab", "Key": "x"})

    variables = {"AWS_ENDPOINT_URL": "http://store:9000", "AWS_ACCESS_KEY_ID": "found", "AWS_SECRET_ACCESS_KEY": "x"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    url = aws_client("s3", region="eu-west-1").generate_presigned_url("get_object", {"Bucket": "lab", "Key": "x"})
    assert url.startswith("http://store:9000/lab/x?")
    assert "found" in url
    told.close()


def test_nobody_at_the_address_is_asked_as_often_as_told():
    client, asked = aws_client("s3", endpoint="http://127.0.0.1:1", region="r", keys=("a", "b"), tries=2), []
    client.meta.events.register("before-send.s3.*", lambda request, **_: asked.append(request.url))
    with pytest.raises(EndpointConnectionError):
        client.list_buckets()
    assert len(asked) == 2


def test_the_library_is_importable_without_boto3():
    code = "import sys, lakelab.aws, lakelab.s3; assert not {'boto3', 'botocore'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
