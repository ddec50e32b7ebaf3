"""What steps find on their PATH in embedded mode: `hdfs dfs`, `hadoop fs`, `s3-dist-cp`."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.embedded.commands import hdfs, s3_dist_cp
from lakelab.errors import LabError
from lakelab.storage import FolderStorage

BIN = Path(hdfs.__file__).parent.parent / "bin"


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    storage = FolderStorage(tmp_path)
    storage.create_bucket("b")
    return storage


def fill(storage: FolderStorage, **files: str) -> None:
    """Files below s3://b/in; `__` stands for a slash and `_DOT_` for a dot."""
    for name, content in files.items():
        storage.write(f"s3://b/in/{name.replace('__', '/').replace('_DOT_', '.')}", content.encode())


def read(storage: FolderStorage, uri: str) -> str:
    with storage.open(uri) as stream:
        return stream.read().decode()


def below(storage: FolderStorage, uri: str) -> dict[str, str]:
    """Name and content of all files."""
    return {stored.uri.removeprefix(f"{uri}/"): read(storage, stored.uri) for stored in storage.list(uri)}


def copy(storage: FolderStorage, *argv: str) -> int:
    return s3_dist_cp.run(argv, storage)


# s3-dist-cp


def test_one_file_is_written_as_the_file_that_dest_names(storage: FolderStorage, capsys) -> None:
    fill(storage, x_DOT_csv="1,a\n")

    assert copy(storage, "--src=s3://b/in/x.csv", "--dest=/dev/data/ERP/X/x.csv") == 0

    assert below(storage, "hdfs:///dev/data") == {"ERP/X/x.csv": "1,a\n"}
    assert capsys.readouterr().out == (
        "S3DistCp Counters\n\tFiles copied=1\n\tFiles written=1\n\tFiles skipped=0\n\tBytes read=4\n\tBytes written=4\n"
    )


def test_one_file_goes_into_a_folder_that_exists_or_is_meant_by_a_slash(storage: FolderStorage) -> None:
    fill(storage, x_DOT_csv="1")
    (storage.root / "hdfs" / "there").mkdir(parents=True)

    copy(storage, "--src", "s3://b/in/x.csv", "--dest", "/there")
    copy(storage, "--src", "s3://b/in/x.csv", "--dest", "/new/")

    assert below(storage, "hdfs:///there") == below(storage, "hdfs:///new") == {"x.csv": "1"}


def test_a_folder_keeps_its_shape_and_a_second_run_replaces(storage: FolderStorage) -> None:
    fill(storage, a="1", sub__b="2", **{"sub__hour=10%3A00__c": "3"})
    copy(storage, "--src=s3://b/in", "--dest=hdfs:///out")
    fill(storage, a="new")

    copy(storage, "--src=s3://b/in/", "--dest=hdfs:///out/")

    assert below(storage, "hdfs:///out") == {"a": "new", "sub/b": "2", "sub/hour=10%3A00/c": "3"}


def test_src_pattern_matches_the_whole_address(storage: FolderStorage) -> None:
    fill(storage, a_DOT_log="1", a_DOT_log2="2", sub__b_DOT_log="3")

    copy(storage, "--src=s3://b/in", "--dest=/out", "--srcPattern=s3://b/.*\\.log")

    assert below(storage, "hdfs:///out") == {"a.log": "1", "sub/b.log": "3"}
    with pytest.raises(LabError, match="there is no file to copy"):
        copy(storage, "--src=s3://b/in", "--dest=/out", "--srcPattern=log")


def test_group_by_joins_files_under_the_captured_parts(storage: FolderStorage) -> None:
    fill(storage, **{"web-01_DOT_log": "a", "web-02_DOT_log": "b", "db-01_DOT_log": "c", "other": "d"})

    copy(storage, "--src=s3://b/in", "--dest=/out", r"--groupBy=.*/(\w+)-\d+(\.log)")

    assert below(storage, "hdfs:///out") == {"db.log": "c", "web.log": "ab"}


