"""A believable school as eleven CSV files, the same on every machine for the same seed number and size.

Students are drawn in chunks, each from random streams of its own, so that any number of workers gives the same
bytes and memory does not grow with the school. Keys are dense and names are counted over the whole school: workers
draw the chunks, then each gets its first keys in its turn, and workers write them out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from lakelab.errors import LabError
from seed import people, recruiting, staff, study, truth, writer
from seed.careers import NONE
from seed.dirt import Planted, append_dirt, plant
from seed.draws import Ints
from seed.names import FIRST, LAST
from seed.plan import Plan, make_plan
from seed.text import Lines
from seed.workers import Workers

Progress = Callable[[str, int, int], None]

# Tables with several rows for a student, keys counted from 1.
_MANY = ("attendances", "grades", "apprenticeships", "audiences")


@dataclass(frozen=True)
class Drawn:
    """One chunk of students. ranks: earlier students of the chunk with the same name; rows: those of each table."""

    chunk: int
    who: people.Names
    ranks: Ints
    lives: people.Lives
    years: study.StudyYears
    visits: recruiting.Visits
    rows: dict[str, int]


@dataclass(frozen=True)
class Turn:
    """A drawn chunk in its turn. same: earlier students of the school with the same name; first_ids: by table."""

    drawn: Drawn
    same: Ints
    first_ids: dict[str, int]


@dataclass(frozen=True)
class Done:
    """What a job made: CSV text and rows by table; facts; dirt, if any."""

    content: dict[str, Lines]
    rows: dict[str, int]
    facts: truth.Facts
    dirt: dict[str, Planted] = field(default_factory=dict)


def draw_chunk(plan: Plan, chunk: int) -> Drawn:
    """Draws the chunk's students and counts their rows in all tables."""
    who, lives = people.draw_names(plan, chunk), people.draw_lives(plan, chunk)
    years = study.study_years(plan, lives)
    visits = recruiting.draw_visits(plan, lives, chunk)
    rows = {
        "students": len(lives.index),
        "attendances": int(years.lessons.sum()),
        "grades": int(years.exams.sum()),
        "apprenticeships": int((lives.company != NONE).sum()),
        "audiences": len(visits.student),
    }
    return Drawn(chunk, who, staff.ranks(who.pair), lives, years, visits, rows)


def write_chunk(plan: Plan, turn: Turn, dirt: float) -> Done:
    """Writes the chunk's rows of all tables as text; and its dirt, if any."""
    drawn, first = turn.drawn, turn.first_ids
    chunk, who, lives, years = drawn.chunk, drawn.who, drawn.lives, drawn.years
    tenths = study.draw_grades(plan, lives, years, chunk)
    content = {
        "students": people.student_lines(plan, who, lives, turn.same),
        "attendances": study.attendance_lines(plan, lives, years, chunk, first["attendances"]),
        "grades": study.grade_lines(plan, lives, years, tenths, first["grades"]),
        "apprenticeships": people.contract_lines(plan, lives, chunk, first["apprenticeships"]),
        "audiences": recruiting.visit_lines(plan, who, lives, turn.same, drawn.visits, chunk, first["audiences"]),
    }
    planted: dict[str, Planted] = {}
    if dirt:
        frames = {name: writer.as_frame(lines, name) for name, lines in content.items()}
        planted = plant(frames, study.late_lessons(plan, lives, years), seed=plan.seed, chunk=chunk, share=dirt)
    facts = truth.chunk_facts(plan, lives, drawn.visits)
    facts["single"]["null_grades"] = int((tenths == NONE).sum())
    return Done(content, drawn.rows, facts, planted)


def make_lessons(plan: Plan, chunk: int) -> Done:
    """The chunk's lessons."""
    rows = min(plan.lessons - chunk * study.LESSON_CHUNK, study.LESSON_CHUNK)
    return Done({"lessons": study.lesson_lines(plan, chunk)}, {"lessons": rows}, {})


def make_contacts(plan: Plan, chunk: int, first_id: int) -> Done:
    """The chunk's contacts who went elsewhere. `first_id`: key of the very first of them all."""
    lines, elsewhere = recruiting.contact_lines(plan, chunk, first_id)
    facts = {"contacts_lost_to_school": truth.count_lost(elsewhere)}
    return Done({"audiences": lines}, {"audiences": len(elsewhere)}, facts)


