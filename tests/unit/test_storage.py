"""Files by address, in folders."""

from __future__ import annotations

import pytest

from lakelab.errors import LabError
from lakelab.storage import FolderStorage


@pytest.fixture
def storage(tmp_path):
    found = FolderStorage(tmp_path)
    found.create_bucket("b")
    return found


def test_what_is_written_is_read_back(storage):
    storage.write("s3://b/stage/x.csv", b"1,a\n")
    with storage.open("s3://b/stage/x.csv") as stream:
        assert stream.read() == b"1,a\n"


def test_hdfs_needs_no_host_and_a_bare_path_is_hdfs(storage):
    storage.write("hdfs:///dev/x", b"1")
    assert storage.exists("/dev/x")


def test_a_missing_bucket_is_named(storage):
    with pytest.raises(LabError, match="bucket other does not exist"):
        storage.write("s3://other/x", b"")


def test_a_missing_file_is_a_file_not_found(storage):
    with pytest.raises(FileNotFoundError):
        storage.open("s3://b/nothing")


@pytest.mark.parametrize("uri", ["s3://b/../x", "hdfs:///a/../../b", "ftp://x/y", "s3:///x"])
def test_an_address_that_leads_elsewhere_is_refused(storage, uri):
    with pytest.raises(LabError):
        storage.open(uri)


def test_lists_files_under_a_prefix_by_name_without_hidden_ones(storage):
    for name in ("b/2", "a", "b/1", ".hidden"):
        storage.write(f"s3://b/stage/{name}", b"xy")
    assert [(s.uri, s.size) for s in storage.list("s3://b/stage")] == [
        ("s3://b/stage/a", 2),
        ("s3://b/stage/b/1", 2),
        ("s3://b/stage/b/2", 2),
    ]


def test_a_failed_write_leaves_the_former_file_and_no_other(storage, tmp_path):
    storage.write("s3://b/x", b"former")
    missing = tmp_path / "nothing"
    with pytest.raises(OSError, match="nothing"):
        storage.put(missing, "s3://b/x")
    assert [p.name for p in (tmp_path / "s3" / "b").iterdir()] == ["x"]
    assert (tmp_path / "s3" / "b" / "x").read_bytes() == b"former"


def test_a_new_version_drops_the_checksum_that_hadoop_kept_of_the_old_one(storage, tmp_path):
    storage.write("s3://b/x", b"former")
    (tmp_path / "s3" / "b" / ".x.crc").write_bytes(b"of the former")
    storage.write("s3://b/x", b"new")
    assert not (tmp_path / "s3" / "b" / ".x.crc").exists()


def test_deletes_a_prefix_and_counts(storage):
    storage.write("s3://b/p/1", b"")
    storage.write("s3://b/p/2", b"")
    assert storage.delete("s3://b/p") == 2
    assert not storage.exists("s3://b/p")
    assert storage.delete("s3://b/p") == 0