def test_target_size_cuts_groups_between_files(storage: FolderStorage) -> None:
    half = "x" * (600 << 10)
    fill(storage, **{f"p{n}_DOT_txt": half for n in range(5)})

    copy(storage, "--src=s3://b/in", "--dest=/out", r"--groupBy=.*/(p)\d(\.txt)", "--targetSize=1")

    sizes = {name: len(content) for name, content in below(storage, "hdfs:///out").items()}
    assert sizes == {"p0.txt": 2 * len(half), "p1.txt": 2 * len(half), "p2.txt": len(half)}


def test_output_codec_packs_unpacks_or_keeps(storage: FolderStorage) -> None:
    storage.write("s3://b/in/a.txt.gz", gzip.compress(b"one\n"))
    storage.write("s3://b/in/b.txt", b"two\n")

    copy(storage, "--src=s3://b/in", "--dest=/plain", "--outputCodec=none")
    copy(storage, "--src=s3://b/in", "--dest=/packed", "--outputCodec=gzip")
    copy(storage, "--src=s3://b/in", "--dest=/kept", "--outputCodec=keep")
    copy(storage, "--src=s3://b/in", "--dest=/joined", "--outputCodec=gz", r"--groupBy=.*(txt).*")

    assert below(storage, "hdfs:///plain") == {"a.txt": "one\n", "b.txt": "two\n"}
    assert [s.uri for s in storage.list("hdfs:///packed")] == ["hdfs:///packed/a.txt.gz", "hdfs:///packed/b.txt.gz"]
    assert gzip.decompress(storage.open("hdfs:///packed/b.txt.gz").read()) == b"two\n"
    assert storage.open("hdfs:///kept/a.txt.gz").read() == storage.open("s3://b/in/a.txt.gz").read()
    assert gzip.decompress(storage.open("hdfs:///joined/txt.gz").read()) == b"one\ntwo\n"
    with pytest.raises(LabError, match="no codec lzo"):
        copy(storage, "--src=s3://b/in", "--dest=/x", "--outputCodec=lzo")


def test_delete_on_success_moves_what_was_copied_and_nothing_else(storage: FolderStorage) -> None:
    fill(storage, a_DOT_log="1", b_DOT_txt="2")

    copy(storage, "--src=s3://b/in", "--dest=/out", "--srcPattern=.*log", "--deleteOnSuccess")

    assert below(storage, "s3://b/in") == {"b.txt": "2"}
    assert below(storage, "hdfs:///out") == {"a.log": "1"}


def test_manifests_copy_only_what_is_new(storage: FolderStorage, capsys) -> None:
    fill(storage, a="1", b="2")
    run = ["--src=s3://b/in", "--dest=s3://b/out"]
    copy(storage, *run, "--outputManifest=m1.gz")
    fill(storage, c="3")
    storage.delete("s3://b/out/a")

    copy(storage, *run, "--previousManifest=s3://b/out/m1.gz", "--outputManifest=m2.gz")

    assert "Files copied=1\n\tFiles written=1\n\tFiles skipped=2" in capsys.readouterr().out
    assert not storage.exists("s3://b/out/a")
    lines = gzip.decompress(storage.open("s3://b/out/m2.gz").read()).decode().splitlines()
    entries = sorted((json.loads(line) for line in lines), key=lambda entry: entry["path"])
    assert [entry["path"] for entry in entries] == ["s3://b/out/a", "s3://b/out/b", "s3://b/out/c"]
    assert entries[2] == {"path": "s3://b/out/c", "baseName": "c", "srcDir": "s3://b/out", "size": 1}


def test_a_manifest_can_be_the_list_of_what_to_copy(storage: FolderStorage) -> None:
    fill(storage, a="1", sub__b="2")
    copy(storage, "--src=s3://b/in", "--dest=s3://b/out", "--outputManifest=m.gz")
    fill(storage, c="3")

    copy(
        storage, "--src=s3://b/out", "--dest=/copy", "--copyFromManifest", "--previousManifest=s3://b/out/m.gz"
    )  # fmt: skip

    assert below(storage, "hdfs:///copy") == {"a": "1", "sub/b": "2"}


def test_a_missing_manifest_is_an_error_unless_it_is_not_required(storage: FolderStorage) -> None:
    fill(storage, a="1")
    run = ["--src=s3://b/in", "--dest=/out", "--previousManifest=s3://b/none.gz"]

    with pytest.raises(LabError, match=r"previous manifest s3://b/none\.gz does not exist"):
        copy(storage, *run)

    assert copy(storage, *run, "--requirePreviousManifest=false") == 0


