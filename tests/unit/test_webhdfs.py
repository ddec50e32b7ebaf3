"""Files in HDFS by WebHDFS, as `s3-dist-cp` and `hive-script` of the cluster use them."""

from __future__ import annotations

import socket

import pytest
from fake_webhdfs import FakeHdfs

from lakelab.errors import LabError
from lakelab.storage import Stored
from services.hadoop.commands import s3_dist_cp
from services.hadoop.commands.webhdfs import WebHdfs


def store(hdfs: FakeHdfs) -> WebHdfs:
    return WebHdfs(hdfs.netloc)


def test_a_listing_goes_down_all_folders_and_leaves_out_what_is_hidden(hdfs: FakeHdfs) -> None:
    hdfs.files = {
        "/d/a.csv": b"1",
        "/d/sub/b.csv": b"22",
        "/d/.writing-x": b"?",
        "/d/sub/hour=10%3A00/c": b"3",
        "/e": b"",
    }

    assert store(hdfs).list("hdfs:///d/") == [
        Stored("hdfs:///d/a.csv", 1),
        Stored("hdfs:///d/sub/b.csv", 2),
        Stored("hdfs:///d/sub/hour=10%3A00/c", 1),
    ]
    assert store(hdfs).list("hdfs:///d/a.csv") == [Stored("hdfs:///d/a.csv", 1)]
    assert store(hdfs).list("hdfs:///nothing") == []


def test_what_is_written_is_read_again_and_was_never_seen_half(hdfs: FakeHdfs) -> None:
    hdfs.files = {"/d/é à.csv": b"old"}
    with store(hdfs).replacing("/d/é à.csv") as target:
        target.write(b"one ")
        target.write(b"")
        target.write(b"two")
        assert target.tell() == 7
        assert hdfs.files == {"/d/é à.csv": b"old"}

    assert hdfs.files == {"/d/é à.csv": b"one two"}
    with store(hdfs).open("hdfs:///d/é à.csv") as stream:
        assert stream.read() == b"one two"


def test_a_writer_that_fails_leaves_the_old_file_and_no_other(hdfs: FakeHdfs) -> None:
    hdfs.files = {"/d/x": b"old"}

    def fail() -> None:
        with store(hdfs).replacing("/d/x") as target:
            target.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert hdfs.files == {"/d/x": b"old"}


def test_a_refusal_is_one_line_in_hdfs_own_words(hdfs: FakeHdfs) -> None:
    hdfs.refuse = "File /d/x could only be written to 0 of the 1 minReplication nodes.\n\tat org.apache…"

    with pytest.raises(
        LabError, match=r"HDFS refuses: File /d/x could only be written to 0 of the 1 .*nodes\."
    ) as caught:
        store(hdfs).write("/d/x", b"1")

    assert "org.apache" not in str(caught.value)
    assert hdfs.files == {}


def test_a_missing_file_is_not_found_and_a_missing_namenode_is_told(hdfs: FakeHdfs) -> None:
    with pytest.raises(FileNotFoundError):
        store(hdfs).open("hdfs:///no/file")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = WebHdfs(f"127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(LabError, match="the connection to HDFS failed"):
            away.exists("/x")


def test_folders_and_files_are_told_apart_and_deleted_with_what_they_hold(hdfs: FakeHdfs) -> None:
    hdfs.files = {"/d/x": b"1", "/d/sub/y": b"2", "/dd": b"3"}
    files = store(hdfs)

    assert (files.is_folder("/d"), files.is_folder("/d/x"), files.is_folder("/no")) == (True, False, False)
    assert (files.exists("/d"), files.exists("/no")) == (True, False)
    assert files.delete("/d") == 2
    assert hdfs.files == {"/dd": b"3"}


def test_s3_dist_cp_renames_within_hdfs(hdfs: FakeHdfs, capsys: pytest.CaptureFixture[str]) -> None:
    hdfs.files = {"/in/x.csv": b"1,a\n"}

    assert s3_dist_cp.run(["--src=/in/x.csv", "--dest=/dev/data/X/y.csv", "--deleteOnSuccess"], store(hdfs)) == 0

    assert hdfs.files == {"/dev/data/X/y.csv": b"1,a\n"}
    assert "Files copied=1" in capsys.readouterr().out


def test_a_full_hdfs_is_said_to_be_full_with_what_to_do(hdfs: FakeHdfs) -> None:
    hdfs.refuse = "The DiskSpace quota of /lake is exceeded: quota = 1 B = 1 B but diskspace consumed = 128 MB"
    with pytest.raises(LabError, match=r"HDFS is full: The DiskSpace quota of /lake is exceeded.* give it more"):
        store(hdfs).write("hdfs:///lake/x", b"1")
    assert hdfs.files == {}
