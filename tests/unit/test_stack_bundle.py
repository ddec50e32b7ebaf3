"""The classroom's file: what is put in comes out, by a Python that has nothing installed; what does not fit is told."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from lab.stack import bundle
from lab.stack.bundle import lock_stamp
from lakelab.settings import REPOSITORY

IMAGES = os.urandom(300_000)
DOCKER = """#!/bin/sh
case "$1" in
version) exit ${NO_ENGINE:-0} ;;
load) cat >"$LOADED"; [ -z "$REFUSES" ] || { echo "no space left on device" >&2; exit 1; } ;;
esac
"""


class Clone:
    """What `make load` needs of a clone, and a `docker` that keeps what it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("lab/__init__.py", "lab/stack/__init__.py", "lab/stack/load.py", "lakelab/__init__.py"):
            self._copy(name)
        self._copy("lakelab/errors.py")
        self._copy("uv.lock")
        docker = folder / "bin" / "docker"
        docker.parent.mkdir()
        docker.write_text(DOCKER)
        docker.chmod(docker.stat().st_mode | stat.S_IEXEC)

    def _copy(self, name: str) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((REPOSITORY / name).read_bytes())

    @property
    def loaded(self) -> Path:
        return self.folder / "loaded"

    def load(self, file: Path | str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`python -m lab.stack.load`, without anything that is installed here (-S -E)."""
        path = f"{self.folder / 'bin'}:/usr/bin:/bin"
        return subprocess.run(
            [getattr(sys, "_base_executable", sys.executable), "-S", "-m", "lab.stack.load", str(file)],
            cwd=self.folder, env={"PATH": path, "LOADED": str(self.loaded), **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


def make(folder: Path, **changes: Any) -> Path:
    """A small bundle; `changes` are of what it says of itself."""
    parts = folder / "parts"
    parts.mkdir()
    cache = parts / "cache"
    (cache / "archive-v0" / "a").mkdir(parents=True)
    (cache / "archive-v0" / "a" / "module.py").write_text("x = 1\n")
    (cache / "wheels-v8").mkdir()
    (cache / "wheels-v8" / "module").symlink_to("../archive-v0/a")
    with bundle._compressed(parts / "packages.tar.zst") as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        archive.add(cache, "uv-cache")
    (parts / "images.tar.zst").write_bytes(zstandard.compress(IMAGES))
    (parts / "uv").write_text("#!/bin/sh\n")
    bundle._library(parts / "zstandard.tar")
    target = folder / "lakelab.tar"
    bundle._write(target, parts, {**bundle._about({"lakelab/a:1.0.0": len(IMAGES)}), **changes})
    return target


def test_images_reach_the_engine_and_packages_the_clone(clone, tmp_path):
    done = clone.load(make(tmp_path))
    assert done.returncode == 0, done.stderr
    assert clone.loaded.read_bytes() == IMAGES
    cache = clone.folder / ".tools" / "uv-cache"
    assert (cache / "wheels-v8" / "module" / "module.py").read_text() == "x = 1\n"
    assert os.access(clone.folder / ".tools" / "bin" / "uv", os.X_OK)
    assert "images: 1, 0.00 GB" in done.stdout


def test_a_second_load_takes_the_place_of_the_first(clone, tmp_path):
    file = make(tmp_path)
    clone.load(file)
    (clone.folder / ".tools" / "uv-cache" / "old").touch()
    assert clone.load(file).returncode == 0
    assert not (clone.folder / ".tools" / "uv-cache" / "old").exists()


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert done.stderr.startswith("lab: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"machine": "sparc"}, "made for sparc, this machine is"),
        ({"python": "3.99"}, "make load PYTHON=python3.99"),
        ({"lock": "0" * 64}, "made for another version of the lab"),
    ],
)
def test_a_file_for_another_machine_or_version_is_refused(clone, tmp_path, changes, told):
    assert told in said(clone.load(make(tmp_path, **changes)))
    assert not (clone.folder / ".tools").exists()


def test_a_file_that_was_not_copied_whole_is_told(clone, tmp_path):
    file = make(tmp_path)
    os.truncate(file, file.stat().st_size - IMAGES.__len__() // 2)
    assert "not a whole bundle" in said(clone.load(file))


def test_another_file_or_none_is_told(clone, tmp_path):
    (tmp_path / "x.tar").write_bytes(b"not a tar")
    assert "not a whole bundle" in said(clone.load(tmp_path / "x.tar"))
    assert "no such file" in said(clone.load(tmp_path / "none.tar"))


def test_without_an_engine_or_without_room_it_says_so(clone, tmp_path):
    file = make(tmp_path)
    assert "no Docker engine answers" in said(clone.load(file, NO_ENGINE="1"))
    assert "no space left on device" in said(clone.load(file, REFUSES="1"))


def test_the_file_says_what_it_is(tmp_path):
    with tarfile.open(make(tmp_path)) as archive:
        names = archive.getnames()
        about = json.load(archive.extractfile("lakelab.json") or io.BytesIO())
    assert names == ["lakelab.json", "zstandard.tar", "uv", "packages.tar.zst", "images.tar.zst"]
    assert about["lock"] == lock_stamp()
    assert about["images"] == {"lakelab/a:1.0.0": len(IMAGES)}
