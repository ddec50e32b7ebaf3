"""The eleven tables of the school's ERP, each declared once.

ERP DDL, unload scripts, CSV order, Spark schemas, Hive DDL, masking, topics and the data dictionary are
derived from here (`lakelab.render`), and a test fails where a derived file differs.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass


class Kind(enum.Enum):
    """A neutral column type; `lakelab.render` knows its name in each engine."""

    INT = "int"
    TEXT = "text"
    DATE = "date"
    DECIMAL = "decimal"  # one digit after the point: 0.0 to 100.0 for grades
    MONEY = "money"  # two digits after the point, euros
    BOOL = "bool"


class Personal(enum.Enum):
    """What a column says about a person (GDPR art. 4): it decides on masking and erasure."""

    NONE = "none"
    IDENTIFIER = "identifier"  # names one person: replaced by a keyed pseudonym outside the ERP tier
    QUASI = "quasi-identifier"  # singles out in combination: published only in groups of k
    CONTACT = "contact"  # reaches a person: never leaves the presentation tier


@dataclass(frozen=True)
class Column:
    """One column. Bounds are inclusive; `not_before` names the column whose date this one may not precede."""

    name: str
    kind: Kind
    doc: str
    nullable: bool = False
    personal: Personal = Personal.NONE
    references: str | None = None  # a table, by its key `id`
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    not_before: str | None = None
    unique: bool = False


@dataclass(frozen=True)
class Table:
    """One table; `columns` are in the order of the ERP, of the CSV files and of every schema."""

    name: str
    doc: str
    columns: tuple[Column, ...]
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def topic(self) -> str:
        """The Kafka topic of the table's changes, as Debezium names it: prefix.schema.table."""
        return f"erp.public.{self.name}"

    @property
    def presentation(self) -> str:
        """The table's folder in HDFS."""
        return f"/dev/data/ERP/{self.name.upper()}"

    @property
    def references(self) -> tuple[str, ...]:
        return tuple(c.references for c in self.columns if c.references)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


DATABASE = "ERP"
WAREHOUSE = "data_dev_5data"
LEVELS = ("BSC1", "BSC2", "BSC3", "MSC1", "MSC2")

_I, _T, _D, _B = Kind.INT, Kind.TEXT, Kind.DATE, Kind.BOOL
_ID, _QUASI, _CONTACT = Personal.IDENTIFIER, Personal.QUASI, Personal.CONTACT

CAMPUSES = Table(
    "campuses",
    "A campus of the school.",
    (
        Column("id", _I, "Key."),
        Column("name", _T, "Name of the campus: its city.", unique=True),
        Column("city", _T, "City."),
        Column("region", _T, "French region."),
        Column("opened_on", _D, "First day of teaching."),
        Column("capacity", _I, "Students that the building can take at once.", minimum=1),
        Column("youth_population", _I, "Inhabitants of the region aged 15 to 29, in thousands.", minimum=1),
    ),
)

COMPANIES = Table(
    "companies",
    "A company that hires students or takes apprentices.",
    (
        Column("id", _I, "Key."),
        Column("name", _T, "Trade name."),
        Column("sector", _T, "Line of business."),
        Column("city", _T, "City."),
        Column("region", _T, "French region."),
        Column("employees", _I, "Head count.", minimum=1),
    ),
)

STUDENTS = Table(
    "students",
    "A student, present or past.",
    (
        Column("id", _I, "Key: the student number.", personal=_ID),
        Column("first_name", _T, "First name.", personal=_ID),
        Column("last_name", _T, "Last name.", personal=_ID),
        Column("email", _T, "School e-mail.", personal=_CONTACT, unique=True),
        Column("personal_email", _T, "Private e-mail.", nullable=True, personal=_CONTACT),
        Column("gender", _T, "Form of address.", choices=("Mme", "M."), personal=_QUASI),
        Column("date_of_birth", _D, "Date of birth.", personal=_QUASI),
        Column("join_date", _D, "First day at the school.", not_before="date_of_birth"),
        Column("left_date", _D, "Last day; empty while enrolled.", nullable=True, not_before="join_date"),
        Column("campus_id", _I, "Campus.", references="campuses", personal=_QUASI),
        Column("promotion", _T, "Present level, or the last one.", choices=LEVELS, personal=_QUASI),
        Column("origin_institution", _T, "School or university before this one.", personal=_QUASI),
        Column("status", _T, "Where the student stands.", choices=("enrolled", "graduated", "dropped_out")),
        Column("exit_reason", _T, "Why a student dropped out; empty otherwise.", nullable=True),
        Column("competing_school", _T, "The school that a drop-out went to, if any.", nullable=True),
        Column(
            "hired_date",
            _D,
            "First day of the first job after graduating.",
            nullable=True,
            not_before="join_date",
            personal=_QUASI,
        ),
        Column(
            "hired_company_id",
            _I,
            "The company of that job.",
            nullable=True,
            references="companies",
            personal=_QUASI,
        ),
    ),
    indexes=(("personal_email",), ("join_date",)),
)

