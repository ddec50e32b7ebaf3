"""What the file system commands share: addresses with wildcards, complaints, and files of a folder."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lakelab.errors import LabError
from lakelab.storage import FolderStorage, files_below

HOME = "/user/hadoop"


class ShellError(Exception):
    """A command's refusal in Hadoop's words; the others of its arguments are still done."""


@dataclass(frozen=True)
class Found:
    """A file or folder: as Hadoop shows it, and where it lies."""

    shown: str
    path: Path

    def within(self, path: Path) -> Found:
        name = path.relative_to(self.path).as_posix()
        slash = "" if not self.shown or self.shown.endswith("/") else "/"
        return Found(f"{self.shown}{slash}{name}", path)


class Shell:
    """One invocation: the storage, the options given and the worst exit code so far."""

    def __init__(self, name: str, storage: FolderStorage, options: set[str]) -> None:
        self.name, self.storage, self.options = name, storage, options
        self.failed = False

    def complain(self, error: Exception) -> None:
        print(f"{self.name}: {error}", file=sys.stderr)
        self.failed = True

    def at(self, text: str) -> Found:
        """The place of an address, which need not exist."""
        full = text if "://" in text or text.startswith("/") else f"{HOME}/{text}".rstrip("/")
        shown = text.rstrip("/")
        root = not shown or shown.endswith(":")  # `/` or `hdfs:///`: its slashes belong to it
        return Found(text if root else shown, self.storage.path(full))

    def find(self, texts: Sequence[str]) -> Iterator[Found]:
        """What the addresses name, wildcards resolved; complains of each that names nothing."""
        for text in texts:
            try:
                some = list(self._matching(text))
                if not some and not (self.name == "rm" and "f" in self.options):
                    raise ShellError(f"`{text}': No such file or directory")
                yield from some
            except (ShellError, LabError) as error:
                self.complain(error)

    def _matching(self, text: str) -> Iterator[Found]:
        for option in _braces(text):
            base = self.at(option)
            if not any(character in option for character in "*?["):
                if base.path.exists():
                    yield base
                continue
            head = option[: min(option.find(c) for c in "*?[" if c in option)].rpartition("/")[0]
            root = self.at(head + "/" if head or option.startswith("/") else "")
            pattern = base.path.relative_to(root.path).as_posix()
            for path in sorted(root.path.glob(pattern)):
                if not internal(path):
                    shown = path.relative_to(root.path).as_posix()
                    yield Found(f"{head}/{shown}" if head or option.startswith("/") else shown, path)

    def into(self, text: str, sources: int) -> Found:
        """A target: a folder when there are several sources. Its own folder must exist, as in HDFS."""
        target = self.at(text)
        if sources > 1 and not target.path.is_dir():
            raise ShellError(f"`{text}': No such file or directory")
        if not text.startswith("s3") and not target.path.exists() and not target.path.parent.is_dir():
            raise ShellError(f"`{text}': No such file or directory: `{text}'")
        return target

    def put_file(self, source: Path, target: Path) -> None:
        with source.open("rb") as stream, self.storage.replacing(self.address(target)) as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)

    def address(self, path: Path) -> str:
        """The address of a place in the storage."""
        relative = path.relative_to(self.storage.root).as_posix()
        kind, _, rest = relative.partition("/")
        return f"s3://{rest}" if kind == "s3" else f"hdfs:///{rest}"


def _braces(text: str) -> list[str]:
    """`a{b,c}` as `ab` and `ac`."""
    head, opened, rest = text.partition("{")
    middle, closed, tail = rest.partition("}")
    if not opened or not closed:
        return [text]
    return [whole for option in middle.split(",") for whole in _braces(head + option + tail)]


def children(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not internal(path))


def internal(path: Path) -> bool:
    """Files that Hadoop's local file system and the lab keep beside the real ones."""
    return path.name.startswith(".writing-") or (path.name.startswith(".") and path.name.endswith(".crc"))


def checksum(path: Path) -> Path:
    return path.with_name(f".{path.name}.crc")


def size(path: Path) -> int:
    """Bytes of a file, or of all that are under a folder."""
    return sum(sizes_of(path))


def sizes_of(path: Path) -> list[int]:
    """Bytes of a file, or of each that is under a folder."""
    if path.is_file():
        return [path.stat().st_size]
    return [length for found, length in files_below(path) if not internal(found)]


def human(size: float) -> str:
    for unit in ("", " K", " M", " G"):
        if size < 1024:
            return f"{size:.1f}{unit}" if unit else f"{size:.0f}"
        size /= 1024
    return f"{size:.1f} T"
