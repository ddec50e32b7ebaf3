"""`s3-dist-cp` with AWS's options, over whatever keeps the files.

What cannot be done is refused; what only tunes the transfer to S3 is accepted and has nothing to do here. Patterns
must match the whole address of a file, such as `s3://bucket/logs/a.gz` or `hdfs:///logs/a.gz`.
https://docs.aws.amazon.com/emr/latest/ReleaseGuide/UsingEMR_s3distcp.html
"""

from __future__ import annotations

import bz2
import gzip
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, Protocol, cast

from lakelab.errors import LabError
from lakelab.storage import Stored
from services.hadoop.commands.s3_dist_cp_options import Options, parse

COPY_CHUNK = 1 << 20


class Files(Protocol):
    """What s3-dist-cp needs of the stores. A file that is not there is a FileNotFoundError."""

    def list(self, uri: str) -> list[Stored]: ...
    def open(self, uri: str) -> BinaryIO: ...
    def replacing(self, uri: str) -> AbstractContextManager[BinaryIO]: ...
    def delete(self, uri: str) -> int: ...
    def exists(self, uri: str) -> bool: ...
    def is_folder(self, uri: str) -> bool: ...


# Copies pairs of (source, target), each file as it is; says whether it did: it may leave a small job to us.
Bulk = Callable[[Sequence[tuple[Stored, str]]], bool]


@dataclass(frozen=True)
class Source:
    """A file to copy; `name` is its path below the source folder."""

    file: Stored
    name: str


@dataclass
class Output:
    """A file to write, and the files that it is made of, in order."""

    uri: str
    sources: list[Source] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(source.file.size for source in self.sources)


def run(argv: Sequence[str], storage: Files, bulk: Bulk | None = None) -> int:
    """Copy as the arguments say and print the counters. LabError for anything that cannot be done."""
    options = parse(argv)
    sources = _sources(options, storage)
    chosen = [source for source in sources if _wanted(options, source)]
    if not chosen:
        raise LabError("there is no file to copy", where=options.src, fix="check --src and the patterns")
    known = _manifest(options.previous_manifest, options, storage) if not options.copy_from_manifest else []
    before = {(entry["baseName"], entry["size"]) for entry in known}
    fresh = [source for source in chosen if (source.name, source.file.size) not in before]
    outputs = _grouped(options, fresh) if options.group_by else _single(options, fresh, storage)
    _check(outputs)
    read = sum(output.size for output in outputs)
    if options.codec == "keep" and bulk and bulk(_pairs(outputs)):
        written = read
    else:
        written = sum(_write(output, options, storage) for output in outputs)
    if options.output_manifest:
        _write_manifest(options, known, outputs, storage)
    if options.delete_on_success:
        for source in fresh:
            storage.delete(source.file.uri)
    skipped = len(chosen) - len(fresh)
    _report(len(fresh), len(outputs), read, written, skipped)
    return 0


def _sources(options: Options, storage: Files) -> list[Source]:
    if options.copy_from_manifest:
        return [
            Source(Stored(entry["path"], entry["size"]), entry["baseName"])
            for entry in _manifest(options.previous_manifest, options, storage)
        ]
    base = _full(options.src)
    found: list[Stored] = []
    for place in [base] if not options.prefixes_file else _prefixes(options.prefixes_file, base, storage):
        if not storage.exists(place):
            raise LabError(f"source {place} does not exist")
        found += storage.list(place)
    names = [stored.uri.removeprefix(base).lstrip("/") or stored.uri.rpartition("/")[2] for stored in found]
    return [Source(stored, name) for stored, name in zip(found, names, strict=True)]


def _prefixes(uri: str, base: str, storage: Files) -> list[str]:
    try:
        with storage.open(uri) as stream:
            lines = [line.strip() for line in stream.read().decode().splitlines()]
    except FileNotFoundError:
        raise LabError(f"source prefixes file {uri} does not exist") from None
    prefixes = [_full(line) for line in lines if line]
    stray = next((prefix for prefix in prefixes if not prefix.startswith(base)), None)
    if stray:
        raise LabError(f"source prefix {stray} is not below {base}")
    return prefixes


def _wanted(options: Options, source: Source) -> bool:
    """Whether the patterns let it through; for --groupBy the captured parts must not be empty."""
    if options.src_pattern and not options.src_pattern.fullmatch(source.file.uri):
        return False
    return options.group_by is None or bool(_key(options.group_by, source))


def _key(group_by: re.Pattern[str], source: Source) -> str:
    match = group_by.fullmatch(source.file.uri)
    return "".join(part or "" for part in match.groups()) if match else ""


def _single(options: Options, sources: Sequence[Source], storage: Files) -> list[Output]:
    """Each file by itself, under its path below the source; a source that is one file may be given a new name."""
    dest = _full(options.dest)
    # `--src …/x.csv --dest …/y.csv` writes y.csv; into a folder that exists, or is meant by a slash, x.csv.
    renamed = (
        len(sources) == 1
        and sources[0].file.uri == _full(options.src)
        and not options.dest.endswith("/")
        and not storage.is_folder(dest)
    )
    if renamed:
        return [Output(_named(dest, options), [sources[0]])]
    outputs = []
    for number, source in enumerate(sources, options.starting_index):
        folder, _, name = source.name.rpartition("/")
        numbered = f"{number}{name}" if options.number_files else name
        outputs.append(Output(_named("/".join(p for p in (dest, folder, numbered) if p), options), [source]))
    return outputs


