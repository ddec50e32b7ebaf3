"""When `s3-dist-cp` of the cluster leaves a copy to DistCp, and what it asks of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from fake_webhdfs import FakeHdfs

from lakelab.errors import LabError
from lakelab.storage import Stored
from services.hadoop.commands.cluster_files import ClusterFiles
from services.hadoop.commands.distcp import DistCp
from services.hadoop.commands.webhdfs import WebHdfs

LARGE = 2 << 30
Calls = list[list[str]]


@pytest.fixture
def calls(hdfs: FakeHdfs, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Every command that was run, with the content of a list in place of its address."""
    found: Calls = []

    def run(command: list[str], *, check: bool) -> SimpleNamespace:
        listed = [hdfs.files.get(word.removeprefix("hdfs://"), word.encode()).decode() for word in command]
        found.append(listed)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    return found


@pytest.fixture
def copy(hdfs: FakeHdfs) -> Callable[..., bool]:
    files = ClusterFiles(WebHdfs(hdfs.netloc))
    return lambda *pairs: DistCp(files)([(Stored(source, size), target) for source, size, target in pairs])


def test_a_small_copy_is_left_to_the_caller(copy: Callable[..., bool], calls: Calls) -> None:
    assert not copy(("s3://b/a", 1 << 20, "hdfs:///a"))
    assert not copy()
    assert calls == []


def test_files_of_one_folder_are_one_job(copy: Callable[..., bool], calls: Calls, hdfs: FakeHdfs) -> None:
    assert copy(("s3://b/in/x", LARGE, "hdfs:///out/x"), ("s3://b/in/y", 5, "hdfs:///out/y"))

    lists = "s3://b/in/x\ns3://b/in/y\n"
    assert calls == [["hadoop", "distcp", "-overwrite", "-m", "4", "-f", lists, "hdfs:///out/"]]
    assert hdfs.files == {}  # the list is gone
    assert "/out" in hdfs.folders


def test_a_new_name_is_a_job_of_its_own_and_s3_is_written_at_once(copy: Callable[..., bool], calls: Calls) -> None:
    assert copy(("hdfs:///in/x", LARGE, "s3://b/out/renamed"))

    assert calls == [["hadoop", "distcp", "-overwrite", "-m", "4", "-direct", "hdfs:///in/x", "s3://b/out/renamed"]]


def test_a_failed_job_is_an_error(copy: Callable[..., bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=255))

    with pytest.raises(LabError, match="DistCp failed"):
        copy(("s3://b/a", LARGE, "hdfs:///out/b"))


def test_the_threshold_is_a_setting(monkeypatch: pytest.MonkeyPatch, copy: Callable[..., bool], calls: Calls) -> None:
    monkeypatch.setenv("S3_DIST_CP_BULK_MB", "0")

    assert copy(("s3://b/a", 1, "hdfs:///out/a"))
    assert len(calls) == 1