class _Run:
    """One run of the generator, into open files."""

    def __init__(self, plan: Plan, workers: Workers, files: writer.TableFiles, tell: Progress | None) -> None:
        self.plan, self.workers, self.files = plan, workers, files
        self.facts: truth.Facts = {}
        self.planted: dict[str, list[Planted]] = {}
        self._tell = tell or (lambda what, done, total: None)

    def collect(self, done: Done) -> None:
        """Writes what a job made and adds up its facts and dirt."""
        for name, lines in done.content.items():
            self.files.append(name, lines, done.rows[name])
        truth.merge(self.facts, done.facts)
        for name, planted in done.dirt.items():
            self.planted.setdefault(name, []).append(planted)

    def small_tables(self) -> dict[str, str]:
        """Writes the tables that do not grow with the students; the companies' names by key."""
        companies = staff.company_frame(self.plan)
        self.files.add("campuses", staff.campus_frame(self.plan))
        self.files.add("companies", companies)
        self.files.add("subjects", staff.subject_frame())
        self.files.append("professors", staff.professor_lines(self.plan), int(self.plan.staff[:, -1].sum()))
        self.files.add("events", recruiting.event_frame(self.plan))
        return {str(key): name for key, name in companies.select("id", "name").iter_rows()}

    def _turns(self) -> Iterator[Turn]:
        """The drawn chunks, each with what depends on those before it."""
        first = dict.fromkeys(_MANY, 1)
        seen = np.zeros(len(FIRST) * len(LAST), dtype=np.int32)
        for drawn in self.workers.run(partial(draw_chunk, self.plan), range(people.chunks(self.plan.students))):
            same = seen[drawn.who.pair] + drawn.ranks
            seen[drawn.who.pair] = same + 1  # of equal names the last one, who has the highest number, stays
            yield Turn(drawn, same, dict(first))
            for name in _MANY:
                first[name] += drawn.rows[name]

    def students(self, dirt: float) -> None:
        """The students and all that belongs to them."""
        for done in self.workers.run(lambda turn: write_chunk(self.plan, turn, dirt), self._turns()):
            self.collect(done)
            self._tell("students", self.files.rows["students"], self.plan.students)

    def others(self) -> None:
        """Lessons, and contacts who never became students."""
        lessons = -(-self.plan.lessons // study.LESSON_CHUNK)
        for done in self.workers.run(partial(make_lessons, self.plan), range(lessons)):
            self.collect(done)
            self._tell("lessons", self.files.rows["lessons"], self.plan.lessons)
        lost, first_id = int(self.plan.events.lost.sum()), self.files.rows["audiences"] + 1
        chunks = range(recruiting.contact_chunks(self.plan))
        for done in self.workers.run(partial(make_contacts, self.plan, first_id=first_id), chunks):
            self.collect(done)
            self._tell("contacts", self.files.rows["audiences"] - first_id + 1, lost)


def _check(students: int, seed: int, workers: int, share: float) -> None:
    if not 1 <= students <= 5_000_000:
        raise LabError(f"cannot generate {students} students", fix="ask for 1 to 5,000,000")
    if seed < 0:
        raise LabError(f"the seed number {seed} is negative", fix="use 0 or more")
    if workers < 1:
        raise LabError(f"cannot work with {workers} workers", fix="use 1 or more")
    if not 0.0 <= share <= 1.0:
        raise LabError(f"a share of dirt of {share} makes no sense", fix="use a number from 0 to 1, such as 0.01")


def generate(
    out: Path,
    *,
    students: int,
    seed: int,
    workers: int,
    dirt: float = 0.0,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Writes a school of so many students to the folder `out`: eleven CSV files and truth.json.

    dirt: share (0 to 1) of rows to add that are wrong in some way; then dirt.json tells how many of each sort.
    The clean rows, and truth.json, stay the same. progress: called with a phase, rows done, rows in all.
    Gives the rows of each table, dirt included. `out` appears whole, or stays as it was.
    LabError: numbers out of range, `out` not writable or holding other files, disk full.
    """
    _check(students, seed, workers, dirt)
    plan = make_plan(students, seed)
    with writer.new_folder(out) as folder:
        with writer.TableFiles(folder) as files, Workers(workers) as pool:
            run = _Run(plan, pool, files, progress)
            companies = run.small_tables()
            run.students(dirt)
            run.others()
            facts = truth.as_json(plan, run.facts, files.rows, companies)
            _write_json(folder / writer.TRUTH, facts)
            if dirt:
                _write_json(folder / writer.DIRT, append_dirt(files, run.planted))
        return dict(files.rows)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
