"""`make load`: takes a file of `lab stack bundle`, on a machine with Python and a Docker engine and no network.

Run by the machine's own Python before anything is installed: imports nothing but the standard library, and the
zstd library out of the file.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lakelab.errors import LabError

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = REPOSITORY / ".tools"
ENOUGH = 4  # times the file's size: what the engine and the packages need on disk
SUMS = "SHA256SUMS"
_PIECE = 1 << 20


def load(file: Path) -> None:
    """Put the packages into `.tools` and the images into the engine.

    LabError: not such a file, a damaged one, made for another machine or another version, no engine, no room.
    """
    if not file.is_file():
        raise LabError("no such file", where=str(file) or "FILE", fix="make load FILE=path of the bundle")
    try:
        with tarfile.open(file) as bundle:
            about = json.load(_member(bundle, "lakelab.json"))
            _check(about, file)
            _compare_sums(bundle)
            with _zstandard(bundle) as zstandard:
                _packages(bundle, zstandard)
                _images(bundle, zstandard, about["images"])
        # Gigabytes that wait to be written hold up those who make sure of every line: Kafka, Postgres.
        print("writing all of it to the disk ...", flush=True)
        os.sync()
    except (tarfile.TarError, KeyError, ValueError, EOFError) as error:
        raise LabError(f"not a whole bundle: {error}", where=str(file), fix="copy it again") from None
    except OSError as error:
        raise LabError(
            f"cannot load: {error.strerror}", where=str(TOOLS), fix="free space or rights, then again"
        ) from None


def _check(about: dict[str, Any], file: Path) -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    # Packages are of a system, images of a processor: what an Apple laptop bundles is for others of its kind.
    made, here = f"{about['system']} {about['machine']}", f"{platform.system()} {platform.machine()}"
    if made != here:
        raise LabError(f"made for {made}, this machine is {here}", where=str(file), fix="make one on such a machine")
    if about["python"] != python:
        fix = f"make load PYTHON=python{about['python']} FILE={file}"
        raise LabError(f"made for Python {about['python']}, this is {python}", where=str(file), fix=fix)
    if about["lock"] != hashlib.sha256((REPOSITORY / "uv.lock").read_bytes()).hexdigest():
        fix = f"use a clone of version {about['tag']} as it was bundled"
        raise LabError("made for another version of the lab", where=str(file), fix=fix)
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        raise LabError("no Docker engine answers", fix="install or start one, or `make engine` on a Debian mirror")
    need, free = ENOUGH * file.stat().st_size, shutil.disk_usage(REPOSITORY).free
    if free < need:
        raise LabError(f"{free / 1e9:.1f} GB free", where=str(REPOSITORY), fix=f"free {need / 1e9:.0f} GB")


def _compare_sums(bundle: tarfile.TarFile) -> None:
    """Nothing is taken of a file in which a byte has changed on its way. ValueError names the member."""
    wanted = dict(line.split("  ", 1)[::-1] for line in _member(bundle, SUMS).read().decode().splitlines())
    if set(wanted) != set(bundle.getnames()) - {SUMS}:
        raise ValueError("it has more or less in it than was put in")
    for name, digest in wanted.items():
        found = hashlib.sha256()
        stream = _member(bundle, name)
        with _told(f"checking {name}", bundle.getmember(name).size) as tell:
            while piece := stream.read(_PIECE):
                found.update(piece)
                tell(stream.tell())
        if found.hexdigest() != digest:
            raise ValueError(f"{name} is damaged")


@contextmanager
def _told(doing: str, size: int) -> Iterator[Callable[[int], None]]:
    """On a terminal one sees how far it is; the function is told how many of the bytes are done."""

    def tell(done: int) -> None:
        if sys.stdout.isatty():
            print(f"\r\033[K{doing}: {100 * done // max(size, 1)}%", end="", flush=True)

    try:
        yield tell
    finally:
        if sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)


@contextmanager
def _zstandard(bundle: tarfile.TarFile) -> Iterator[Any]:
    """The zstd library that the file brings, imported."""
    with tempfile.TemporaryDirectory(prefix="lakelab-load-") as folder:
        with tarfile.open(fileobj=_member(bundle, "zstandard.tar")) as library:
            _extract(library, Path(folder))
        sys.path.insert(0, folder)
        try:
            import zstandard

            yield zstandard
        finally:
            sys.path.remove(folder)


def _packages(bundle: tarfile.TarFile, zstandard: Any) -> None:
    cache, new = TOOLS / "uv-cache", TOOLS / ".loading"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    unpacked = zstandard.ZstdDecompressor().stream_reader(_member(bundle, "packages.tar.zst"))
    with unpacked as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        _extract(archive, new)
    shutil.rmtree(cache, ignore_errors=True)
    (new / "uv-cache").rename(cache)
    new.rmdir()
    uv = TOOLS / "bin" / "uv"
    uv.parent.mkdir(exist_ok=True)
    with uv.with_suffix(".new").open("wb") as target:
        shutil.copyfileobj(_member(bundle, "uv"), target)
    uv.with_suffix(".new").chmod(0o755)
    uv.with_suffix(".new").replace(uv)
    print(f"packages: {_size(cache):.2f} GB in {cache}", flush=True)


def _images(bundle: tarfile.TarFile, zstandard: Any, images: dict[str, int]) -> None:
    print(f"images: {len(images)}, {sum(images.values()) / 1e9:.2f} GB ...", flush=True)
    with tempfile.TemporaryFile() as said:
        loading = subprocess.Popen(["docker", "load", "--quiet"], stdin=subprocess.PIPE, stdout=said, stderr=said)
        assert loading.stdin is not None
        try:
            packed, size = _member(bundle, "images.tar.zst"), bundle.getmember("images.tar.zst").size
            with _told("loading images", size) as tell, zstandard.ZstdDecompressor().stream_reader(packed) as stream:
                while piece := stream.read(_PIECE):
                    loading.stdin.write(piece)
                    tell(packed.tell())
            loading.stdin.close()
        except BrokenPipeError:
            pass  # the engine gave up, and says why
        if loading.wait():
            said.seek(0)
            last = said.read().decode(errors="replace").strip().splitlines()[-1:]
            raise LabError(f"docker load failed: {''.join(last) or loading.returncode}", fix="free space, then again")


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Nothing outside of the folder, where this Python can see to it (from 3.11.4 on)."""
    if hasattr(tarfile, "tar_filter"):
        archive.extractall(folder, filter="tar")
    else:
        archive.extractall(folder)


def _member(bundle: tarfile.TarFile, name: str) -> IO[bytes]:
    found = bundle.extractfile(name)
    if found is None:
        raise ValueError(f"{name} is missing")
    return found


def _size(folder: Path) -> float:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink()) / 1e9


def main() -> None:
    try:
        load(Path(sys.argv[1] if len(sys.argv) > 1 else ""))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("lab: stopped: give the same command again", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