PROFESSORS = Table(
    "professors",
    "A professor.",
    (
        Column("id", _I, "Key.", personal=_ID),
        Column("first_name", _T, "First name.", personal=_ID),
        Column("last_name", _T, "Last name.", personal=_ID),
        Column("email", _T, "School e-mail.", personal=_CONTACT, unique=True),
        Column("campus_id", _I, "Campus.", references="campuses"),
        Column("hired_on", _D, "First day at the school."),
    ),
)

SUBJECTS = Table(
    "subjects",
    "A subject, taught at one level.",
    (
        Column("id", _T, "Key: the code, such as 5DATA."),
        Column("name", _T, "Title."),
        Column("level", _T, "Level at which it is taught.", choices=LEVELS),
    ),
)

LESSONS = Table(
    "lessons",
    "One lesson of a subject, on a day, at a campus.",
    (
        Column("id", _I, "Key."),
        Column("subject_id", _T, "Subject.", references="subjects"),
        Column("date", _D, "Day of the lesson."),
        Column("campus_id", _I, "Campus.", references="campuses"),
        Column("professor_id", _I, "Professor.", references="professors"),
    ),
    indexes=(("date",),),
)

ATTENDANCES = Table(
    "attendances",
    "A student expected at a lesson, present or not.",
    (
        Column("id", _I, "Key."),
        Column("lesson_id", _I, "Lesson.", references="lessons"),
        Column("student_id", _I, "Student.", references="students", personal=_ID),
        Column("present", _B, "True when the student came."),
    ),
    unique=(("lesson_id", "student_id"),),
)

GRADES = Table(
    "grades",
    "A grade of a student in a subject.",
    (
        Column("id", _I, "Key."),
        Column("student_id", _I, "Student.", references="students", personal=_ID),
        Column("subject", _T, "Subject.", references="subjects"),
        Column("date", _D, "Day of the exam."),
        Column(
            "grade",
            Kind.DECIMAL,
            "0 to 100; empty when the student did not sit the exam.",
            nullable=True,
            minimum=0,
            maximum=100,
        ),
    ),
)

APPRENTICESHIPS = Table(
    "apprenticeships",
    "A student's work-study contract with a company.",
    (
        Column("id", _I, "Key."),
        Column("student_id", _I, "Student.", references="students", personal=_ID),
        Column("company_id", _I, "Company.", references="companies"),
        Column("start_date", _D, "First day of the contract."),
        Column("end_date", _D, "Last day of the contract.", not_before="start_date"),
        Column("job", _T, "Job title."),
    ),
    indexes=(("start_date",),),
)

EVENTS = Table(
    "events",
    "An open day or fair at which a campus meets possible students.",
    (
        Column("id", _I, "Key."),
        Column("name", _T, "Title."),
        Column("kind", _T, "Form of the event.", choices=("open day", "fair", "immersion day", "webinar")),
        Column("date", _D, "Day of the event."),
        Column("campus_id", _I, "Campus that holds it.", references="campuses"),
        Column("cost", Kind.MONEY, "What it cost, in euros.", minimum=0),
    ),
    indexes=(("date",),),
)

AUDIENCES = Table(
    "audiences",
    "A contact of a possible future student, collected at an event.",
    (
        Column("id", _I, "Key.", personal=_ID),
        Column("event_id", _I, "Event.", references="events"),
        Column("first_name", _T, "First name.", personal=_ID),
        Column("last_name", _T, "Last name.", personal=_ID),
        Column("email", _T, "Private e-mail.", personal=_CONTACT),
        Column("level_of_interest", _T, "What the visitor said.", choices=("low", "medium", "high")),
        Column("chosen_school", _T, "Competing school that was chosen, if known.", nullable=True),
    ),
    indexes=(("email",),),
)

# In loading order: a table comes after every table that it refers to.
TABLES: tuple[Table, ...] = (
    CAMPUSES, COMPANIES, SUBJECTS, STUDENTS, PROFESSORS, LESSONS, ATTENDANCES, GRADES, APPRENTICESHIPS, EVENTS,
    AUDIENCES,
)  # fmt: skip
OF_STUDENTS = tuple(table for table in TABLES if "students" in table.references)  # their rows go with the student


def table(name: str) -> Table:
    """The table of that name; KeyError where there is none."""
    for candidate in TABLES:
        if candidate.name == name:
            return candidate
    raise KeyError(name)


def personal_columns() -> Iterator[tuple[Table, Column]]:
    """Every column that says something about a person, with its table."""
    return ((t, c) for t in TABLES for c in t.columns if c.personal is not Personal.NONE)
