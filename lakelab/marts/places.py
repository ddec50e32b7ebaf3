"""Questions 3, 4 and 5: regions with what could explain their students and contracts; campuses and their levers."""

from __future__ import annotations

from collections import Counter
from statistics import fmean, stdev

from lakelab.anonymity import hide, is_small
from lakelab.marts.school import Campus, Group, Row, School, Tally, groups
from lakelab.marts.students import attendance_rate, average_grade

INTAKES_BEFORE = 3  # yearly intakes that the last one is compared with


def regions(school: School) -> list[Row]:
    """One row per region that has a campus: its campuses, youth, events and companies, students and contracts."""
    held = Counter(event.campus_id for event in school.events)
    tallies = {campus.region: Tally() for campus in school.campuses} | school.by("region")
    return [_region(school, group, held) for group in groups(tallies, "other regions")]


def _region(school: School, group: Group, held: Counter[int]) -> Row:
    campuses = [campus for campus in school.campuses if campus.region in group.members]
    companies = [company for company in school.companies if company.region in group.members]
    few = is_small(group.tally.apprentices)
    return {
        "region": group.label,
        "folded": group.folded,
        "campuses": len(campuses),
        "capacity": sum(campus.capacity for campus in campuses),
        # Each campus of a region carries the population of the whole region.
        "youth_population": sum({campus.region: campus.youth_population for campus in campuses}.values()),
        "events": sum(held[campus.id] for campus in campuses),
        "companies": len(companies),
        "employees": sum(company.employees for company in companies),
        "students": group.tally.students,
        "enrolled": hide(group.tally.enrolled),
        "apprentices": hide(group.tally.apprentices),
        "contracts": None if few else group.tally.contracts,
        "local_contracts": None if few else group.tally.local_contracts,
    }


def campuses(school: School) -> list[Row]:
    """One row per campus, with its distance from the mean of the campuses on each lever.

    A distance is (value - mean) / sample standard deviation, with the sign turned where more is worse. `health` is
    the mean of the distances known, `weakest_lever` the lever with the lowest.
    """
    tallies = {campus.name: Tally() for campus in school.campuses} | school.by("campus")
    held = Counter(event.campus_id for event in school.events)
    rows = [_campus(school, group, held) for group in groups(tallies, "other campuses")]
    levers = {str(row["campus"]): _levers(row) for row in rows if row["folded"] == 0}
    distances = _distances(levers)
    return [row | _weakest(str(row["campus"]), levers, distances) for row in rows]


def _campus(school: School, group: Group, held: Counter[int]) -> Row:
    found: list[Campus] = [campus for campus in school.campuses if campus.name in group.members]
    intakes = school.tallies.get("campus intake", {})

    def joined(year: int) -> int:
        return sum(intakes.get((name, str(year)), Tally()).students for name in group.members)

    last = school.last_intake
    before = hide(sum(joined(last - past) for past in range(1, INTAKES_BEFORE + 1)))
    return {
        "campus": group.label,
        "folded": group.folded,
        "region": None if group.folded else found[0].region,
        "capacity": sum(campus.capacity for campus in found),
        "events": sum(held[campus.id] for campus in found),
        "students": group.tally.students,
        "enrolled": hide(group.tally.enrolled),
        "drop_outs": hide(group.tally.drop_outs),
        "recruits": hide(group.tally.recruits),
        "last_intake": hide(joined(last)),
        "mean_intake_before": None if before is None else round(before / INTAKES_BEFORE, 1),
        "average_grade": average_grade(group.tally),
        "attendance_rate": attendance_rate(group.tally),
    }


def _levers(row: Row) -> dict[str, float]:
    """The campus's value of each lever that is known."""
    values = {
        "occupancy": _percent(row["enrolled"], row["capacity"]),
        "drop-out rate": _percent(row["drop_outs"], row["students"]),
        "attendance": row["attendance_rate"],
        "average grade": row["average_grade"],
        "recruits per event": _percent(row["recruits"], row["events"], 1),
    }
    return {lever: value for lever, value in values.items() if isinstance(value, float)}


def _percent(part: object, whole: object, of: int = 100) -> float | None:
    return of * part / whole if isinstance(part, int) and isinstance(whole, int) and whole else None


def _distances(levers: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """campus → lever → distance, negative where worse; a lever on which all campuses are alike has none."""
    found: dict[str, dict[str, float]] = {campus: {} for campus in levers}
    for lever in sorted({lever for values in levers.values() for lever in values}):
        known = {campus: values[lever] for campus, values in levers.items() if lever in values}
        deviation = stdev(known.values()) if len(known) > 1 else 0.0
        if deviation > 0:
            middle, sign = fmean(known.values()), -1 if lever == "drop-out rate" else 1
            for campus, value in known.items():
                found[campus][lever] = sign * (value - middle) / deviation
    return found


def _weakest(campus: str, levers: dict[str, dict[str, float]], distances: dict[str, dict[str, float]]) -> Row:
    mine = distances.get(campus)
    if not mine:
        return dict.fromkeys(("health", "weakest_lever", "gap", "lever_value", "school_value"))
    gap, lever = min((gap, lever) for lever, gap in mine.items())
    return {
        "health": round(fmean(mine.values()), 2),
        "weakest_lever": lever,
        "gap": round(gap, 2),
        "lever_value": round(levers[campus][lever], 2),
        "school_value": round(fmean(values[lever] for values in levers.values() if lever in values), 2),
    }
