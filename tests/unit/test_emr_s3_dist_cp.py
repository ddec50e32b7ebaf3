"""`s3-dist-cp` as steps find it: each of AWS's options."""

from __future__ import annotations

import gzip
import json
import re

import pytest
from command_lab import below, fill

from lakelab.errors import LabError
from lakelab.storage import FolderStorage
from services.hadoop.commands import s3_dist_cp


def copy(storage: FolderStorage, *argv: str) -> int:
    return s3_dist_cp.run(argv, storage)


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