def test_files_can_be_numbered(storage: FolderStorage) -> None:
    fill(storage, a="1", b="2")

    copy(storage, "--src=s3://b/in", "--dest=/out", "--numberFiles", "--startingIndex=5")

    assert below(storage, "hdfs:///out") == {"5a": "1", "6b": "2"}


def test_prefixes_can_come_from_a_file(storage: FolderStorage) -> None:
    fill(storage, x__a="1", y__b="2", z__c="3")
    storage.write("s3://b/prefixes", b"s3://b/in/x\ns3://b/in/z\n")

    copy(storage, "--src=s3://b/in", "--dest=/out", "--srcPrefixesFile=s3://b/prefixes")

    assert below(storage, "hdfs:///out") == {"x/a": "1", "z/c": "3"}


def test_options_of_the_transfer_are_accepted(storage: FolderStorage) -> None:
    fill(storage, a="1")
    tuning = ["--s3Endpoint=s3.eu-west-1.amazonaws.com", "--multipartUploadChunkSize=128", "--storageClass=STANDARD"]

    assert copy(
        storage, "--src=s3://b/in", "--dest=/out", *tuning, "--disableMultipartUpload", "--s3ServerSideEncryption"
    ) == 0  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--dest=/x"], "option --src is needed"),
        (["--src=s3://b/in"], "option --dest is needed"),
        (["--src=s3://b/in", "--dest=out"], "--dest must be absolute"),
        (["--src=s3://b/no", "--dest=/x"], "source s3://b/no does not exist"),
        (["--src=s3://none/in", "--dest=/x"], "bucket none does not exist"),
        (["--src=s3://b/in", "--dest=s3://none/x"], "bucket none does not exist"),
        (["--src=s3://b/in", "--dest=/x", "--appendToLastFile"], "no --appendToLastFile"),
        (["--src=s3://b/in", "--dest=/x", "--parallelism=3"], "unknown option --parallelism"),
        (["--src=s3://b/in", "--dest=/x", "stray"], "unknown option stray"),
        (["--src=s3://b/in", "--src=s3://b/in", "--dest=/x"], "--src is given twice"),
        (["--src=s3://b/in", "--dest"], "--dest needs a value"),
        (["--src=s3://b/in", "--dest=/x", "--deleteOnSuccess=yes"], "takes no value"),
        (["--src=s3://b/in", "--dest=/x", "--groupBy=.*"], "needs a part in parentheses"),
        (["--src=s3://b/in", "--dest=/x", "--srcPattern=("], "is not a regular expression"),
        (["--src=s3://b/in", "--dest=/x", "--targetSize=0"], "must be a whole number, at least 1, not 0"),
        (["--src=s3://b/in", "--dest=/x", "--copyFromManifest"], "--copyFromManifest needs --previousManifest"),
        (["--src=s3://b/in", "--dest=/x", "--outputManifest=a/b"], "--outputManifest is a file name"),
        (["--src=s3://b/in", "--dest=s3://b/in"], "would be copied onto itself"),
        (["--src=s3://b/in", "--dest=/x", "--outputCodec=none"], "would both become hdfs:///x/a"),
        (["--src=s3://b/in", "--dest=/x", "--groupBy=.*(a).*", "--outputCodec=none"], "is not valid gzip"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(storage: FolderStorage, argv: list[str], words: str) -> None:
    fill(storage, a="1", a_DOT_gz="not gzip")

    with pytest.raises(LabError, match=re.escape(words)) as caught:
        copy(storage, *argv)

    assert "\n" not in str(caught.value)
    assert not (storage.root / "hdfs").exists() or storage.list("hdfs:///") == []


def test_parquet_files_are_not_joined(storage: FolderStorage) -> None:
    fill(storage, a_DOT_parquet="1", b_DOT_parquet="2")

    with pytest.raises(LabError, match="Parquet files cannot be joined"):
        copy(storage, "--src=s3://b/in", "--dest=/x", "--groupBy=.*(parquet)")


# hdfs dfs


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
    assert capsysbinary.readouterr().err == (
        b"cat: `b*': No such file or directory\ncat: `/user': Is a directory\n"
    )


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


# The launchers


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
