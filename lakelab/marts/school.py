"""The counted school: what the marts are made from, small and without persons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from lakelab.anonymity import fold

Row = dict[str, object]


@dataclass(frozen=True)
class Tally:
    """Sums over a group of students. Averages are whole numbers of the unit given, so that sums are exact."""

    students: int = 0
    enrolled: int = 0
    graduated: int = 0
    drop_outs: int = 0
    graded: int = 0  # students with an average grade
    grades: int = 0  # sum of their averages, in hundredths
    best: int = 0  # of them, in the top tenth of the school
    followed: int = 0  # students with lessons
    attendance: int = 0  # sum of their attendance rates, in tenths of a percent
    recruits: int = 0  # recruited by an event
    apprentices: int = 0  # with a contract
    contracts: int = 0
    local_contracts: int = 0  # with a company of the campus's region
    kept: int = 0  # hired by a company of their apprenticeship
    timed: int = 0  # with months to hire
    months: int = 0  # sum of these, in tenths

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Tally)))


@dataclass(frozen=True)
class Search:
    """Graduates of one category with the same months to hire (in tenths; None: not hired)."""

    dimension: str
    category: str
    months: int | None
    observed: bool  # left at least six months before the end of the data
    graduates: int


@dataclass(frozen=True)
class Campus:
    id: int
    name: str
    region: str
    capacity: int
    youth_population: int  # of the region, in thousands


@dataclass(frozen=True)
class Company:
    id: int
    name: str
    sector: str
    region: str
    employees: int


@dataclass(frozen=True)
class Event:
    campus_id: int
    kind: str
    cost: float  # euros
    contacts: int
    elsewhere: int  # contacts that chose a competing school


@dataclass(frozen=True)
class School:
    """`tallies`: by dimension, then by category and detail (such as a region and a year; mostly empty)."""

    tallies: Mapping[str, Mapping[tuple[str, str], Tally]]
    last_intake: int  # the last intake year that is complete
    searches: list[Search] = field(default_factory=list)
    campuses: list[Campus] = field(default_factory=list)
    companies: list[Company] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    contacts_lost: Mapping[str, int] = field(default_factory=dict)  # competing school → e-mails

    def by(self, dimension: str) -> dict[str, Tally]:
        """The tallies of each category of a dimension, over all details."""
        found: dict[str, Tally] = {}
        for (category, _), tally in self.tallies.get(dimension, {}).items():
            found[category] = found.get(category, Tally()) + tally
        return found

    def all(self) -> Tally:
        """The whole school."""
        return self.by("school").get("all students", Tally())


@dataclass(frozen=True)
class Group:
    """A group as it is published; `members` are the categories in it, `folded` how many were too small alone."""

    label: str
    members: tuple[str, ...]
    tally: Tally

    @property
    def folded(self) -> int:
        return 0 if self.members == (self.label,) else len(self.members)


def _students(tally: Tally) -> int:
    return tally.students


def groups(tallies: Mapping[str, Tally], other: str, size: Callable[[Tally], int] = _students) -> list[Group]:
    """The groups as they may be published, those below k in one row named `other`, by name."""
    labels = fold({category: size(tally) for category, tally in tallies.items()}, other)
    members: dict[str, list[str]] = {}
    for category, label in labels.items():
        members.setdefault(label, []).append(category)
    return [
        Group(label, tuple(sorted(found)), sum((tallies[category] for category in found), Tally()))
        for label, found in sorted(members.items())
    ]
