"""What a run of the pipeline leaves behind: the record that the report is made from, kept as `run.json`."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lakelab.errors import LabError

T = TypeVar("T")

TITLE = "The school's data, from ERP to answers"
KILLED = "The run was killed before its end"  # the error of a run that has begun, until it ends


@dataclass(frozen=True)
class Span:
    """A part of the run. kind: "stage" (of the pipeline) or "step" (of EMR); start and duration in seconds.

    start counts from the beginning of the run; state is COMPLETED, FAILED, CANCELLED, SKIPPED …; log is the
    address or path of its log, or "".
    """

    name: str
    kind: str
    start: float
    duration: float
    state: str = "COMPLETED"
    log: str = ""


@dataclass(frozen=True)
class Digest:
    """What one tier holds of a table: its rows, and a checksum that does not depend on their order."""

    rows: int
    checksum: str


@dataclass(frozen=True)
class TableCheck:
    """One table in the three tiers; None where a tier was not read."""

    table: str
    erp: Digest | None
    stage: Digest | None
    presentation: Digest | None

    @property
    def equal(self) -> bool:
        return self.erp is not None and self.erp == self.stage == self.presentation


@dataclass(frozen=True)
class Finding:
    """Rows of a table that break a rule. severity: "error" (set aside) or "warning" (kept, but counted)."""

    table: str
    reason: str
    severity: str
    rows: int
    address: str = ""


@dataclass(frozen=True)
class Refused:
    """Lines of a file that never entered the ERP; `example` is the number of the first such line, 0 if unknown."""

    file: str
    reason: str
    lines: int
    example: int = 0


@dataclass(frozen=True)
class Anonymity:
    """k-anonymity of one mart: every published count above zero stands for at least `k` persons.

    smallest: the smallest published group, 0 when there is none; hidden: cells emptied or groups folded for it.
    """

    mart: str
    k: int
    groups: int
    smallest: int
    hidden: int = 0

    @property
    def holds(self) -> bool:
        return self.smallest == 0 or self.smallest >= self.k


@dataclass(frozen=True)
class Size:
    """How much one part occupies, in bytes."""

    name: str
    bytes: int
    files: int = 0


@dataclass(frozen=True)
class RunRecord:
    """One run. started is local time in ISO 8601, duration in seconds; versions maps a part to its version.

    counted: what scale is a number of.  error: the one line with which a run failed, "" when it ended well.
    """

    title: str
    place: str
    seed: int | None
    scale: int
    started: str
    duration: float
    versions: dict[str, str] = field(default_factory=dict)
    timeline: tuple[Span, ...] = ()
    tables: tuple[TableCheck, ...] = ()
    findings: tuple[Finding, ...] = ()
    refused: tuple[Refused, ...] = ()
    anonymity: tuple[Anonymity, ...] = ()
    sizes: tuple[Size, ...] = ()
    error: str = ""
    counted: str = "student"

    @property
    def rows(self) -> int:
        """Rows of all tables in the ERP."""
        return sum(check.erp.rows for check in self.tables if check.erp)

    @property
    def equal(self) -> bool:
        """True when every table was compared and is the same in the three tiers."""
        return bool(self.tables) and all(check.equal for check in self.tables)

    def students(self) -> int:
        """Students in the ERP; the scale that was asked for when the table was not counted."""
        found = [c.erp.rows for c in self.tables if c.table == "students" and c.erp]
        return found[0] if found else self.scale

    def write(self, path: Path) -> None:
        """Write as JSON, seen whole or not at all."""
        replace_text(path, json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> RunRecord:
        """Read what `write` wrote. LabError when the file is missing or is not a run record."""
        return decode(cls, read_json(path), path)


def read_json(path: Path) -> Any:
    """The content of a JSON file of ours. LabError when it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LabError("no run is recorded here", where=str(path), fix="run `make demo` first") from None
    except ValueError as error:
        raise LabError(f"not readable as JSON: {error}", where=str(path), fix="run `make demo` again") from None


def decode(kind: type[T], data: object, path: Path) -> T:
    """Build a dataclass from JSON data. LabError that names the file and field when the data does not fit."""
    try:
        return typing.cast(T, _decode(kind, data, kind.__name__))
    except ValueError as error:
        raise LabError(str(error), where=str(path), fix="run `make demo` again") from None


def _decode(kind: Any, data: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if data is None and type(None) in arguments:
            return None
        return _first_fit([a for a in arguments if a is not type(None)], data, where)
    if origin in (tuple, list):
        if not isinstance(data, list):
            raise ValueError(f"{where} is not a list")
        return origin(_decode(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if origin is dict:
        if not isinstance(data, dict):
            raise ValueError(f"{where} is not an object")
        return {str(key): _decode(arguments[1], value, f"{where}.{key}") for key, value in data.items()}
    if dataclasses.is_dataclass(kind):
        return _decode_class(kind, data, where)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if kind is int and isinstance(data, float) and data.is_integer():
        return int(data)  # engines count with least() and sum() as floating point
    if isinstance(data, bool) is not (kind is bool) or not isinstance(data, kind):
        raise ValueError(f"{where} is not {kind.__name__}")
    return data


def _first_fit(kinds: list[Any], data: Any, where: str) -> Any:
    """The value as the first of the kinds that it fits without change of type."""
    for kind in kinds:
        if len(kinds) == 1 or type(data) is kind:
            return _decode(kind, data, where)
    raise ValueError(f"{where} has an unexpected value")


def _decode_class(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise ValueError(f"{where} is not an object")
    hints = typing.get_type_hints(kind)
    needed = {
        f.name
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    unknown, missing = data.keys() - hints.keys(), needed - data.keys()
    if unknown or missing:
        raise ValueError(f"{where} {'lacks' if missing else 'has an unknown'} {', '.join(sorted(missing or unknown))}")
    return kind(**{name: _decode(hints[name], value, f"{where}.{name}") for name, value in data.items()})


def replace_text(path: Path, text: str) -> None:
    """Write a file that is seen whole or not at all. LabError when the folder cannot be written."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as target:
            target.write(text)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        fix = "free space or rights, then again"
        raise LabError(f"cannot write: {error.strerror}", where=str(path), fix=fix) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