def _grouped(options: Options, sources: Sequence[Source]) -> list[Output]:
    """Files whose captured parts are equal, joined; cut between files where the target size is reached."""
    assert options.group_by is not None
    groups: dict[str, list[Source]] = {}
    for source in sources:
        groups.setdefault(_key(options.group_by, source), []).append(source)
    outputs = []
    number = options.starting_index
    for key, members in groups.items():
        parts = _cut(members, options.target_size)
        for index, part in enumerate(parts):
            name = _with_index(key, index) if len(parts) > 1 else key
            if options.number_files:
                name = f"{number}{name.rpartition('/')[2]}"
            folder = part[0].name.rpartition("/")[0]
            uri = "/".join(p for p in (_full(options.dest), folder, name) if p)
            outputs.append(Output(_named(uri, options), part))
            number += 1
    return outputs


def _cut(members: Sequence[Source], target: int | None) -> list[list[Source]]:
    """Runs of files that together reach the target size in bytes. A file itself is never cut."""
    parts: list[list[Source]] = [[]]
    size = 0
    for member in members:
        if target is not None and size >= target:
            parts.append([])
            size = 0
        parts[-1].append(member)
        size += member.file.size
    return parts


def _with_index(name: str, index: int) -> str:
    """`myfile.gz` as `myfile0.gz`."""
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}{index}.{suffix}" if dot and stem else f"{name}{index}"


def _named(uri: str, options: Options) -> str:
    """The address with the ending that the output's compression asks for."""
    if options.codec == "keep":
        return uri
    bare = re.sub(r"\.(gz|bz2)$", "", uri)
    return f"{bare}.gz" if options.codec == "gzip" else bare


def _check(outputs: Iterable[Output]) -> None:
    """Refuse what would lose or garble data before anything is written."""
    seen: dict[str, str] = {}
    for output in outputs:
        first = output.sources[0].file.uri
        if output.uri in seen:
            raise LabError(f"{first} and {seen[output.uri]} would both become {output.uri}")
        seen[output.uri] = first
        if any(source.file.uri == output.uri for source in output.sources):
            raise LabError(f"{output.uri} would be copied onto itself")
        if any(source.name.endswith(".parquet") for source in output.sources) and len(output.sources) > 1:
            raise LabError("Parquet files cannot be joined", where=first, fix="join them with Spark")


def _pairs(outputs: Sequence[Output]) -> list[tuple[Stored, str]]:
    """Source and target of each file; none when files are to be joined."""
    if any(len(output.sources) > 1 for output in outputs):
        return []
    return [(output.sources[0].file, output.uri) for output in outputs]


def _write(output: Output, options: Options, storage: Files) -> int:
    """Write one output at once; returns its size in bytes."""
    with storage.replacing(output.uri) as target:
        packed = gzip.GzipFile("", "wb", 6, target, 0) if options.codec == "gzip" else None
        try:
            for source in output.sources:
                try:
                    with storage.open(source.file.uri) as raw:
                        shutil.copyfileobj(_plain(raw, source, options), packed or target, COPY_CHUNK)
                except FileNotFoundError:
                    raise LabError(f"source {source.file.uri} does not exist") from None
                except (EOFError, gzip.BadGzipFile):
                    raise LabError(f"source {source.file.uri} is not valid gzip") from None
        finally:
            if packed:
                packed.close()
        return target.tell()


def _plain(raw: IO[bytes], source: Source, options: Options) -> IO[bytes]:
    """The stream to read a source by: uncompressed, unless its compression is kept."""
    if options.codec == "keep":
        return raw
    if source.name.endswith(".gz"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if source.name.endswith(".bz2"):
        return cast(IO[bytes], bz2.BZ2File(raw))
    if source.name.endswith((".snappy", ".lzo", ".lz4", ".zst")):
        raise LabError("the lab cannot read this compression", where=source.file.uri, fix="use gzip or keep")
    return raw


def _manifest(uri: str | None, options: Options, storage: Files) -> list[dict[str, Any]]:
    if uri is None:
        return []
    try:
        with storage.open(uri) as raw, gzip.open(raw, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    except FileNotFoundError:
        if options.require_previous_manifest:
            raise LabError(f"previous manifest {uri} does not exist") from None
        return []
    except (EOFError, gzip.BadGzipFile, ValueError):
        raise LabError(f"previous manifest {uri} cannot be read", fix="give a file of --outputManifest") from None


def _write_manifest(
    options: Options, known: Sequence[dict[str, Any]], outputs: Sequence[Output], storage: Files
) -> None:
    """One line of JSON for each file copied, now and by the previous manifest, gzipped."""
    dest = _full(options.dest)
    entries = list(known)
    for output in outputs:
        for source in output.sources:
            entry = {"path": output.uri, "baseName": source.name, "srcDir": dest, "size": source.file.size}
            entries.append(entry)
    with (
        storage.replacing(f"{dest}/{options.output_manifest}") as target,
        gzip.GzipFile("", "wb", 6, target, 0) as packed,
    ):
        packed.writelines(f"{json.dumps(entry)}\n".encode() for entry in entries)


def _full(address: str) -> str:
    """The address as patterns see it: with a scheme, without a slash at its end."""
    return (address if "://" in address else f"hdfs://{address}").rstrip("/")


def _report(files: int, written_files: int, read: int, written: int, skipped: int) -> None:
    print("S3DistCp Counters")
    for name, value in (
        ("Files copied", files),
        ("Files written", written_files),
        ("Files skipped", skipped),
        ("Bytes read", read),
        ("Bytes written", written),
    ):
        print(f"\t{name}={value}")


def main(open_files: Callable[[], Files], bulk: Bulk | None = None) -> int:
    """The command itself: exit code 1 and one line on stderr for what went wrong."""
    try:
        return run(sys.argv[1:], open_files(), bulk)
    except LabError as error:
        print(f"s3-dist-cp: {error}", file=sys.stderr)
    except OSError as error:
        print(f"s3-dist-cp: {error.strerror} ({error.filename})", file=sys.stderr)
    return 1
