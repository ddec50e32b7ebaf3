"""The small process above each step, so that the step outlives the engine.

`python runner.py <step folder>` puts itself into a session of its own, claims the folder, runs the argv of
`task.json` in a process group of its own with `work/` as the current folder and `stdout`, `stderr` as files, and
writes `exit.json` when it ended. With a user, the step runs as that one, whose the two files become. A folder can be
claimed once, so a step cannot be run twice, however often it is launched. Standard library only, and a file of its
own: it must start fast.

The folder's small files, each written whole or not at all:
    task.json   {"argv": [...], "user": a number or null}           by the engine
    claim.json  {"pid", "started"}            the runner            by the runner
    child.json  {"pid", "started", "at"}      the step's process    by the runner
    cancel      exists once the step shall end                      by the engine
    exit.json   {"code", "cancelled", "at", "seconds", "cpu", "peak_bytes"}   by the runner
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

CANNOT_RUN, NOT_FOUND, NOT_STARTED = 126, 127, 143
_AMBIENT, _CLEAR_ALL = 47, 4  # of prctl: PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL


def started_at(pid: int) -> str | None:
    """What tells a process from a later one with the same number: its start; None when it is dead or a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        if fields[0] in "ZX":
            return None
        return f"{boot()}:{fields[19]}"
    found = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    return None if not found or found[0].startswith("Z") else found[1].strip()


def write_whole(path: Path, content: Mapping[str, object]) -> None:
    """Write JSON so that a reader sees all of it or nothing, and it survives a power cut."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    with temporary.open("w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def main(folder: Path) -> int:
    """Claim the folder, then leave the rest to a child that no one waits for. 0: this or another runner has it."""
    ours, theirs = os.pipe()
    if os.fork():
        os.close(theirs)
        word = os.read(ours, 1)
        return 0 if word == b"+" else 1
    os.close(ours)
    os.setsid()
    if not _claim(folder):
        os.write(theirs, b"+")
        return 0
    os.write(theirs, b"+")
    os.close(theirs)
    _supervise(folder)
    return 0


def _claim(folder: Path) -> bool:
    claim = folder / "claim.json"
    mine = folder / f".claim-{os.getpid()}"
    write_whole(mine, {"pid": os.getpid(), "started": started_at(os.getpid())})
    try:
        os.link(mine, claim)
    except FileExistsError:
        return False
    finally:
        mine.unlink()
    return True


def _supervise(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text())
    began = time.monotonic()
    closed, gate = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(gate)
        _become(task["argv"], task.get("user"), folder, closed)
    os.close(closed)
    with contextlib.suppress(OSError):  # the child does the same: whoever comes first
        os.setpgid(pid, pid)
    write_whole(folder / "child.json", {"pid": pid, "started": started_at(pid), "at": time.time()})
    if not (folder / "cancel").exists():
        os.write(gate, b"+")
    os.close(gate)
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    else:
        _, status, usage = os.wait4(pid, 0)
    cancelled = (folder / "cancel").exists()
    if cancelled:  # the dead leader still holds its number: the group cannot be someone else's
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
    if hasattr(os, "waitid"):
        _, status, usage = os.wait4(pid, 0)
    result = {
        "code": os.waitstatus_to_exitcode(status),
        "cancelled": cancelled,
        "at": time.time(),
        "seconds": round(time.monotonic() - began, 3),
        "cpu": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    write_whole(folder / "exit.json", result)


def _become(argv: list[str], user: int | None, folder: Path, gate: int) -> None:
    """In the child: wait until the runner has noted us, then turn into the step's program."""
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        if not os.read(gate, 1):  # the runner died, or the step was cancelled before it began
            os._exit(NOT_STARTED)
        for number, name in ((1, "stdout"), (2, "stderr")):
            file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600 if user is None else 0o640)
            if user is not None:  # else it could not open /dev/stderr
                os.fchown(file, user, -1)
            os.dup2(file, number)
        if user is not None:
            become_user(user)
        os.chdir(folder / "work")
        for ignored in ("SIGPIPE", "SIGXFSZ"):  # Python ignores them; programs expect the default
            signal.signal(getattr(signal, ignored), signal.SIG_DFL)
        os.execvp(argv[0], argv)
    except FileNotFoundError:
        os.write(2, f'Cannot run program "{argv[0]}": No such file or directory\n'.encode())
        os._exit(NOT_FOUND)
    except BaseException as error:
        os.write(2, f'Cannot run program "{argv[0]}": {error}\n'.encode())
        os._exit(CANNOT_RUN)


def become_user(user: int) -> None:
    """Be that user from now on, in the group of the same number, without any of our rights beyond the next program."""
    import ctypes  # costs a tenth of the start: only who needs it pays

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the rights cannot be dropped")
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def boot() -> str:
    """This start of the machine, or of the container that we are in, where the system tells it."""
    machine = first = ""
    with contextlib.suppress(OSError):
        machine = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        first = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
    return f"{machine}/{first}" if machine else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
