"""The classroom's file: what is put in comes out, by a Python that has nothing installed; what does not fit is told."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from polling import poll_until

from lab.stack.archive import Archive
from lab.stack.bundle import lock_stamp
from lakelab.settings import REPOSITORY

IMAGES = os.urandom(3_000_000)
# What the commands ask of an engine. `save` waits for ever after its first part, when told so.
DOCKER = """#!/bin/sh
case "$*" in
version*) [ -z "$NO_ENGINE" ] && echo 20.10.24 ;;
"compose version"*) echo 2.26.1 ;;
*config*) echo '{"services": {"aws": {"image": "lakelab/a:1.0.0"}, "moto": {"image": "lakelab/a:1.0.0"}}}' ;;
"image inspect"*) echo 3000000 ;;
save*) cat "$SAVED"; [ -z "$STAYS" ] || { echo reached >"$STAYS"; exec cat "$STAYS.fifo"; }
       [ -z "$REFUSES" ] || { echo "no space left on device" >&2; exit 1; } ;;
load*) cat >"$LOADED"; [ -z "$REFUSES" ] || { echo "no space left on device" >&2; exit 1; } ;;
esac
"""
# Fills a cache as uv does: files in one folder, and links to them in another.
UV = """#!/bin/sh
[ -z "$NO_INDEX" ] || { echo "error: cannot connect" >&2; exit 2; }
mkdir -p "$UV_PROJECT_ENVIRONMENT" "$UV_CACHE_DIR/sdists-v9/b/src"
mkdir -p "$UV_CACHE_DIR/archive-v0/a" "$UV_CACHE_DIR/wheels-v8"
echo "x = 1" >"$UV_CACHE_DIR/archive-v0/a/module.py"
ln -s ../archive-v0/a "$UV_CACHE_DIR/wheels-v8/module"
"""


def program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Teacher:
    """`lab stack bundle` of this clone, with a `docker` and a `uv` that answer as told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "bundle"
        program(folder / "bin" / "docker", DOCKER)
        program(folder / "bin" / "uv", UV)
        (folder / "images").write_bytes(IMAGES)

    def start(self, **environment: str) -> subprocess.Popen[str]:
        ours = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "LAB_STACK_ENV": str(self.folder / ".env.local"),
            "TMPDIR": str(self.folder),
            "SAVED": str(self.folder / "images"),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "lab.cli", "stack", "bundle", "--out", str(self.out)],
            env={**os.environ, **ours, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def bundle(self, **environment: str) -> subprocess.CompletedProcess[str]:
        with self.start(**environment) as running:
            out, err = running.communicate(timeout=60)
        return subprocess.CompletedProcess(running.args, running.returncode, out, err)

    def stopped_by(self, number: signal.Signals) -> int:
        """A bundle that is sent a signal while it saves the images; its exit code."""
        stays = self.folder / "stays"
        os.mkfifo(f"{stays}.fifo")
        with self.start(STAYS=str(stays)) as running:
            poll_until(stays.exists, "the images to be saved", 60)
            running.send_signal(number)
            # The engine goes on until what it writes to is closed.
            (self.folder / "stays.fifo").write_text("")
            return running.wait(60)

    @property
    def left(self) -> list[str]:
        return sorted(path.name for path in self.out.iterdir())


class Clone:
    """What `make load` needs of a clone, and a `docker` that keeps what it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("lab/__init__.py", "lab/stack/__init__.py", "lab/stack/load.py", "lakelab/__init__.py"):
            self._copy(name)
        self._copy("lakelab/errors.py")
        self._copy("uv.lock")
        program(folder / "bin" / "docker", DOCKER)

    def _copy(self, name: str) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((REPOSITORY / name).read_bytes())

    @property
    def loaded(self) -> Path:
        return self.folder / "loaded"

    @property
    def untouched(self) -> bool:
        return not self.loaded.exists() and not (self.folder / ".tools").exists()

    def load(self, file: Path | str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`python -m lab.stack.load`, without anything that is installed here (-S -E)."""
        path = f"{self.folder / 'bin'}:/usr/bin:/bin"
        return subprocess.run(
            [getattr(sys, "_base_executable", sys.executable), "-S", "-m", "lab.stack.load", str(file)],
            cwd=self.folder, env={"PATH": path, "LOADED": str(self.loaded), **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle."""
    teacher = Teacher(tmp_path_factory.mktemp("teacher"))
    done = teacher.bundle()
    assert done.returncode == 0, done.stderr
    (file,) = teacher.out.iterdir()
    assert f"make load FILE={file.name}" in done.stdout
    return file


@pytest.fixture
def teacher(tmp_path: Path) -> Teacher:
    (tmp_path / "teacher").mkdir()
    return Teacher(tmp_path / "teacher")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


def changed(made: Path, target: Path, **changes: Any) -> Path:
    """The same bundle, saying something else of itself."""
    with tarfile.open(made) as old, Archive(target) as new:
        for name in old.getnames()[:-1]:
            member = old.extractfile(name)
            assert member is not None
            content = member.read()
            if name == "lakelab.json":
                content = json.dumps({**json.loads(content), **changes}).encode()
            with new.member(name) as stream:
                stream.write(content)
    return target


def damaged(made: Path, target: Path, member: str) -> Path:
    """The same bundle with one bit changed in the middle of a member."""
    with tarfile.open(made) as archive:
        info = archive.getmember(member)
    content = bytearray(made.read_bytes())
    content[info.offset_data + info.size // 2] ^= 1
    target.write_bytes(content)
    return target


def test_images_reach_the_engine_and_packages_the_clone(clone, made):
    done = clone.load(made)
    assert done.returncode == 0, done.stderr
    assert clone.loaded.read_bytes() == IMAGES
    cache = clone.folder / ".tools" / "uv-cache"
    assert (cache / "wheels-v8" / "module" / "module.py").read_text() == "x = 1\n"
    assert (clone.folder / ".tools" / "bin" / "uv").read_text() == UV
    assert os.access(clone.folder / ".tools" / "bin" / "uv", os.X_OK)
    assert "images: 1, 0.00 GB" in done.stdout


def test_a_second_load_takes_the_place_of_the_first(clone, made):
    clone.load(made)
    (clone.folder / ".tools" / "uv-cache" / "old").touch()
    assert clone.load(made).returncode == 0
    assert not (clone.folder / ".tools" / "uv-cache" / "old").exists()


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert done.stderr.startswith("lab: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"machine": "sparc"}, f"made for {platform.system()} sparc, this machine is"),
        ({"system": "Plan9"}, f"made for Plan9 {platform.machine()}, this machine is"),
        ({"python": "3.99"}, "make load PYTHON=python3.99"),
        ({"lock": "0" * 64}, "made for another version of the lab"),
    ],
)
def test_a_file_for_another_machine_or_version_is_refused(clone, made, tmp_path, changes, told):
    assert told in said(clone.load(changed(made, tmp_path / "other.tar", **changes)))
    assert clone.untouched


def test_a_file_that_was_not_copied_whole_is_told_and_nothing_taken_of_it(clone, made, tmp_path):
    part = tmp_path / "part.tar"
    shutil.copy(made, part)
    os.truncate(part, made.stat().st_size - len(IMAGES) // 2)
    assert "not a whole bundle" in said(clone.load(part))
    assert clone.untouched


@pytest.mark.parametrize("member", ["zstandard.tar", "uv", "packages.tar.zst", "images.tar.zst"])
def test_one_changed_bit_is_told_and_nothing_taken(clone, made, tmp_path, member):
    assert f"{member} is damaged" in said(clone.load(damaged(made, tmp_path / "damaged.tar", member)))
    assert clone.untouched


def test_another_file_or_none_is_told(clone, tmp_path):
    (tmp_path / "x.tar").write_bytes(b"not a tar")
    assert "not a whole bundle" in said(clone.load(tmp_path / "x.tar"))
    assert "no such file" in said(clone.load(tmp_path / "none.tar"))


def test_without_an_engine_or_without_room_it_says_so(clone, made):
    assert "no Docker engine answers" in said(clone.load(made, NO_ENGINE="1"))
    assert "no space left on device" in said(clone.load(made, REFUSES="1"))


def test_the_file_says_what_it_is_and_other_tools_can_check_it(made, tmp_path):
    subprocess.run(["tar", "-xf", str(made), "-C", str(tmp_path)], check=True)
    about = json.loads((tmp_path / "lakelab.json").read_text())
    assert about["lock"] == lock_stamp()
    assert about["images"] == {"lakelab/a:1.0.0": len(IMAGES)}
    names = [line.split()[1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines()]
    assert names == ["lakelab.json", "zstandard.tar", "uv", "packages.tar.zst", "images.tar.zst"]
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_what_cannot_be_bundled_is_one_line_and_leaves_nothing(teacher):
    assert "docker save failed: no space left on device" in said(teacher.bundle(REFUSES="1"))
    assert teacher.left == []
    assert "the packages cannot be fetched: error: cannot connect" in said(teacher.bundle(NO_INDEX="1"))
    assert teacher.left == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_bundle_that_is_stopped_leaves_nothing(teacher, number):
    assert teacher.stopped_by(number) != 0
    assert teacher.left == []


def test_a_bundle_that_is_killed_leaves_no_bundle_and_the_next_one_clears_away(teacher):
    teacher.stopped_by(signal.SIGKILL)
    assert all(name.startswith(".making-") for name in teacher.left)
    assert teacher.bundle().returncode == 0
    assert [name.partition("-")[0] for name in teacher.left] == ["lakelab"]


def test_a_former_bundle_stays_until_the_new_one_is_whole(teacher):
    teacher.bundle()
    (file,) = teacher.out.iterdir()
    before = file.read_bytes()
    teacher.bundle(REFUSES="1")
    assert teacher.left == [file.name]
    assert file.read_bytes() == before
