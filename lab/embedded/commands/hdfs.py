"""`hdfs dfs` and `hadoop fs` over the embedded lab's folders, with Hadoop's output and exit codes.

Addresses are hdfs:///path, /path, a path relative to /user/hadoop, or s3://bucket/key; wildcards are those of
Hadoop (`* ? [a-z] {a,b}`).
https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-common/FileSystemShell.html
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from lab.embedded.commands.fs_shell import Found, Shell, ShellError, checksum, children, human, internal, size, sizes_of
from lakelab.errors import LabError
from lakelab.storage import FolderStorage

OWNER = "hadoop"  # whoever runs the lab: no login names in logs


def mkdir(shell: Shell, texts: Sequence[str]) -> None:
    for text in texts:
        place = shell.at(text)
        if "p" in shell.options:
            if place.path.is_file():
                shell.complain(ShellError(f"`{text}': Is not a directory"))
                continue
            place.path.mkdir(parents=True, exist_ok=True)
        elif place.path.exists():
            shell.complain(ShellError(f"`{text}': File exists"))
        elif not place.path.parent.is_dir():
            shell.complain(ShellError(f"`{text}': No such file or directory"))
        else:
            place.path.mkdir()


def ls(shell: Shell, texts: Sequence[str]) -> None:
    for found in shell.find(texts or [""]):
        if found.path.is_file() or "d" in shell.options:
            _print_listing([found], shell)
            continue
        _list_folder(found, shell)


def _list_folder(folder: Found, shell: Shell) -> None:
    entries = [folder.within(path) for path in children(folder.path)]
    if entries and "R" not in shell.options:
        print(f"Found {len(entries)} items")
    if "R" not in shell.options:
        _print_listing(entries, shell)
        return
    for entry in entries:
        _print_listing([entry], shell)
        if entry.path.is_dir():
            _list_folder(entry, shell)


def _print_listing(entries: Sequence[Found], shell: Shell) -> None:
    rows = []
    for entry in entries:
        stat, folder = entry.path.stat(), entry.path.is_dir()
        length = 0 if folder else stat.st_size
        rows.append(
            (
                "drwxr-xr-x" if folder else "-rw-r--r--",
                "-" if folder else "1",
                human(length) if "h" in shell.options else str(length),
                f"{datetime.fromtimestamp(stat.st_mtime):%Y-%m-%d %H:%M}",
                entry.shown,
            )
        )
    width = max((len(row[2]) for row in rows), default=0)
    for rights, copies, size_text, time, shown in rows:
        print(f"{rights} {copies:>3} {OWNER} {OWNER} {size_text:>{max(width, 10)}} {time} {shown}")


def cat(shell: Shell, texts: Sequence[str]) -> None:
    sys.stdout.flush()
    for found in shell.find(texts):
        if found.path.is_dir():
            shell.complain(ShellError(f"`{found.shown}': Is a directory"))
            continue
        with found.path.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer, 1 << 20)
    sys.stdout.flush()


def put(shell: Shell, texts: Sequence[str]) -> None:
    *sources, last = texts
    target = shell.into(last, len(sources))
    for text in sources:
        if text == "-":
            _check_absent(target, last, shell)
            with shell.storage.replacing(shell.address(target.path)) as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy, 1 << 20)
            continue
        source = Path(text.removeprefix("file://"))
        if not source.exists():
            shell.complain(ShellError(f"`{text}': No such file or directory"))
            continue
        _copy_in(source, Found(text, target.path), target, shell)


def cp(shell: Shell, texts: Sequence[str]) -> None:
    *names, last = texts
    sources = list(shell.find(names))
    target = shell.into(last, len(names))
    for source in sources:
        _copy_in(source.path, source, target, shell)


def _copy_in(source: Path, shown: Found, target: Found, shell: Shell) -> None:
    inside = target.path.is_dir()
    place = target.path / source.name if inside else target.path
    try:
        if source.is_dir():
            for path in [source, *sorted(source.rglob("*"))]:
                copy = place / path.relative_to(source)
                if path.is_dir():
                    copy.mkdir(parents=True, exist_ok=True)
                elif not internal(path):
                    _check_absent(Found(f"{shown.shown}/{path.name}", copy), str(copy.name), shell)
                    shell.put_file(path, copy)
        else:
            name = f"{target.shown}/{source.name}" if inside else target.shown
            _check_absent(Found(name, place), name, shell)
            shell.put_file(source, place)
    except ShellError as error:
        shell.complain(error)


def _check_absent(target: Found, shown: str, shell: Shell) -> None:
    if target.path.is_file() and "f" not in shell.options:
        raise ShellError(f"`{shown}': File exists")


def get(shell: Shell, texts: Sequence[str]) -> None:
    *names, last = texts
    target = Path(last.removeprefix("file://"))
    sources = list(shell.find(names))
    if len(names) > 1 and not target.is_dir():
        raise ShellError(f"`{last}': No such file or directory")
    for source in sources:
        place = target / source.path.name if target.is_dir() else target
        if place.exists() and "f" not in shell.options:
            shell.complain(ShellError(f"`{place}': File exists"))
        elif source.path.is_dir():
            shutil.copytree(source.path, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*.crc"))
        else:
            shutil.copyfile(source.path, place)


def rm(shell: Shell, texts: Sequence[str]) -> None:
    for found in shell.find(texts):
        if found.path.is_dir() and not shell.options & {"r", "R"}:
            shell.complain(ShellError(f"`{found.shown}': Is a directory"))
        elif found.path == shell.storage.root / "hdfs" or found.path.parent == shell.storage.root / "s3":
            shell.complain(ShellError(f"`{found.shown}': Cannot remove the root"))
        else:
            shell.storage.delete(shell.address(found.path))
            checksum(found.path).unlink(missing_ok=True)
            print(f"Deleted {found.shown}")


def mv(shell: Shell, texts: Sequence[str]) -> None:
    *names, last = texts
    sources = list(shell.find(names))
    target = shell.into(last, len(names))
    for source in sources:
        inside = target.path.is_dir()
        place = target.path / source.path.name if inside else target.path
        name = f"{target.shown}/{source.path.name}" if inside else target.shown
        if place.exists():
            shell.complain(ShellError(f"`{name}': File exists"))
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        source.path.rename(place)
        with contextlib.suppress(FileNotFoundError):
            checksum(source.path).rename(checksum(place))


def du(shell: Shell, texts: Sequence[str]) -> None:
    rows = []
    for found in shell.find(texts or [""]):
        whole = "s" in shell.options or found.path.is_file()
        parts = [found] if whole else [found.within(path) for path in children(found.path)]
        rows += [(size(part.path), part.shown) for part in parts]
    told = [(human(length) if "h" in shell.options else str(length), shown) for length, shown in rows]
    width = max((len(length) for length, _ in told), default=0)
    for length, shown in told:  # one copy of each file: what it takes is what it holds
        print(f"{length:<{width}}  {length:<{width}}  {shown}")


def test(shell: Shell, texts: Sequence[str]) -> None:
    path = shell.at(texts[0]).path
    checks: dict[str, Callable[[], bool]] = {
        "e": path.exists,
        "d": path.is_dir,
        "f": path.is_file,
        "s": lambda: path.exists() and size(path) > 0,
        "z": lambda: path.is_file() and path.stat().st_size == 0,
    }
    chosen = shell.options & set(checks)
    if len(chosen) != 1:
        raise ShellError("one of -e, -d, -f, -s, -z is needed")
    shell.failed = not checks[chosen.pop()]()


def count(shell: Shell, texts: Sequence[str]) -> None:
    for found in shell.find(texts):
        folders, sizes = sum(1 for _ in os.walk(found.path)), sizes_of(found.path)
        print(f"{folders:>12} {len(sizes):>12} {sum(sizes):>18} {found.shown}")


def touchz(shell: Shell, texts: Sequence[str]) -> None:
    for text in texts:
        place = shell.into(text, 1)
        if place.path.is_dir():
            shell.complain(ShellError(f"`{text}': Is a directory"))
        elif place.path.exists() and place.path.stat().st_size:
            shell.complain(ShellError(f"`{text}': Not a zero-length file"))
        else:
            shell.storage.write(shell.address(place.path), b"")


# name: function, options, least and most arguments
_Command = tuple[Callable[[Shell, Sequence[str]], None], str, int, int]
_ANY = 1 << 30
COMMANDS: dict[str, _Command] = {
    "mkdir": (mkdir, "p", 1, _ANY),
    "ls": (ls, "dhR", 0, _ANY),
    "cat": (cat, "", 1, _ANY),
    "put": (put, "f", 2, _ANY),
    "copyFromLocal": (put, "f", 2, _ANY),
    "get": (get, "f", 2, _ANY),
    "copyToLocal": (get, "f", 2, _ANY),
    "cp": (cp, "f", 2, _ANY),
    "mv": (mv, "", 2, _ANY),
    "rm": (rm, "frR", 1, _ANY),
    "du": (du, "hs", 0, _ANY),
    "test": (test, "defsz", 1, 1),
    "count": (count, "", 1, _ANY),
    "touchz": (touchz, "", 1, _ANY),
}


def run(argv: Sequence[str], storage: FolderStorage) -> int:
    """Run `-command [options] arguments`; returns Hadoop's exit code: 0, 1, or 255 for wrong usage."""
    if not argv or argv[0].removeprefix("-") not in COMMANDS or not argv[0].startswith("-"):
        known = ", ".join(f"-{name}" for name in COMMANDS)
        print(f"{argv[0] if argv else 'dfs'}: Unknown command; the embedded lab has {known}", file=sys.stderr)
        return 255
    name = argv[0][1:]
    function, allowed, least, most = COMMANDS[name]
    options, texts = _options(argv[1:])
    options -= {"skipTrash"} if name == "rm" else set()
    wrong = sorted(option for option in options if option not in tuple(allowed))
    if wrong or not least <= len(texts) <= most:
        why = f"Illegal option -{wrong[0]}" if wrong else "Wrong number of arguments"
        print(f"-{name}: {why}", file=sys.stderr)
        return 255
    shell = Shell(name, storage, options)
    try:
        function(shell, texts)
    except (ShellError, LabError) as error:
        shell.complain(error)
    except OSError as error:
        shell.complain(ShellError(f"{error.strerror}"))
    return 1 if shell.failed else 0


def _options(argv: Sequence[str]) -> tuple[set[str], list[str]]:
    options: set[str] = set()
    for number, argument in enumerate(argv):
        if argument == "--":
            return options, list(argv[number + 1 :])
        if not argument.startswith("-") or argument == "-":
            return options, list(argv[number:])
        options.add(argument[1:])
    return options, []


def main() -> int:
    name, *argv = sys.argv[1:]
    first = argv[0] if argv else ""
    if first not in (("dfs",) if name == "hdfs" else ("fs",)):
        print(f"{name}: the embedded lab has `hdfs dfs` and `hadoop fs` only, not `{name} {first}`", file=sys.stderr)
        return 255
    try:
        return run(argv[1:], FolderStorage(Path(os.environ["LAB_HOME"])))
    except KeyError:
        print(f"{name}: LAB_HOME is not set", file=sys.stderr)
        return 255


if __name__ == "__main__":
    sys.exit(main())
