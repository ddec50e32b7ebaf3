"""A service of the stack on a small disk that can be filled: a volume in memory, in the place of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from live import Live

from lab.stack import compose

SIZE = 512  # MB; no file is written beyond


@dataclass(frozen=True)
class SmallDisk:
    """holder: the container that sees the disk, too, and keeps it while the service is away."""

    holder: str

    def fill(self) -> None:
        """Leave no byte."""
        filled = compose.docker("exec", self.holder, "sh", "-c", "cat /dev/zero 2>&1 >/disk/ballast || true")
        assert "No space left on device" in filled

    def clear(self) -> None:
        compose.docker("exec", self.holder, "rm", "/disk/ballast")


@contextmanager
def small_disk(live: Live, service: str, folder: Path) -> Iterator[SmallDisk]:
    """The service begins anew there, with nothing; at the end it is again where it was.

    folder: for the file that says so to Compose.
    """
    description = live.description.services[service]
    (place,) = description["volumes"]
    image, user = description["image"], description["user"]
    volume = f"{live.stack.environment.project}-small-disk"
    up = ("up", "--detach", "--no-deps", "--no-build", "--wait", service)
    elsewhere = folder / "small-disk.json"
    elsewhere.write_text(
        json.dumps(
            {
                "services": {service: {"volumes": [f"small:{place['target']}"], "mem_limit": "1g"}},  # the disk counts
                "volumes": {"small": {"external": True, "name": volume}},
            }
        )
    )
    number = compose.docker("run", "--rm", "--entrypoint", "id", image, "-u", user)
    options = ("type=tmpfs", "device=tmpfs", f"o=size={SIZE}m,uid={number},mode=700")
    # Whatever fails, what comes after it in the way back is done all the same.
    with ExitStack() as back:
        compose.docker("volume", "create", *(word for option in options for word in ("--opt", option)), volume)
        back.callback(compose.docker, "volume", "rm", volume)
        holder = compose.docker(
            "run", "--detach", "--init", "--user", user, "--volume", f"{volume}:/disk", "--entrypoint", "sleep",
            image, "infinity",
        )  # fmt: skip
        back.callback(compose.docker, "rm", "--force", holder)
        back.callback(live.description.output, *up)
        live.description.output("-f", str(elsewhere), *up)
        yield SmallDisk(holder)
