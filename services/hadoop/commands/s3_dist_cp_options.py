"""The options of `s3-dist-cp`: those of AWS's table, each done, harmless here, or refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lakelab.errors import LabError

VALUED = {
    "src", "dest", "srcPattern", "groupBy", "targetSize", "outputCodec", "outputManifest", "previousManifest",
    "requirePreviousManifest", "srcPrefixesFile", "startingIndex",
}  # fmt: skip
FLAGS = {"deleteOnSuccess", "numberFiles", "copyFromManifest"}
# They tune the transfer to S3, or what S3 does with the objects: nothing of it matters in the lab.
HARMLESS_VALUED = {"s3Endpoint", "multipartUploadChunkSize", "storageClass"}
HARMLESS_FLAGS = {"disableMultipartUpload", "s3ServerSideEncryption"}
REFUSED = {"appendToLastFile"}
CODECS = {"keep": "keep", "none": "none", "gzip": "gzip", "gz": "gzip"}


@dataclass(frozen=True)
class Options:
    """What to copy, where to and how. Sizes are in bytes; patterns match whole addresses."""

    src: str
    dest: str
    src_pattern: re.Pattern[str] | None
    group_by: re.Pattern[str] | None
    target_size: int | None
    codec: str  # keep, none or gzip
    delete_on_success: bool
    number_files: bool
    starting_index: int
    output_manifest: str | None
    previous_manifest: str | None
    require_previous_manifest: bool
    copy_from_manifest: bool
    prefixes_file: str | None


def parse(argv: Sequence[str]) -> Options:
    """Read `--name=value`, `--name value` and `--flag`. LabError for what is unknown, double, missing or wrong."""
    given = _read(argv)
    for name in ("src", "dest"):
        if not given.get(name):
            raise LabError(f"option --{name} is needed")
        if "://" not in given[name] and not given[name].startswith("/"):
            raise LabError(f"--{name} must be absolute", where=given[name], fix="write s3://…, hdfs:///… or /…")
    if "copyFromManifest" in given and "previousManifest" not in given:
        raise LabError("--copyFromManifest needs --previousManifest")
    if "/" in given.get("outputManifest", ""):
        raise LabError("--outputManifest is a file name, written into --dest", where=given["outputManifest"])
    group_by = _pattern(given, "groupBy")
    if group_by is not None and group_by.groups == 0:
        raise LabError(
            "--groupBy needs a part in parentheses: it names the files that are joined", where=group_by.pattern
        )
    codec = given.get("outputCodec", "keep").lower()
    if codec not in CODECS:
        raise LabError(f"the lab has no codec {codec}", fix="use --outputCodec=gzip, none or keep")
    size = _number(given, "targetSize", 1)
    return Options(
        src=given["src"],
        dest=given["dest"],
        src_pattern=_pattern(given, "srcPattern"),
        group_by=group_by,
        target_size=size << 20 if size is not None else None,
        codec=CODECS[codec],
        delete_on_success="deleteOnSuccess" in given,
        number_files="numberFiles" in given,
        starting_index=_number(given, "startingIndex", 0) or 0,
        output_manifest=given.get("outputManifest"),
        previous_manifest=given.get("previousManifest"),
        require_previous_manifest=given.get("requirePreviousManifest", "true").lower() != "false",
        copy_from_manifest="copyFromManifest" in given,
        prefixes_file=given.get("srcPrefixesFile"),
    )


def _read(argv: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    rest = list(argv)
    while rest:
        argument = rest.pop(0)
        name, equals, value = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or name not in VALUED | FLAGS | HARMLESS_VALUED | HARMLESS_FLAGS | REFUSED:
            raise LabError(f"unknown option {argument.partition('=')[0]}")
        if name in REFUSED:
            raise LabError(f"the lab has no --{name}", fix="run the step on AWS, or leave it out")
        if name in given:
            raise LabError(f"option --{name} is given twice")
        if name in FLAGS | HARMLESS_FLAGS:
            if equals:
                raise LabError(f"option --{name} takes no value")
        elif not equals:
            if not rest or rest[0].startswith("--"):
                raise LabError(f"option --{name} needs a value")
            value = rest.pop(0)
        given[name] = value
    return given


def _pattern(given: dict[str, str], name: str) -> re.Pattern[str] | None:
    if name not in given:
        return None
    try:
        return re.compile(given[name])
    except re.error as error:
        raise LabError(f"--{name} is not a regular expression: {error}", where=given[name]) from None


def _number(given: dict[str, str], name: str, least: int) -> int | None:
    if name not in given:
        return None
    text = given[name]
    if not text.isdecimal() or int(text) < least:
        raise LabError(f"--{name} must be a whole number, at least {least}, not {text}")
    return int(text)
