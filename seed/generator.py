"""A believable school as eleven CSV files, the same on every machine for the same seed number and size.

Students are drawn in chunks, each from random streams of its own, so that any number of workers gives the same
bytes and memory does not grow with the school. Keys are dense: a first pass writes the students and counts each
chunk's further rows, a second pass knows where each chunk's keys begin.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lakelab.errors import LabError
from seed import people, recruiting, staff, study, truth, writer
from seed.careers import NONE
from seed.dirt import Planted, append_dirt, plant
from seed.draws import Ints
from seed.names import FIRST, LAST
from seed.plan import Plan, make_plan
from seed.workers import Workers

Progress = Callable[[str, int, int], None]

CHUNKS_PER_WORKER = 8
# Rows of a student in the tables that the second pass writes.
_SECOND = ("attendances", "grades", "apprenticeships", "audiences")


@dataclass(frozen=True)
class StudentJob:
    """Work on one chunk of students: in the first pass `first_ids` is empty."""

    plan_of: tuple[int, int]
    chunk: int
    same: Ints
    first_ids: tuple[int, ...] = ()
    dirt: float = 0.0


@dataclass(frozen=True)
class Done:
    """What a job made: CSV text by table; rows by table (first pass: those of the second pass, too); facts."""

    content: dict[str, bytes]
    rows: dict[str, int]
    facts: truth.Facts
    dirt: dict[str, Planted] = field(default_factory=dict)


def first_pass(job: StudentJob) -> Done:
    """Makes the chunk's students; counts their rows in the other tables."""
    plan = make_plan(*job.plan_of)
    who, lives = people.draw_names(plan, job.chunk), people.draw_lives(plan, job.chunk)
    years = study.study_years(plan, lives)
    visits = recruiting.draw_visits(plan, lives, job.chunk)
    frame = people.student_frame(plan, who, lives, job.same)
    rows = {
        "students": frame.height,
        "attendances": int(study.lesson_slots(plan, lives, years).known.sum()),
        "grades": int(study.exam_slots(plan, lives, years).known.sum()),
        "apprenticeships": int((lives.company != NONE).sum()),
        "audiences": len(visits.student),
    }
    content = {"students": writer.as_csv(frame, "students")}
    return Done(content, rows, truth.chunk_facts(plan, lives, visits))


def second_pass(job: StudentJob) -> Done:
    """Makes the chunk's rows of the other tables, keys counted from `first_ids`; and its dirt, if any."""
    plan = make_plan(*job.plan_of)
    who, lives = people.draw_names(plan, job.chunk), people.draw_lives(plan, job.chunk)
    years = study.study_years(plan, lives)
    lessons, exams = study.lesson_slots(plan, lives, years), study.exam_slots(plan, lives, years)
    tenths = study.draw_grades(plan, lives, exams, job.chunk)
    visits = recruiting.draw_visits(plan, lives, job.chunk)
    ids = dict(zip(_SECOND, job.first_ids, strict=True))
    frames = {
        "attendances": study.attendance_frame(plan, lives, lessons, job.chunk, ids["attendances"]),
        "grades": study.grade_frame(lives, exams, tenths, ids["grades"]),
        "apprenticeships": people.contract_frame(plan, lives, job.chunk, ids["apprenticeships"]),
        "audiences": recruiting.visit_frame(plan, who, lives, job.same, visits, job.chunk, ids["audiences"]),
    }
    content = {name: writer.as_csv(frame, name) for name, frame in frames.items()}
    rows = {name: frame.height for name, frame in frames.items()}
    planted: dict[str, Planted] = {}
    if job.dirt:
        frames["students"] = people.student_frame(plan, who, lives, job.same)
        late = study.late_lessons(lives, lessons)
        planted = plant(frames, late, seed=plan.seed, chunk=job.chunk, share=job.dirt)
    facts = {"single": Counter(null_grades=int((tenths == NONE).sum()))}
    return Done(content, rows, facts, planted)


@dataclass(frozen=True)
class RowsJob:
    """Work on one chunk of a table that does not hang on students: lessons, or contacts who went elsewhere."""

    plan_of: tuple[int, int]
    name: str
    chunk: int
    first_id: int = 1


def make_rows(job: RowsJob) -> Done:
    """Makes the chunk's rows."""
    plan = make_plan(*job.plan_of)
    if job.name == "lessons":
        frame = study.lesson_frame(plan, job.chunk)
    else:
        frame = recruiting.contact_frame(plan, job.chunk, job.first_id)
    facts: truth.Facts = {}
    if job.name == "audiences":
        lost = frame.get_column("chosen_school").drop_nulls().to_list()
        facts["contacts_lost_to_school"] = Counter(lost)
    return Done({job.name: writer.as_csv(frame, job.name)}, {job.name: frame.height}, facts)


