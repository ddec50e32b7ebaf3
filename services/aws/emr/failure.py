"""From the logs of a failed step to the one line that says why, and arguments made fit to be printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

MAX_MESSAGE = 1000
_PYTHON_ERROR = re.compile(r"(?:\w+\.)*[A-Za-z_]\w*(?:: .*|)$")
_LOG_LINE = re.compile(r"^\[?\d[\d/:.,T\- ]+Z?\]?\s+(?:\[[^]]*\]\s+)?(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL)\b")
_JAVA_FRAME = re.compile(r"^\s+(?:at |\.\.\. \d+ more)")

_SECRET_NAME = re.compile(r"password|passwd|pwd|secret|token|credential|private|api[-_.]?key|access[-_.]?key", re.I)
_KEY_NAME = re.compile(r"key$", re.I)
_ADDRESS = re.compile(r"^(?:[a-z0-9]+://|/)", re.I)
_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):([^@/\s]+)@")
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
_HIDDEN = "****"


def cause(stderr: str, stdout: str = "") -> tuple[str, str]:
    """The line that says best why a program failed, and the log it is in; both empty when none does.

    A Python exception (the last one raised) goes before Java's `Exception in thread`, and that before the last
    line which is neither a log line nor a frame of a stack. stdout counts as well: spark-submit in client mode
    writes what a Python job says on stderr to its own standard output.
    """
    logs = (("stderr", stderr.splitlines()), ("stdout", stdout.splitlines()))
    for look in (_python_exception, _java_exception, _last_words):
        for name, lines in logs:
            found = look(lines)
            if found:
                return found[:MAX_MESSAGE], name
    return "", ""


def _python_exception(lines: list[str]) -> str:
    found = ""
    inside = False
    for number, line in enumerate(lines):
        if line.startswith("Traceback (most recent call last):"):
            inside = True
        elif inside and line.strip() and not line.startswith(" "):
            inside = False
            if _PYTHON_ERROR.match(line):
                found = line.strip()
                # Py4J puts Java's exception on a line of its own, after a colon.
                follows = lines[number + 1].strip() if number + 1 < len(lines) else ""
                if follows.startswith(": "):
                    found = f"{found} {follows[2:]}"
    return found


def _java_exception(lines: list[str]) -> str:
    return next((line.strip() for line in lines if line.startswith("Exception in thread")), "")


def _last_words(lines: list[str]) -> str:
    telling = (
        line.strip()
        for line in reversed(lines)
        if line.strip() and not _LOG_LINE.match(line) and not _JAVA_FRAME.match(line)
    )
    return next(telling, "")


def printable(argv: Iterable[str]) -> list[str]:
    """The arguments with all that looks secret hidden: by the option's name, or by its own looks."""
    return list(_printable(argv))


def _printable(argv: Iterable[str]) -> Iterator[str]:
    hide_next = ""
    for argument in argv:
        if hide_next and not argument.startswith("--"):
            yield _value(hide_next, argument)
            hide_next = ""
            continue
        hide_next = ""
        name, equals, value = argument.partition("=")
        if equals and _secret(name):
            yield f"{name}={_value(name, value)}"
        elif argument.startswith("-") and not equals and _secret(argument):
            hide_next = argument
            yield argument
        else:
            yield _ACCESS_KEY.sub(_HIDDEN, _URL_PASSWORD.sub(rf"\1:{_HIDDEN}@", argument))


def _secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name) or _KEY_NAME.search(name))


def _value(name: str, value: str) -> str:
    """A key is often the address of a file with the key, and that may be shown."""
    shown = not _SECRET_NAME.search(name) and _ADDRESS.match(value)
    return value if shown else _HIDDEN
