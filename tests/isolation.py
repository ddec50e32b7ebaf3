"""A step that tries what it must not be able to do to another cluster's, and prints what it could. Python's own
library only.

python3 isolation.py <folder of the other's step> <its process> <folder of the node> [<file with the node's keys>]
"""

import contextlib
import json
import os
import pwd
import socket
import sys
from collections.abc import Callable
from pathlib import Path

other, process, place = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
could: list[str] = []


def attempt(what: str, action: Callable[[], object]) -> None:
    with contextlib.suppress(PermissionError):
        action()
        could.append(what)


def add_to(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"planted\n")


def connect() -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(place / "node.sock"))


def environments() -> None:
    """Of every process that is not ours."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if folder.stat().st_uid != os.getuid():
                attempt(f"read the environment of process {folder.name}", (folder / "environ").read_bytes)


for name in ("stdout", "controller", "task.json", "work/secret"):
    attempt(f"read the other's {name}", (other / name).read_bytes)
for name in ("stdout", "stderr", "controller", "exit.json", "work/planted"):
    attempt(f"write the other's {name}", lambda name=name: add_to(other / name))
attempt("list the other's folder", lambda: list(os.scandir(other)))
attempt("list the clusters", lambda: list(os.scandir(place / "steps")))
attempt("make a cluster's folder", lambda: (place / "steps" / "j-PLANTED").mkdir())
attempt("take its own log away", lambda: Path("../stdout").unlink())
attempt("put a link in place of its own log", lambda: Path("../syslog").symlink_to("/etc/passwd"))
attempt("kill the other's process", lambda: os.kill(process, 9))
attempt("kill its own supervisor", lambda: os.kill(os.getsid(0), 0))
attempt("ask the node", connect)
attempt("keep the next node from starting", lambda: add_to(place / "node.lock"))
attempt("become root", lambda: os.setuid(0))
attempt("become the other", lambda: os.setuid(process))
for secret in sys.argv[4:]:
    attempt(f"read {secret}", Path(secret).read_bytes)
environments()

with Path("/dev/stderr").open("a") as stderr:
    stderr.write("to stderr by its name\n")
rights = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapPrm"))
try:
    name = pwd.getpwuid(os.getuid()).pw_name
except KeyError:
    name = ""
found = {
    "user": os.getuid(),
    "groups": [os.getgid(), *os.getgroups()],
    "name": name,
    "rights": int(rights.split()[1], 16),
}
print(json.dumps({"could": could, **found, "environment": dict(os.environ)}))
