"""Files by address: the one contract of every store, then what is a folder's alone."""

from __future__ import annotations

import os
import shutil

import pytest
from storages import folder_storage, s3_server, s3_storage

from lakelab.errors import LabError


@pytest.fixture(scope="session")
def s3():
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture(params=["folder", "s3"])
def storage(request, tmp_path):
    if request.param == "folder":
        yield folder_storage(tmp_path)
    else:
        with s3_storage(request.getfixturevalue("s3")) as found:
            yield found


@pytest.fixture
def folder(tmp_path):
    return folder_storage(tmp_path)


def test_what_is_written_is_read_back(storage):
    storage.write("s3://lab/stage/x.csv", b"1,a\n")
    with storage.open("s3://lab/stage/x.csv") as stream:
        assert stream.read() == b"1,a\n"


def test_s3a_and_s3_are_the_same_file(storage):
    storage.write("s3a://lab/x", b"1")
    with storage.open("s3://lab/x") as stream:
        assert stream.read() == b"1"


def test_a_stream_gives_blocks_and_lines_as_a_file_does(storage):
    content = b"".join(b"%d,line\n" % number for number in range(300_000))
    storage.write("s3://lab/x", content)
    with storage.open("s3://lab/x") as stream:
        block = stream.read(1 << 20)
        line = stream.readline()
        rest = b"".join(stream)
    assert len(block) == 1 << 20
    assert line.endswith(b"line\n")
    assert block + line + rest == content


def test_a_local_file_is_put_whole_in_place_of_the_former(storage, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 40_000)
    storage.write("s3://lab/x", b"former")
    storage.put(source, "s3://lab/x")
    with storage.open("s3://lab/x") as stream:
        assert stream.read() == source.read_bytes()


def test_a_put_without_a_source_leaves_the_former_file_and_no_other(storage, tmp_path):
    storage.write("s3://lab/x", b"former")
    with pytest.raises(FileNotFoundError, match="nothing"):
        storage.put(tmp_path / "nothing", "s3://lab/x")
    assert [stored.uri for stored in storage.list("s3://lab")] == ["s3://lab/x"]
    with storage.open("s3://lab/x") as stream:
        assert stream.read() == b"former"


@pytest.mark.parametrize("use", ["list", "open", "write", "put", "delete", "exists"])
def test_a_missing_bucket_is_named(storage, tmp_path, use):
    source = tmp_path / "source"
    source.write_bytes(b"1")
    arguments = {"write": ("s3://other/x", b""), "put": (source, "s3://other/x")}.get(use, ("s3://other/x",))
    with pytest.raises(LabError, match="bucket other does not exist"):
        getattr(storage, use)(*arguments)


def test_a_missing_file_is_a_file_not_found(storage):
    with pytest.raises(FileNotFoundError):
        storage.open("s3://lab/nothing")


@pytest.mark.parametrize("uri", ["s3://lab/../x", "s3://lab/a/../../y", "ftp://x/y", "s3:///x"])
def test_an_address_that_leads_elsewhere_is_refused(storage, uri):
    with pytest.raises(LabError):
        storage.open(uri)


def test_lists_files_under_a_prefix_by_name_without_hidden_ones(storage):
    for name in ("b/2", "a", "b.csv", "b/1", ".hidden", "b/.hidden/3"):
        storage.write(f"s3://lab/stage/{name}", b"xy")
    storage.write("s3://lab/stage2/other", b"")
    assert [(s.uri, s.size) for s in storage.list("s3://lab/stage")] == [
        ("s3://lab/stage/a", 2),
        ("s3://lab/stage/b/1", 2),
        ("s3://lab/stage/b/2", 2),
        ("s3://lab/stage/b.csv", 2),
    ]


def test_lists_one_file_by_its_own_address(storage):
    storage.write("s3://lab/stage/x", b"xyz")
    assert [(s.uri, s.size) for s in storage.list("s3://lab/stage/x")] == [("s3://lab/stage/x", 3)]


def test_lists_nothing_where_nothing_is(storage):
    assert storage.list("s3://lab/stage") == []


