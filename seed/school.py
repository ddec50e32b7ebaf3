"""What is known of the school before anything is drawn: campuses, calendar, subjects, origins, competitors.

The figures are the planted causes that the business questions should find again. Youth populations have the
order of magnitude of the French census, in thousands aged 15 to 29; everything else is made up.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from lakelab.catalogue import LEVELS
from seed.draws import Floats, Ints, Weights

EPOCH = dt.date(1970, 1, 1)
AS_OF = dt.date(2026, 6, 30)  # the school's "today": nothing is dated later
FIRST_YEAR = 2016  # academic year y runs from 1 September y to 31 August y + 1
YEARS = 10  # 2016-17 to 2025-26
FIRST_STUDENT_ID = 820_001


def day(date: dt.date) -> int:
    """Days since 1970-01-01."""
    return (date - EPOCH).days


def _days(year_offset: int, month: int, of: int) -> Ints:
    return np.array([day(dt.date(FIRST_YEAR + y + year_offset, month, of)) for y in range(YEARS)], dtype=np.int64)


TODAY = day(AS_OF)
SEPTEMBER, OCTOBER, JANUARY, JUNE_END, JULY = (
    _days(0, 9, 1), _days(0, 10, 1), _days(1, 1, 8), _days(1, 6, 30), _days(1, 7, 1),
)  # fmt: skip
# Monday of the week of 15 September: the first week of teaching. 1970-01-01 was a Thursday.
MONDAY = _days(0, 9, 15) - (_days(0, 9, 15) + 3) % 7


def academic_year(days: Ints) -> Ints:
    """Index (0 for 2016-17) of the academic year of each day; -1 before the first one."""
    return np.searchsorted(SEPTEMBER, days, side="right").astype(np.int64) - 1


@dataclass(frozen=True)
class Campus:
    """share: part of the region's youth that lives near, per cent.  events, companies: how active the campus and
    the economy around it are, 0 to 10.  trouble: 1 for a campus that loses students.  talent: what its students
    score above (below) the others, in points.  occupancy: per cent of the seats that are meant to be taken."""

    name: str
    region: str
    youth: int
    share: int
    opened: dt.date
    events: int
    companies: int
    trouble: int
    talent: float
    occupancy: int


CAMPUSES = (
    Campus("Paris", "Île-de-France", 2431, 100, dt.date(1965, 9, 1), 8, 10, 0, 1.5, 96),
    Campus("Lyon", "Auvergne-Rhône-Alpes", 1433, 100, dt.date(2006, 9, 4), 8, 8, 0, 1.0, 93),
    Campus("Lille", "Hauts-de-France", 1094, 100, dt.date(2006, 9, 4), 7, 6, 0, 0.0, 90),
    Campus("Bordeaux", "Nouvelle-Aquitaine", 985, 100, dt.date(2007, 9, 3), 6, 6, 0, 0.5, 91),
    Campus("Toulouse", "Occitanie", 1056, 60, dt.date(2007, 9, 3), 7, 7, 0, 1.0, 92),
    Campus("Montpellier", "Occitanie", 1056, 40, dt.date(2008, 9, 1), 4, 4, 0, -0.5, 78),
    Campus("Marseille", "Provence-Alpes-Côte d'Azur", 838, 100, dt.date(2008, 9, 1), 5, 5, 0, -1.0, 82),
    Campus("Nantes", "Pays de la Loire", 659, 100, dt.date(2008, 9, 1), 9, 7, 0, 2.5, 95),
    Campus("Rennes", "Bretagne", 566, 100, dt.date(2018, 9, 3), 7, 6, 0, 2.0, 89),
    Campus("Strasbourg", "Grand Est", 962, 100, dt.date(2009, 9, 7), 5, 5, 0, 0.0, 84),
    Campus("Caen", "Normandie", 555, 100, dt.date(2009, 9, 7), 2, 2, 1, -2.5, 52),
    Campus("Dijon", "Bourgogne-Franche-Comté", 446, 100, dt.date(2017, 9, 4), 2, 2, 1, -2.0, 47),
    Campus("Tours", "Centre-Val de Loire", 418, 100, dt.date(2010, 9, 6), 3, 2, 1, -3.0, 43),
)
REGIONS = tuple(dict.fromkeys(c.region for c in CAMPUSES))
REGION_OF: Ints = np.array([REGIONS.index(c.region) for c in CAMPUSES], dtype=np.int64)  # by campus


def scores(field: str) -> Floats:
    """That number of each campus."""
    return np.array([getattr(c, field) for c in CAMPUSES], dtype=np.float64)


# New students of a year, against 100 in the first one: growth with a dent in 2020, when fairs were closed.
GROWTH = (100, 109, 118, 128, 126, 140, 153, 166, 179, 194)
TROUBLE_GROWTH = (100, 96, 93, 89, 84, 81, 78, 74, 71, 68)  # per cent of the growth that such a campus keeps
# Who enters when: (entry level, weight) for September and, for one student in ten, January.
ENTRIES = (((0, 62), (2, 14), (3, 24)), ((0, 4), (3, 6)))

SUBJECTS: tuple[tuple[str, str], ...] = (
    ("1ALGO", "Algorithms"), ("1LINX", "Linux Fundamentals"), ("1MATH", "Mathematics for Computing"),
    ("1PYTH", "Programming in Python"), ("1WEBF", "Web Foundations"), ("1CNET", "Computer Networks"),
    ("2JAVA", "Object Programming in Java"), ("2SQLD", "Relational Databases and SQL"),
    ("2WEBJ", "Web Development with JavaScript"), ("2UNIX", "System Administration"),
    ("2STAT", "Statistics"), ("2PROJ", "Agile Project"),
    ("3ADSQ", "Advanced SQL"), ("3JVMS", "Enterprise Applications"), ("3SECU", "Computer Security"),
    ("3MOBI", "Mobile Development"), ("3OPSY", "Operating Systems"),
    ("4ARCH", "AWS Architecture"), ("4CCNA", "Cisco Networking"), ("4DATA", "Data Science"),
    ("4DOKR", "Developing and Delivering Softwares with Docker"), ("4MGMT", "Project Management"),
    ("4SECU", "Offensive Security"),
    ("5DATA", "Data Engineering"), ("5CLOU", "Cloud Operations"), ("5MLRN", "Machine Learning"),
    ("5GOVE", "Governance of Information Systems"), ("5ENTR", "Entrepreneurship"),
)  # fmt: skip
SUBJECT_CODES = tuple(code for code, _ in SUBJECTS)
# Points by which a subject's exams are easier (harder) than the others, in the order of SUBJECTS.
EASE = np.array(
    [-3, 2, -4, 3, 4, -2, 0, 1, 3, -1, -4, 5, 0, -2, -3, 3, -2, 1, -2, -1, 2, 4, -1, 0, 1, -3, 2, 4], dtype=np.int64
)


def level_of(code: str) -> str:
    """A subject's level: the first digit of its code."""
    return LEVELS[int(code[0]) - 1]


