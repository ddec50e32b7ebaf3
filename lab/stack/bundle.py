"""`lab stack bundle`: everything that a machine without a network needs beside the clone, in one file.

A tar whose large members are compressed by zstd: the images, as `docker save` gives them; a cache of uv's with every
Python package of the lock; uv itself; and the zstd library, so that `lab.stack.load` needs nothing but Python. Its
last member has the checksums of the others, which `make load` compares before it takes anything.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from lab.stack import compose
from lab.stack.archive import Archive
from lab.stack.compose import Compose, versions
from lab.stack.environment import ensure_environment
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

MAKING = ".making-"  # beside the target: the name of what is half done
_PIECE = 1 << 20

Say = Callable[[str], None]


def write_bundle(out: Path, console: Console) -> Path:
    """Write the file into the folder; returns it. LabError: images missing, packages not to be had, disk full.

    The file is there whole or not at all, however this ends.
    """
    compose.require_engine()
    stack = Compose(ensure_environment())
    missing = stack.missing_images()
    if missing:
        raise LabError("images are missing", where=", ".join(missing), fix="run `make build`")
    images = sorted({service["image"] for service in stack.services.values()})
    sizes = {i: int(compose.docker("image", "inspect", "--format", "{{.Size}}", i)) for i in images}
    target = out / f"lakelab-{versions()['LAKELAB_TAG']}-{platform.machine()}.tar"
    console.print(f"Fetching packages and saving {len(images)} images: this takes some minutes.", highlight=False)
    with _workshop(out) as folder:
        new = folder / target.name
        with Archive(new) as archive:
            _write_small(archive, sizes)
            _stage(console, "packages", lambda say: _packages(archive, folder, say))
            _stage(console, "images", lambda say: _images(archive, sizes, say))
        new.replace(target)
    console.print(
        f"{target}: {target.stat().st_size / 1e9:.2f} GB. On the other machine, in a clone of the same version: "
        f"make load FILE={target.name}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    return target


def lock_stamp() -> str:
    """Of the packages that this clone wants."""
    return hashlib.sha256((REPOSITORY / "uv.lock").read_bytes()).hexdigest()


@contextlib.contextmanager
def _workshop(out: Path) -> Iterator[Path]:
    """A folder in `out` for what is half done. Nothing stays of it; what a killed process left is cleared away."""
    out.mkdir(parents=True, exist_ok=True)
    handle = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in out.glob(f"{MAKING}*"):
            shutil.rmtree(left)
        with _ended_by_signals(), tempfile.TemporaryDirectory(dir=out, prefix=MAKING) as folder:
            yield Path(folder)
    except BlockingIOError:
        raise LabError(
            "another bundle is being made", where=str(out), fix="wait for it, or name another folder"
        ) from None
    except OSError as error:
        raise LabError(
            f"cannot write: {error.strerror}", where=str(out), fix="free space or rights, then again"
        ) from None
    finally:
        os.close(handle)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A process that is told to end, or whose terminal is closed, clears up as it does at Ctrl-C."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    former = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _stage(console: Console, name: str, work: Callable[[Say], str]) -> None:
    """Do one part of the work. On a terminal one sees how far it is; in the end one line says how much it was."""
    began = time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name)
        result = work(lambda text: progress.update(task, description=f"{name}: {text}"))
    console.print(f"{name:9} {result}, {time.monotonic() - began:.0f} s", highlight=False)


def _write_small(archive: Archive, images: dict[str, int]) -> None:
    """What is needed first comes first."""
    about = {
        "tag": versions()["LAKELAB_TAG"],
        "system": platform.system(),
        "machine": platform.machine(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "lock": lock_stamp(),
        "images": images,
    }
    with archive.member("lakelab.json") as stream:
        stream.write(json.dumps(about, indent=1).encode())
    with archive.member("zstandard.tar") as stream, tarfile.open(fileobj=stream, mode="w|") as library:
        library.add(_library(), "zstandard", filter=lambda info: None if "__pycache__" in info.name else info)
    with archive.member("uv") as stream:
        stream.write(_uv().read_bytes())


def _library() -> Path:
    """The package zstandard as it is installed here, for the same Python elsewhere."""
    spec = importlib.util.find_spec("zstandard")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _uv() -> Path:
    uv = Path(shutil.which("uv") or REPOSITORY / ".tools" / "bin" / "uv")
    if not uv.exists():
        raise LabError("there is no uv here", fix="run `make install`")
    return uv


def _images(archive: Archive, sizes: dict[str, int], say: Say) -> str:
    """Save all images; those that share layers share them in the file, too."""
    before, saved = archive.written, 0
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(["docker", "save", *sizes], stdout=subprocess.PIPE, stderr=errors) as saving,
    ):
        assert saving.stdout is not None
        with archive.compressed("images.tar.zst") as stream:
            while piece := saving.stdout.read(_PIECE):
                stream.write(piece)
                saved += len(piece)
                say(f"{saved / 1e9:.2f} GB")
        if saving.wait():
            errors.seek(0)
            raise LabError(f"docker save failed: {errors.read().decode(errors='replace').strip()}")
    return f"{saved / 1e9:.2f} GB, {(archive.written - before) / 1e9:.2f} GB compressed"


def _packages(archive: Archive, folder: Path, say: Say) -> str:
    """A cache with what the lock names and nothing else, made by installing from it once."""
    cache, environment = folder / "cache", folder / "venv"
    variables = {"UV_CACHE_DIR": str(cache), "UV_PROJECT_ENVIRONMENT": str(environment), "UV_PYTHON_DOWNLOADS": "never"}
    command = [str(_uv()), "sync", "--frozen", "--no-dev", "--group", "clients", "--python", sys.executable, "--quiet"]
    say("fetching")
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LabError(f"the packages cannot be fetched: {done.stderr.strip().splitlines()[-1]}", fix="see the network")
    shutil.rmtree(environment)
    _thin(cache)
    before = archive.written
    size = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file() and not path.is_symlink())
    say(f"compressing {size / 1e9:.2f} GB")
    with archive.compressed("packages.tar.zst") as stream, tarfile.open(fileobj=stream, mode="w|") as packages:
        packages.add(cache, "uv-cache")
    shutil.rmtree(cache)
    return f"{size / 1e9:.2f} GB, {(archive.written - before) / 1e9:.2f} GB compressed"


def _thin(cache: Path) -> None:
    """What was built from source is there unpacked; the source and the wheel as a file are not needed again."""
    for path in [*cache.glob("sdists-*/**/src"), *cache.glob("sdists-*/**/*.whl"), *cache.glob("sdists-*/**/*.gz")]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.is_file() and not path.is_symlink():
            path.unlink()