def test_a_file_and_what_is_above_it_exist_and_a_similar_name_does_not(storage):
    storage.write("s3://lab/stage/x.csv", b"")
    assert all(storage.exists(uri) for uri in ("s3://lab", "s3://lab/stage", "s3://lab/stage/", "s3://lab/stage/x.csv"))
    assert not storage.exists("s3://lab/stage/x")
    assert not storage.exists("s3://lab/sta")


def test_deletes_a_prefix_and_counts(storage):
    storage.write("s3://lab/p/1", b"")
    storage.write("s3://lab/p/2", b"")
    storage.write("s3://lab/p2", b"")
    assert storage.delete("s3://lab/p") == 2
    assert not storage.exists("s3://lab/p")
    assert storage.exists("s3://lab/p2")
    assert storage.delete("s3://lab/p") == 0


def test_deletes_one_file_alone(storage):
    storage.write("s3://lab/p/1", b"")
    storage.write("s3://lab/p/10", b"")
    assert storage.delete("s3://lab/p/1") == 1
    assert [stored.uri for stored in storage.list("s3://lab/p")] == ["s3://lab/p/10"]


def test_hdfs_needs_no_host_and_a_bare_path_is_hdfs(folder):
    folder.write("hdfs:///dev/x", b"1")
    assert folder.exists("/dev/x")


def test_a_failed_write_leaves_no_file_behind(folder, tmp_path):
    def fail_in_the_middle():
        with folder.replacing("s3://lab/x") as stream:
            stream.write(b"half")
            raise EOFError

    folder.write("s3://lab/x", b"former")
    with pytest.raises(EOFError):
        fail_in_the_middle()
    assert [p.name for p in (tmp_path / "s3" / "lab").iterdir()] == ["x"]
    assert (tmp_path / "s3" / "lab" / "x").read_bytes() == b"former"


def test_a_new_version_drops_the_checksum_that_hadoop_kept_of_the_old_one(folder, tmp_path):
    folder.write("s3://lab/x", b"former")
    (tmp_path / "s3" / "lab" / ".x.crc").write_bytes(b"of the former")
    folder.write("s3://lab/x", b"new")
    assert not (tmp_path / "s3" / "lab" / ".x.crc").exists()


@pytest.mark.parametrize("depth", [1, 3])
def test_folders_that_go_while_the_store_is_tidied_are_no_error(folder, tmp_path, monkeypatch, depth):
    """As those of a killed run's Spark, which goes on for a moment and tidies up after itself."""
    going = tmp_path / "hdfs" / "_temporary"
    going.joinpath(*["0"] * depth).mkdir(parents=True)
    left = tmp_path / "hdfs" / ".writing-abc"
    left.touch()
    found = os.scandir

    def goes(path):
        if str(path).startswith(str(going)):
            shutil.rmtree(going, ignore_errors=True)
        return found(path)

    monkeypatch.setattr(os, "scandir", goes)
    folder.remove_unfinished()
    assert not left.exists()
    assert not going.exists()


def test_a_file_that_goes_while_it_is_listed_is_left_out(folder, tmp_path, monkeypatch):
    for name in ("a", "b"):
        folder.write(f"s3://lab/stage/{name}", b"1")
    walk = os.walk

    def goes(path):
        found = list(walk(path))
        (tmp_path / "s3/lab/stage/b").unlink()
        return found

    monkeypatch.setattr(os, "walk", goes)
    assert [each.uri for each in folder.list("s3://lab/stage")] == ["s3://lab/stage/a"]


def test_files_that_go_while_their_folder_is_deleted_are_no_error(folder, tmp_path, monkeypatch):
    for name in ("a", "b", "c/d"):
        folder.write(f"s3://lab/stage/{name}", b"1")
    unlink = os.unlink

    def gone_before(*given, **more):
        unlink(*given, **more)
        unlink(*given, **more)

    monkeypatch.setattr(os, "unlink", gone_before)
    assert folder.delete("s3://lab/stage") == 3
    assert not (tmp_path / "s3/lab/stage").exists()
