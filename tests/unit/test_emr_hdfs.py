"""`hdfs dfs` and `hadoop fs` as steps find them in embedded mode, and the launchers on the PATH."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_lab import below, fill

from lab.embedded.commands import hdfs
from lakelab.storage import FolderStorage

BIN = Path(hdfs.__file__).parent.parent / "bin"


def dfs(storage: FolderStorage, *argv: str) -> int:
    return hdfs.run(argv, storage)


def test_folders_are_made_as_hadoop_makes_them(storage: FolderStorage, capsys) -> None:
    assert dfs(storage, "-mkdir", "-p", "/a/b", "hdfs:///c") == 0
    assert dfs(storage, "-mkdir", "-p", "/a/b") == 0
    assert dfs(storage, "-mkdir", "/a") == 1
    assert dfs(storage, "-mkdir", "/no/such") == 1

    assert (storage.root / "hdfs" / "a" / "b").is_dir()
    assert (storage.root / "hdfs" / "c").is_dir()
    assert capsys.readouterr().err == "mkdir: `/a': File exists\nmkdir: `/no/such': No such file or directory\n"


def test_listing_looks_like_hadoops(storage: FolderStorage, capsys) -> None:
    storage.write("/data/x.csv", b"12345")
    (storage.root / "hdfs" / "data" / ".x.csv.crc").write_bytes(b"crc")
    (storage.root / "hdfs" / "data" / "sub").mkdir()
    for path in (storage.root / "hdfs" / "data").iterdir():
        os.utime(path, (1_800_000_000, 1_800_000_000))

    assert dfs(storage, "-ls", "/data") == 0

    count, folder, file = capsys.readouterr().out.splitlines()
    assert count == "Found 2 items"
    date = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert re.fullmatch(rf"drwxr-xr-x   - hadoop hadoop          0 {date} /data/sub", folder)
    assert re.fullmatch(rf"-rw-r--r--   1 hadoop hadoop          5 {date} /data/x\.csv", file)
    assert dfs(storage, "-ls", "-R", "hdfs:///") == 0
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == [
        "hdfs:///data",
        "hdfs:///data/sub",
        "hdfs:///data/x.csv",
    ]
    assert dfs(storage, "-ls", "/none") == 1
    assert capsys.readouterr().err == "ls: `/none': No such file or directory\n"


def test_wildcards_and_relative_addresses(storage: FolderStorage, capsysbinary) -> None:
    storage.write("/user/hadoop/a1.txt", b"1")
    storage.write("/user/hadoop/a2.txt", b"2")
    storage.write("s3://b/k/z.txt", b"3")

    assert dfs(storage, "-cat", "a[12].txt", "/user/*/a{1,2}.txt", "s3://b/*/z.txt") == 0
    assert capsysbinary.readouterr().out == b"12123"
    assert dfs(storage, "-cat", "b*", "/user") == 1
    assert capsysbinary.readouterr().err == (b"cat: `b*': No such file or directory\ncat: `/user': Is a directory\n")


def test_files_go_in_and_out(storage: FolderStorage, tmp_path: Path, capsys) -> None:
    local = tmp_path / "local.txt"
    local.write_text("one")
    dfs(storage, "-mkdir", "-p", "/in")

    assert dfs(storage, "-put", str(local), "/in") == 0
    assert dfs(storage, "-put", str(local), "/in") == 1
    local.write_text("two")
    assert dfs(storage, "-put", "-f", str(local), "/in/local.txt") == 0
    assert dfs(storage, "-put", str(local), "/nowhere/x") == 1
    assert dfs(storage, "-get", "/in/local.txt", str(tmp_path / "back.txt")) == 0
    assert dfs(storage, "-get", "/in/local.txt", str(tmp_path / "back.txt")) == 1
    assert dfs(storage, "-cp", "/in", "s3://b/copy") == 0

    assert (tmp_path / "back.txt").read_text() == "two"
    assert below(storage, "s3://b/copy") == {"local.txt": "two"}
    assert "put: `/in/local.txt': File exists\n" in capsys.readouterr().err


def test_files_are_moved_and_removed(storage: FolderStorage, capsys) -> None:
    storage.write("/d/a", b"1")
    storage.write("/d/b", b"2")
    (storage.root / "hdfs" / "d" / ".a.crc").write_bytes(b"crc")

    assert dfs(storage, "-mv", "/d/a", "/d/c") == 0
    assert dfs(storage, "-mv", "/d/c", "/d/b") == 1
    assert dfs(storage, "-rm", "/d") == 1
    assert dfs(storage, "-rm", "-skipTrash", "/d/c") == 0
    assert list((storage.root / "hdfs" / "d").iterdir()) == [storage.root / "hdfs" / "d" / "b"]
    assert dfs(storage, "-rm", "-r", "-f", "/d", "/none*") == 0
    assert dfs(storage, "-rm", "/none") == 1
    assert dfs(storage, "-rm", "-r", "/", "s3://b") == 1

    out, err = capsys.readouterr()
    assert out == "Deleted /d/c\nDeleted /d\n"
    assert err == (
        "mv: `/d/b': File exists\nrm: `/d': Is a directory\n"
        "rm: `/none': No such file or directory\nrm: `/': Cannot remove the root\n"
        "rm: `s3://b': Cannot remove the root\n"
    )
    assert not storage.exists("/d")


def test_sizes_counts_and_tests(storage: FolderStorage, capsys) -> None:
    storage.write("/d/a", b"123")
    storage.write("/d/s/b", b"45678")

    assert dfs(storage, "-du", "/d") == 0
    assert dfs(storage, "-du", "-s", "/d") == 0
    assert dfs(storage, "-count", "/d") == 0
    assert capsys.readouterr().out == (
        "3  3  /d/a\n5  5  /d/s\n8  8  /d\n           2            2                  8 /d\n"
    )
    assert dfs(storage, "-touchz", "/d/zero") == 0
    assert dfs(storage, "-touchz", "/d/a") == 1
    answers = {flag: [dfs(storage, "-test", flag, f"/d/{n}") for n in ("a", "s", "zero", "none")] for flag in
               ("-e", "-d", "-f", "-s", "-z")}  # fmt: skip
    assert answers == {
        "-e": [0, 0, 0, 1],
        "-d": [1, 0, 1, 1],
        "-f": [0, 1, 0, 1],
        "-s": [0, 0, 1, 1],
        "-z": [1, 1, 0, 1],
    }


@pytest.mark.parametrize("argv", [[], ["-fly"], ["ls"], ["-put", "x"], ["-ls", "-q", "/"], ["-test", "-e", "/", "/"]])
def test_wrong_usage_ends_with_255(storage: FolderStorage, argv: list[str], capsys) -> None:
    assert dfs(storage, *argv) == 255
    assert capsys.readouterr().err.count("\n") == 1


def launch(home: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    env = {"LAB_HOME": str(home), "LAB_PYTHON": sys.executable, "PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run(argv, env=env, cwd=home, capture_output=True, text=True, check=False)


def test_the_commands_are_found_on_the_path_and_work_in_any_folder(storage: FolderStorage) -> None:
    home = storage.root
    fill(storage, x_DOT_csv="1\n")
    (home / "json.py").write_text("raise SystemExit('a file of the current folder was imported')")

    copied = launch(home, "s3-dist-cp", "--src=s3://b/in/x.csv", "--dest=/x/x.csv")
    shown = [launch(home, *tool, "-cat", "/x/x.csv") for tool in (("hdfs", "dfs"), ("hadoop", "fs"))]
    missing = launch(home, "s3-dist-cp", "--src=s3://b/none", "--dest=/x")
    other = launch(home, "hadoop", "jar", "x.jar")

    assert (copied.returncode, copied.stderr) == (0, "")
    assert [(one.returncode, one.stdout) for one in shown] == [(0, "1\n"), (0, "1\n")]
    assert (missing.returncode, missing.stderr) == (1, "s3-dist-cp: source s3://b/none does not exist\n")
    assert other.returncode == 255
    assert "not `hadoop jar`" in other.stderr
