"""`lab stack build`: the stack's images, with how long it may take and how long it took.

What is compiled keeps the cores busy for minutes and the network for seconds; the others wait for packages. So two are
built at a time, what is compiled first: more at once would be no faster on a laptop and need more memory than it may
have. Two of Maven may meet, so each has a cache of its own.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from lab.stack import compose
from lab.stack.compose import Compose, image_exists
from lab.stack.environment import ensure_environment
from lakelab.errors import LabError

COMPILED = ("minio",)
AT_ONCE = 2
LAST_LINES = 25


def build(console: Console, only: tuple[str, ...] = ()) -> None:
    """Build every image, or the given ones. LabError when one fails, after the last lines of its build."""
    compose.require_engine()
    stack = Compose(ensure_environment())
    images = _chosen(stack.images(), only)
    new = [image for image in images if not image_exists(image)]
    if new:
        console.print(
            f"Building {len(new)} images from package registries. On 2 cores and a good line all of them take about "
            "15 minutes the first time, most of it MinIO's compiler and Hadoop's packages; later only what changed.",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    folder = compose.stack_folder() / "build"
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    order = sorted(images, key=lambda image: _name(image) not in COMPILED)
    # On a terminal one sees each image's time run; what the build says goes to a file, as it is thousands of lines.
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with (
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        builds = Builds(stack, images, folder, progress)
        for done in as_completed([threads.submit(builds.build, image) for image in order]):
            done.result()
    console.print(f"{len(images)} images in {_minutes(time.monotonic() - began)}. Now: make up", highlight=False)


def _chosen(images: dict[str, str], only: tuple[str, ...]) -> dict[str, str]:
    """The images whose name (`hadoop` of `lakelab/hadoop:0.1.0`) or service was asked for; all of them by default."""
    names = [_name(image) for image in images]
    unknown = [name for name in only if name not in {*names, *images.values()}]
    if unknown:
        raise LabError(f"no image {unknown[0]}", fix=f"one of {', '.join(names)}")
    return {
        image: service for image, service in images.items() if not only or {service, _name(image)}.intersection(only)
    }


def _name(image: str) -> str:
    return image.rpartition("/")[2].partition(":")[0]


class Builds:
    """Builds of the same run. images: the service that declares each. folder: of the logs."""

    def __init__(self, stack: Compose, images: dict[str, str], folder: Path, progress: Progress) -> None:
        self._stack, self._images, self._folder, self._progress = stack, images, folder, progress
        self._failed = False

    def build(self, image: str) -> None:
        """Nothing where another one has failed already. LabError when this one fails."""
        if self._failed:
            return
        log = self._folder / f"{_name(image)}.log"
        began = time.monotonic()
        console = self._progress.console
        if not console.is_terminal:
            console.print(f"{image} ...", highlight=False)
            sys.stdout.flush()
        task = self._progress.add_task(f"{image} (log: {log})")
        with log.open("w", encoding="utf-8") as stream:
            command = [*self._stack.command, "--progress", "plain", "build", self._images[image]]
            done = subprocess.run(
                command, env=self._stack.variables, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                check=False,
            )  # fmt: skip
        self._progress.remove_task(task)
        if done.returncode:
            self._failed = True
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
            console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
            raise LabError(
                f"{image} could not be built", where=str(log), fix="mend what the lines above say, then again"
            )
        size = int(compose.docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6
        console.print(f"[green]✓[/] {image} {size:,.0f} MB in {_minutes(time.monotonic() - began)}", highlight=False)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