BY_LEVEL = tuple(tuple(i for i, c in enumerate(SUBJECT_CODES) if level_of(c) == level) for level in LEVELS)

# (name, weights for entry in BSC1, BSC3, MSC1; points that its former students score above the others)
_ORIGINS: tuple[tuple[str, int, int, int, int], ...] = (
    ("Lycée Jean Moulin", 12, 0, 0, -1), ("Lycée Victor Hugo", 14, 0, 0, 0), ("Lycée Louis Pasteur", 10, 0, 0, 1),
    ("Lycée Jules Ferry", 13, 0, 0, -2), ("Lycée Marie Curie", 10, 0, 0, 3), ("Lycée Albert Camus", 9, 0, 0, 0),
    ("Lycée Jean Jaurès", 11, 0, 0, -4), ("Lycée Gustave Eiffel", 8, 0, 0, 2), ("Lycée Blaise Pascal", 7, 0, 0, 4),
    ("Lycée professionnel Ampère", 6, 0, 0, -6), ("Prépa Henri Poincaré", 2, 6, 3, 7),
    ("Prépa Sophie Germain", 1, 4, 3, 6), ("BTS SIO Turgot", 2, 14, 2, -2), ("BTS SIO Vaucanson", 2, 12, 2, -1),
    ("IUT de Lille", 0, 9, 3, 2), ("IUT de Lyon", 0, 9, 3, 3), ("IUT de Bordeaux", 0, 8, 3, 1),
    ("IUT de Nantes", 0, 7, 3, 3), ("Université Paris Cité", 0, 4, 10, 1), ("Université de Lille", 0, 4, 9, -1),
    ("Université Lyon 1", 0, 4, 9, 2), ("Université de Bordeaux", 0, 3, 8, 0), ("Université de Rennes", 0, 3, 7, 2),
    ("Université de Strasbourg", 0, 3, 7, 1), ("Aix-Marseille Université", 0, 3, 8, -2),
    ("Université à l'étranger", 1, 3, 6, -1),
)  # fmt: skip
ORIGINS = tuple(o[0] for o in _ORIGINS)
ORIGIN_WEIGHTS = {
    0: Weights([o[1] for o in _ORIGINS]),
    2: Weights([o[2] for o in _ORIGINS]),
    3: Weights([o[3] for o in _ORIGINS]),
}
ORIGIN_TALENT = np.array([o[4] for o in _ORIGINS], dtype=np.float64)

EXIT_REASONS = ("level", "finance", "health", "distance", "work", "other school")
COMPETITORS = ("Epitech", "EPITA", "ESGI", "42", "CESI", "Ynov", "EFREI", "INSA", "IUT", "Université")
COMPETITOR_WEIGHTS = Weights((24, 12, 15, 13, 9, 10, 7, 3, 4, 3))

SECTORS = ("software", "consulting", "banking", "telecoms", "industry", "retail", "public sector", "health")
SECTOR_WEIGHTS = Weights((28, 24, 12, 9, 11, 8, 5, 3))

# How an event of each kind does. per_year: (at least, one more for so many points of activity).  recruits: part
# of all recruited students, per cent.  conversion: contacts who become students, per mille.  cost: euros, from-to.
EVENT_KINDS = ("open day", "fair", "immersion day", "webinar")
EVENT_TITLES = ("Journée portes ouvertes", "Salon de l'orientation", "Journée d'immersion", "Webinaire d'information")
PER_YEAR = ((3, 3), (1, 3), (1, 4), (1, 4))
RECRUITS = (47, 22, 18, 13)
CONVERSION = (160, 40, 290, 75)
COST = ((600, 1800), (2200, 6500), (300, 900), (60, 240))