class _Run:
    """One run of the generator, into open files."""

    def __init__(self, plan: Plan, workers: Workers, tell: Progress | None, share: float) -> None:
        self.plan, self.workers, self.share = plan, workers, share
        self.plan_of = (plan.students, plan.seed)
        self.facts: truth.Facts = {}
        self.planted: dict[str, list[Planted]] = {}
        self._tell = tell or (lambda what, done, total: None)

    def collect(self, files: writer.TableFiles, done: Done) -> None:
        """Writes what a job made and adds up its facts and dirt."""
        for name, content in done.content.items():
            files.append(name, content, done.rows[name])
        truth.merge(self.facts, done.facts)
        for name, planted in done.dirt.items():
            self.planted.setdefault(name, []).append(planted)

    def small_tables(self, files: writer.TableFiles) -> dict[str, str]:
        """Writes the tables that do not grow with the students; the companies' names by key."""
        companies = staff.company_frame(self.plan)
        files.add("campuses", staff.campus_frame(self.plan))
        files.add("companies", companies)
        files.add("subjects", staff.subject_frame())
        files.add("professors", staff.professor_frame(self.plan))
        files.add("events", recruiting.event_frame(self.plan))
        return {str(key): name for key, name in companies.select("id", "name").iter_rows()}

    def namesakes(self) -> Iterator[Ints]:
        """For each chunk: how many earlier students of the whole school have the same name."""
        seen = np.zeros(len(FIRST) * len(LAST), dtype=np.int64)
        for chunk in range(people.chunks(self.plan.students)):
            pair = people.draw_names(self.plan, chunk).pair
            yield seen[pair] + staff.ranks(pair)
            seen += np.bincount(pair, minlength=len(seen))

    def students(self, files: writer.TableFiles) -> None:
        """Both passes over the students."""
        same: list[Ints] = []
        counts: list[dict[str, int]] = []

        def first_jobs() -> Iterator[StudentJob]:
            for chunk, found in enumerate(self.namesakes()):
                same.append(found.astype(np.int32))
                yield StudentJob(self.plan_of, chunk, found)

        for done in self.workers.run(first_pass, first_jobs()):
            self.collect(files, done)
            counts.append(done.rows)
            self._tell("students", files.rows["students"], self.plan.students)

        def second_jobs() -> Iterator[StudentJob]:
            first = dict.fromkeys(_SECOND, 1)
            for chunk, rows in enumerate(counts):
                ids = tuple(first[name] for name in _SECOND)
                yield StudentJob(self.plan_of, chunk, same[chunk].astype(np.int64), ids, self.share)
                for name in _SECOND:
                    first[name] += rows[name]

        total = sum(rows[name] for rows in counts for name in _SECOND)
        for done in self.workers.run(second_pass, second_jobs()):
            self.collect(files, done)
            self._tell("grades and attendances", sum(files.rows[name] for name in _SECOND), total)

    def others(self, files: writer.TableFiles) -> None:
        """Lessons, and contacts who never became students."""
        lessons = -(-self.plan.lessons // study.LESSON_CHUNK)
        for done in self.workers.run(make_rows, (RowsJob(self.plan_of, "lessons", c) for c in range(lessons))):
            self.collect(files, done)
            self._tell("lessons", files.rows["lessons"], self.plan.lessons)
        lost, first_id = int(self.plan.events.lost.sum()), files.rows["audiences"] + 1
        chunks = recruiting.contact_chunks(self.plan)
        jobs = (RowsJob(self.plan_of, "audiences", c, first_id) for c in range(chunks))
        for done in self.workers.run(make_rows, jobs):
            self.collect(files, done)
            self._tell("contacts", files.rows["audiences"] - first_id + 1, lost)


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
    LabError: numbers out of range, `out` not writable or holding other files, disk full, a worker killed.
    """
    _check(students, seed, workers, dirt)
    plan = make_plan(students, seed)
    with writer.new_folder(out) as folder:
        # A process takes longer to start than it takes to draw tens of thousands of students.
        useful = max(1, min(workers, people.chunks(students) // CHUNKS_PER_WORKER))
        with writer.TableFiles(folder) as files, Workers(useful) as pool:
            run = _Run(plan, pool, progress, dirt)
            companies = run.small_tables(files)
            run.students(files)
            run.others(files)
            facts = truth.as_json(plan, run.facts, files.rows, companies)
            _write_json(folder / writer.TRUTH, facts)
            if dirt:
                _write_json(folder / writer.DIRT, append_dirt(files, run.planted))
        return dict(files.rows)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
