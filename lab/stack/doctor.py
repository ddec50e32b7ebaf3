"""The stack's part of `lab doctor`: engine, memory, disk, ports, images, clock."""

from __future__ import annotations

import json
import platform
import shutil
import time
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.doctor import Finding, guarded
from lab.ports import is_free
from lab.stack import compose
from lab.stack.compose import Compose
from lab.stack.environment import PORTS, Environment, env_path, read_environment
from lab.stack.lifecycle import taken_ports
from lakelab.errors import LabError

MEMORY_GB = 5.0  # the stack rests in 4 and works in more
DISK_GB = 10.0  # images, volumes and what a build needs beside them
YARN_FULL = 90  # per cent: on a fuller disk YARN's own default takes no work
SKEW_WARN, SKEW_FAIL = 5.0, 300.0  # seconds; AWS' signatures are refused at 900, sessions of Airflow suffer before
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Engine:
    """What the engine says of itself."""

    info: dict[str, Any]

    @classmethod
    def ask(cls) -> Engine | None:
        """None where no engine answers."""
        try:
            compose.require_engine()
        except LabError:
            return None
        return cls(json.loads(compose.docker("info", "--format", "{{json .}}")))

    @property
    def machine(self) -> str:
        return MACHINES.get(str(self.info.get("Architecture")), str(self.info.get("Architecture")))

    @cached_property
    def stack(self) -> Compose | None:
        """This clone's stack, None where it has none yet."""
        return Compose(read_environment()) if env_path().exists() else None


def examine() -> list[Finding]:
    """Every check; one line where there is no engine, as the embedded lab needs none."""
    engine = Engine.ask()
    if engine is None:
        return [_no_engine()]
    checks = (_engine, _buildx, _machine, _memory, _disk, _clock, _images, _ports, _nodes)
    return [guarded(check, engine, area="stack ") for check in checks]


def _no_engine() -> Finding:
    try:
        compose.require_engine()
    except LabError as error:
        return Finding("stack engine", "warn", error.what, "for the stack: `make engine`; `make demo` needs none")
    return Finding("stack engine", "warn", "it answered only now", "ask again")


def _engine(engine: Engine) -> Finding:
    version = ".".join(map(str, compose.compose_version() or ()))
    return Finding("stack engine", "ok", f"Docker {engine.info['ServerVersion']}, Compose {version}")


def _buildx(engine: Engine) -> Finding:
    seen = compose.docker("buildx", "version", check=False)
    if seen:
        return Finding("stack buildx", "ok", " ".join(seen.split()[1:2]))
    return Finding("stack buildx", "warn", "not here", "`make engine`: only `make build` needs it")


def _machine(engine: Engine) -> Finding:
    here = MACHINES.get(platform.machine(), platform.machine())
    if engine.machine not in ("amd64", "arm64"):
        return Finding("stack machine", "fail", engine.machine, "the images are for amd64 and arm64")
    if engine.machine != here:
        return Finding("stack machine", "warn", f"engine {engine.machine}, this machine {here}", "it will be slow")
    return Finding("stack machine", "ok", engine.machine)


def _memory(engine: Engine) -> Finding:
    total = engine.info["MemTotal"] / 1e9
    if total >= MEMORY_GB:
        return Finding("stack memory", "ok", f"the engine has {total:.1f} GB")
    return Finding("stack memory", "warn", f"the engine has {total:.1f} GB", f"give it {MEMORY_GB:.0f} GB or more")


def _disk(engine: Engine) -> Finding:
    root = Path(engine.info["DockerRootDir"])
    if not root.is_dir():
        return Finding("stack disk", "ok", "inside the engine's own machine, not seen from here")
    disk = shutil.disk_usage(root)
    free, percent = disk.free / 1e9, 100 * (disk.total - disk.free) / disk.total
    seen = f"{free:.0f} GB free in {root}, {percent:.0f}% full"
    if free < DISK_GB:
        return Finding(
            "stack disk", "fail", seen, f"free {DISK_GB:.0f} GB: `docker system df` tells what the engine holds"
        )
    if percent >= YARN_FULL:
        fix = f"free space: YARN's rule is {YARN_FULL}%; the lab's nodes go on to 99%, a cluster on AWS would not"
        return Finding("stack disk", "warn", seen, fix)
    return Finding("stack disk", "ok", seen)


def _clock(engine: Engine) -> Finding:
    before = time.time()
    text = compose.docker("info", "--format", "{{.SystemTime}}")
    here = (before + time.time()) / 2
    skew = abs(datetime.fromisoformat(_to_microseconds(text)).timestamp() - here)
    state = "ok" if skew < SKEW_WARN else "warn" if skew < SKEW_FAIL else "fail"
    fix = "" if state == "ok" else "set the clocks right (restart Docker Desktop): signed requests carry the time"
    return Finding("stack clock", state, f"engine and this machine differ by {skew:.1f} s", fix)


def _to_microseconds(text: str) -> str:
    """The engine writes nanoseconds, more than Python reads."""
    head, dot, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}{dot}{rest[:digits][:6]}{rest[digits:]}"


def _images(engine: Engine) -> Finding:
    if engine.stack is None:
        return Finding("stack images", "warn", "this clone has no stack yet", "`make build`, then `make up`")
    missing = engine.stack.missing_images()
    if missing:
        return Finding("stack images", "warn", f"missing: {', '.join(missing)}", "`make build`, or `make load`")
    return Finding("stack images", "ok", "all there")


def _ports(engine: Engine) -> Finding:
    if engine.stack is None:
        taken = [f"{name} {port}" for name, port in PORTS.items() if not is_free(port)]
        seen = f"taken: {', '.join(taken)}: others will be chosen" if taken else "free"
        return Finding("stack ports", "ok", seen)
    environment: Environment = engine.stack.environment
    found = taken_ports(engine.stack, engine.stack.containers())
    if found:
        seen = ", ".join(f"{name} {port} is taken" for name, port in found.items())
        return Finding("stack ports", "fail", seen, "free them, or `lab stack env --new-ports`")
    return Finding("stack ports", "ok", ", ".join(str(port) for port in environment.ports.values()))


def _nodes(engine: Engine) -> Finding:
    """Whether YARN gives work to its nodes: a full disk makes one unhealthy, and steps then wait for ever."""
    if engine.stack is None or not any(c.service == "resourcemanager" and c.well for c in engine.stack.containers()):
        return Finding("stack nodes", "ok", "the stack is down")
    url = f"http://127.0.0.1:{engine.stack.environment.port('YARN_PORT')}/ws/v1/cluster/nodes"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            nodes = (json.load(answer).get("nodes") or {}).get("node", [])
    except OSError as error:
        return Finding("stack nodes", "fail", f"YARN does not answer: {error}", "see `make logs`")
    ill = [node for node in nodes if node["state"] != "RUNNING"]
    running = len(nodes) - len(ill)
    if not running:
        why = ill[0].get("healthReport", "") if ill else "none has joined"
        return Finding("stack nodes", "fail", f"no node of YARN takes work: {why}", "free disk, then `make up`")
    return Finding("stack nodes", "ok", f"{running} of YARN take work")
