"""`lab stack bundle`: everything that a machine without a network needs beside the clone, in one file.

A tar whose large members are compressed by zstd: the images, as `docker save` gives them; a cache of uv's with every
Python package of the lock; uv itself; and the zstd library, so that `lab.stack.load` needs nothing but Python.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard
from rich.console import Console

from lab.stack import compose
from lab.stack.compose import Compose, versions
from lab.stack.environment import ensure_environment
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

LEVEL = 9  # a fifth smaller than level 3, and still faster than the engine gives the images out


def write_bundle(out: Path, console: Console) -> Path:
    """Write the file into the folder; returns it. LabError: images missing, packages not to be had, disk full."""
    compose.require_engine()
    stack = Compose(ensure_environment())
    missing = stack.missing_images()
    if missing:
        raise LabError("images are missing", where=", ".join(missing), fix="run `make build`")
    images = sorted({service["image"] for service in stack.services.values()})
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"lakelab-{versions()['LAKELAB_TAG']}-{platform.machine()}.tar"
    with tempfile.TemporaryDirectory(dir=out, prefix=".making-") as folder:
        parts = Path(folder)
        _packages(parts, console)
        sizes = _images(images, parts / "images.tar.zst", console)
        _write(target, parts, _about(sizes))
    console.print(f"{target}: {target.stat().st_size / 1e9:.2f} GB. On the other machine, in a clone of the same")
    console.print(f"version: make load FILE={target.name}", highlight=False, soft_wrap=True)
    return target


def lock_stamp() -> str:
    """Of the packages that this clone wants."""
    return hashlib.sha256((REPOSITORY / "uv.lock").read_bytes()).hexdigest()


def _about(images: dict[str, int]) -> dict[str, object]:
    return {
        "tag": versions()["LAKELAB_TAG"],
        "machine": platform.machine(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "lock": lock_stamp(),
        "images": images,
    }


def _images(images: list[str], target: Path, console: Console) -> dict[str, int]:
    """Save all images; those that share layers share them in the file, too. Returns each one's bytes."""
    sizes = {i: int(compose.docker("image", "inspect", "--format", "{{.Size}}", i)) for i in images}
    with console.status(f"Saving {len(images)} images ..."):
        saving = subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert saving.stdout is not None
        with _compressed(target) as stream:
            shutil.copyfileobj(saving.stdout, stream, 1 << 20)
        _, said = saving.communicate()
    if saving.returncode:
        raise LabError(f"docker save failed: {said.decode(errors='replace').strip()}")
    console.print(f"images    {sum(sizes.values()) / 1e9:6.2f} GB, {target.stat().st_size / 1e9:5.2f} GB compressed")
    return sizes


def _packages(parts: Path, console: Console) -> None:
    """A cache with what the lock names and nothing else, made by installing from it once."""
    uv = shutil.which("uv") or str(REPOSITORY / ".tools" / "bin" / "uv")
    if not Path(uv).exists():
        raise LabError("there is no uv here", fix="run `make install`")
    cache, environment = parts / "cache", parts / "venv"
    variables = {"UV_CACHE_DIR": str(cache), "UV_PROJECT_ENVIRONMENT": str(environment), "UV_PYTHON_DOWNLOADS": "never"}
    command = [uv, "sync", "--frozen", "--no-dev", "--group", "clients", "--python", sys.executable, "--quiet"]
    with console.status("Fetching the packages ..."):
        done = subprocess.run(
            command, cwd=REPOSITORY, env={**os.environ, **variables}, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise LabError(f"the packages cannot be fetched: {done.stderr.strip().splitlines()[-1]}", fix="see the network")
    shutil.rmtree(environment)
    _thin(cache)
    with _compressed(parts / "packages.tar.zst") as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        archive.add(cache, "uv-cache")
    size = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file() and not path.is_symlink())
    shutil.rmtree(cache)
    shutil.copy2(uv, parts / "uv")
    _library(parts / "zstandard.tar")
    packed = (parts / "packages.tar.zst").stat().st_size
    console.print(f"packages  {size / 1e9:6.2f} GB, {packed / 1e9:5.2f} GB compressed")


def _thin(cache: Path) -> None:
    """What was built from source is there unpacked; the source and the wheel as a file are not needed again."""
    for path in [*cache.glob("sdists-*/**/src"), *cache.glob("sdists-*/**/*.whl"), *cache.glob("sdists-*/**/*.gz")]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.is_file() and not path.is_symlink():
            path.unlink()


def _library(target: Path) -> None:
    """The package zstandard as it is installed here, for the same Python elsewhere."""
    spec = importlib.util.find_spec("zstandard")
    assert spec is not None
    assert spec.origin is not None
    with tarfile.open(target, "w") as archive:
        folder = Path(spec.origin).parent
        archive.add(folder, "zstandard", filter=lambda info: None if "__pycache__" in info.name else info)


@contextlib.contextmanager
def _compressed(target: Path) -> Iterator[BinaryIO]:
    with target.open("wb") as file, zstandard.ZstdCompressor(LEVEL, threads=-1).stream_writer(file) as stream:
        yield stream


def _write(target: Path, parts: Path, about: dict[str, object]) -> None:
    """The one file, seen whole or not at all. What is small and needed first comes first."""
    new = target.with_suffix(".new")
    with tarfile.open(new, "w") as archive:
        text = json.dumps(about, indent=1).encode()
        info = tarfile.TarInfo("lakelab.json")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
        for name in ("zstandard.tar", "uv", "packages.tar.zst", "images.tar.zst"):
            archive.add(parts / name, name)
    new.replace(target)
