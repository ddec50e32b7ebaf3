"""The options of `hive-script` and `hive`, as the arguments of a shell that takes `-f`, `-e`, `-i` and variables.

    hive-script --run-hive-script --args -f s3://bucket/script.hql -d NAME=value --hiveconf key=value

https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-hive-additional-features.html
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Protocol

from lakelab.errors import LabError


class Scripts(Protocol):
    """Where scripts are. A missing one is a FileNotFoundError."""

    def open(self, uri: str) -> BinaryIO: ...


VALUED = {"-d": "--hivevar", "--define": "--hivevar", "--hivevar": "--hivevar", "--hiveconf": "--hiveconf"}
NAMED = {"-e": "-e", "-i": "-i", "--database": "--database"}


def shell_arguments(arguments: list[str], fetch: Scripts, folder: Path) -> list[str]:
    """The shell's arguments; scripts in S3 or HDFS are copied into `folder` first.

    Raises LabError for an option that the shell lacks and for a script that does not exist.
    """
    rest = [a for a in arguments if a not in ("--run-hive-script", "--hive-script", "--args")]
    given: list[str] = []
    while rest:
        option = rest.pop(0)
        name, _, value = option.partition("=") if option.startswith("--") else (option, "", "")
        if name.startswith("--hive-versions"):
            continue  # EMR's own launcher takes it and does nothing with it on current releases
        if name not in ("-f", *VALUED, *NAMED):
            raise LabError(f"unknown option {name}", where="hive-script", fix="use -f, -e, -i, -d, --hiveconf")
        if not value:
            if not rest:
                raise LabError(f"option {name} needs a value", where="hive-script")
            value = rest.pop(0)
        if name in ("-f", "-i"):
            given += [name, str(_local(value, fetch, folder))]
        else:
            given += [VALUED.get(name) or NAMED[name], value]
    if "-f" not in given and "-e" not in given:
        raise LabError("no script given", where="hive-script", fix="add -f s3://bucket/script.hql")
    return given


def _local(uri: str, storage: Scripts, folder: Path) -> Path:
    if "://" not in uri:
        return Path(uri)
    target = folder / uri.rsplit("/", 1)[1]
    try:
        with storage.open(uri) as stream:
            target.write_bytes(stream.read())
    except FileNotFoundError:
        raise LabError("no such script", where=uri, fix="upload it, or check the address") from None
    return target
