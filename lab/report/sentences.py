"""One plain sentence of answer for each question, with figures taken from the rows of the answer.

A function sees only rows (a dict by column name) in the order of the query. A mart empties counts that stand for
fewer than k persons, so any figure may be None: the sentence then leaves that part out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lab.report.ad_sentences import AD_SENTENCES
from lab.report.numbers import count, euros, join, number, percent, short
from lab.report.questions import Answer
from lakelab.errors import LabError

Row = dict[str, Any]
WEAK = 0.3  # a correlation below this is no link worth telling
FEW = 30  # a rate or median of fewer persons is as much chance as habit
NOTHING = "There is nothing to say: the answer has no rows."


def sentence(answer: Answer) -> str:
    """The answer in one sentence. LabError when the query no longer returns a column that it needs."""
    if not answer.rows:
        return NOTHING
    write = AD_SENTENCES.get(answer.question.file) or SENTENCES.get(answer.number)
    if write is None:
        return f"The answer has {count(len(answer.rows), 'row')}."
    try:
        return write(answer.records) or "There is nothing to say: every figure stands for too few persons to be told."
    except KeyError as error:
        raise LabError(
            f"the sentence of question {answer.number} needs a column {error.args[0]}",
            where=answer.question.file,
            fix="return it, or change lab/report/sentences.py",
        ) from None


def best_students(rows: Sequence[Row]) -> str:
    """The leader of each dimension; rows come in the order of the average grade."""
    parts = []
    named = _named(rows, "category")
    for dimension in _distinct(named, "dimension"):
        row = next(r for r in named if r["dimension"] == dimension)
        text = f"by {dimension}, {row['category']} leads with an average of {short(row['average_grade'])}"
        if row["best_share"] is not None:
            text += f" and {percent(row['best_share'])} of its students in the school's top tenth"
        parts.append(text)
    return _sentence("; ".join(parts))


def drop_outs(rows: Sequence[Row]) -> str:
    """The rate of the school, the reason given most, and the factor with the largest spread."""
    school = next((r for r in rows if r["factor"] == "school" and r["drop_outs"] is not None), None)
    if school is None:
        return ""
    text = f"{percent(school['drop_out_rate'])} of {number(school['students'])} students dropped out"
    reason = _largest([r for r in rows if r["factor"] == "reason"], "share_of_drop_outs")
    if reason:
        text += f", most often for “{reason['category']}” ({percent(reason['share_of_drop_outs'])} of them)"
    widest = _largest([r for r in rows if r["factor"] != "school"], "spread")
    pair = widest and _ends([r for r in rows if r["factor"] == widest["factor"]], "students", "drop_out_rate")
    if pair:
        low, high = pair
        text += f"; what tells them apart best is {_words(low['factor'])}, from {percent(low['drop_out_rate'])} "
        text += f"for “{low['category']}” to {percent(high['drop_out_rate'])} for “{high['category']}”"
    return _sentence(text)


def students_per_region(rows: Sequence[Row]) -> str:
    """The largest region, the cause that moves with the number most, and what youth alone leaves unexplained."""
    named = _named(rows, "region")
    first = _largest(named, "students")
    if first is None:
        return ""
    total = sum(r["students"] or 0 for r in rows)
    share = percent(100 * first["students"] / total)
    text = f"{first['region']} has the most students, {number(first['students'])} of {number(total)} ({share})"
    causes = {
        "r_youth_population": "the youth of the region",
        "r_capacity": "the seats of its campuses",
        "r_events": "the events held there",
        "r_companies": "the companies around",
    }
    text += _closest(first, causes, f"; over {count(len(rows), 'region')} the number moves most closely with ")
    above = _largest(named, "difference")
    if above and above["difference"] > 0:
        text += f"; {above['region']} has {number(above['difference'])} more than its youth population would give"
    return _sentence(text)


def apprenticeships(rows: Sequence[Row]) -> str:
    """The region with most contracts, the one with most per student, and the cause that moves with contracts most."""
    named = _named(rows, "region")
    first = _largest(named, "contracts")
    if first is None:
        return ""
    text = f"{first['region']} has the most contracts, {number(first['contracts'])}"
    most = _largest(named, "contracts_per_100_students")
    if most:
        leader = "also the most per student" if most is first else f"{most['region']} the most per student"
        text += f", and {leader}, {short(most['contracts_per_100_students'])} per 100"
    causes = {
        "r_students": "the students",
        "r_companies": "the companies",
        "r_employees": "the jobs",
        "r_capacity": "the seats of the campuses",
    }
    text += _closest(first, causes, "; over the regions contracts move most closely with ")
    rate = first["r_rate_companies"]
    if rate is not None:
        tells = ", and per student, too, they go" if rate >= WEAK else ", but per student they do not go"
        text += f"{tells} with the companies around (r = {number(rate, 2)})"
    return _sentence(text)


def campuses(rows: Sequence[Row]) -> str:
    """The campus that needs help first with its weakest lever, and the lever that is weakest most often."""
    first = next((r for r in rows if r["health"] is not None and r["weakest_lever"] is not None), None)
    if first is None:
        return ""
    text = f"{first['campus']} needs help first, and there most of all {_words(first['weakest_lever'])}"
    if first["lever_value"] is not None and first["school_value"] is not None:
        text += f": {short(first['lever_value'])} against a mean of {short(first['school_value'])}"
    levers = [r["weakest_lever"] for r in rows if r["weakest_lever"] is not None]
    common = max(dict.fromkeys(levers), key=levers.count)
    often = levers.count(common)
    if often > 1:
        text += f"; over all campuses {_words(common)} is the weakest point most often, at {often} of {len(rows)}"
    return _sentence(text)


def events(rows: Sequence[Row]) -> str:
    """What events brought in, the kind that brought most and the one that did so at the lowest cost."""
    kinds = [r for r in rows if r["source"] != "no event" and r["recruits"] is not None]
    first = _largest(kinds, "recruits")
    if first is None:
        return ""
    share = sum(r["share_of_students"] or 0 for r in kinds)
    text = f"Events brought in {count(sum(r['recruits'] for r in kinds), 'student')}, {percent(share)} of all: "
    text += f"most by {first['source']} ({number(first['recruits'])}"
    if first["conversion"] is not None:
        text += f", {short(first['conversion'])} of 100 contacts"
    text += ")"
    cheap = _smallest(kinds, "cost_per_recruit")
    if cheap:
        also = "also " if cheap is first else ""
        text += f", and {also}at the lowest cost by {cheap['source']}, {euros(cheap['cost_per_recruit'])} a student"
    return _sentence(text)


def time_to_hire(rows: Sequence[Row]) -> str:
    """The median of the school, and the dimension between whose groups it differs most."""
    school = next((r for r in rows if r["dimension"] == "school" and r["median_months"] is not None), None)
    if school is None:
        return ""
    text = f"Half of the graduates who were hired had their first job within {short(school['median_months'])} months"
    if school["hired_rate"] is not None:
        text += f", and {percent(school['hired_rate'])} of all graduates were hired"
    pairs = [
        pair
        for dimension in _distinct(rows, "dimension")
        if (pair := _ends([r for r in rows if r["dimension"] == dimension], "hired", "median_months"))
    ]
    if pairs:
        low, high = max(pairs, key=lambda pair: pair[1]["median_months"] - pair[0]["median_months"])
        text += f"; by {_words(low['dimension'])} it takes from {short(low['median_months'])} months "
        text += f"(“{low['category']}”) to {short(high['median_months'])} (“{high['category']}”)"
    return _sentence(text)


def companies(rows: Sequence[Row]) -> str:
    """The company with most first jobs, the next two, and how many of its hires had been its apprentices."""
    named = [r for r in rows if not r["folded"] and r["hires"] is not None]
    if not named:
        return ""
    first = named[0]
    text = f"{first['company']} hires the most: {count(first['hires'], 'graduate')}"
    if first["share_of_hires"] is not None:
        text += f", {percent(first['share_of_hires'])} of all hires"
    if named[1:]:
        text += ", ahead of " + join([f"{r['company']} ({number(r['hires'])})" for r in named[1:3]])
    if first["kept_apprentices"]:
        text += f"; {number(first['kept_apprentices'])} of its {number(first['hires'])} had been its apprentices"
    return _sentence(text)


def competing_schools(rows: Sequence[Row]) -> str:
    """The school that took most students, its part of the losses, the main reason, and the contacts it won."""
    first = _largest([r for r in rows if not r["folded"]], "students_lost")
    if first is None:
        return ""
    text = f"{first['school']} takes the most: {count(first['students_lost'], 'student')}"
    if first["share_of_lost"] is not None:
        text += f", {percent(first['share_of_lost'])} of those lost to a named school"
    if first["main_reason"] not in (None, "other school"):  # that they changed school is known
        text += f", most often for “{first['main_reason']}”"
    if first["contacts_lost"]:
        text += f"; it also won {count(first['contacts_lost'], 'contact')} met at our events"
    return _sentence(text)


def growth(rows: Sequence[Row]) -> str:
    """The last forecast of the whole school against its last real intake, with interval and back-test."""
    school = [r for r in rows if r["area"] == "whole school" and r["students"] is not None]
    past = [r for r in school if r["kind"] == "actual"]
    future = [r for r in school if r["kind"] == "forecast"]
    if not past or not future:
        return ""
    last, goal = past[-1], future[-1]
    text = f"{number(goal['students'])} new students are forecast for {goal['intake_year']}"
    if goal["low_80"] is not None and goal["high_80"] is not None:
        text += f" (80% interval {number(goal['low_80'])} to {number(goal['high_80'])})"
    change = 100 * (goal["students"] / last["students"] - 1) if last["students"] else 0.0
    direction = "more" if change >= 0 else "fewer"
    text += f", {percent(abs(change))} {direction} than the {number(last['students'])} of {last['intake_year']}"
    if goal["mae_model"] is not None and goal["mae_naive"] is not None:
        care = "" if goal["mae_model"] < goal["mae_naive"] else "take it with care: "
        model, naive = short(goal["mae_model"]), short(goal["mae_naive"])
        text += f"; {care}in back-tests the model missed by {model} a year, repeating the last year by {naive}"
    return _sentence(text)


SENTENCES: dict[int, Callable[[Sequence[Row]], str]] = {
    1: best_students,
    2: drop_outs,
    3: students_per_region,
    4: apprenticeships,
    5: campuses,
    6: events,
    7: time_to_hire,
    8: companies,
    9: competing_schools,
    10: growth,
}


def _named(rows: Iterable[Row], column: str) -> list[Row]:
    """The rows that stand for one thing: groups too small to be told are folded into "other" or "other regions"."""
    return [r for r in rows if r[column] != "other" and not str(r[column]).startswith("other ")]


def _by(column: str) -> Callable[[Row], float]:
    return lambda row: float(row[column])


def _largest(rows: Iterable[Row], column: str) -> Row | None:
    """The first row with the largest figure in a column; None when no row has one."""
    return max((r for r in rows if r[column] is not None), key=_by(column), default=None)


def _smallest(rows: Iterable[Row], column: str) -> Row | None:
    return min((r for r in rows if r[column] is not None), key=_by(column), default=None)


def _ends(rows: Iterable[Row], persons: str, column: str) -> tuple[Row, Row] | None:
    """The groups with the lowest and the highest figure; None when there are no two of `FEW` persons.

    A group without data, such as "no grade", is told apart by that alone and by nothing that the figure says.
    """
    groups = [r for r in _named(rows, "category") if not r["category"].startswith("no ")]
    large = [r for r in groups if r[persons] is not None and r[persons] >= FEW]
    low, high = _smallest(large, column), _largest(large, column)
    return (low, high) if low and high and low is not high else None


def _closest(row: Row, causes: dict[str, str], before: str) -> str:
    """The cause with the strongest correlation, with its figure; "" when none is known."""
    known = {column: row[column] for column in causes if row[column] is not None}
    if not known:
        return ""
    column = max(known, key=lambda name: abs(float(known[name])))
    return f"{before}{causes[column]} (r = {number(known[column], 2)})"


def _distinct(rows: Iterable[Row], column: str) -> list[Any]:
    return list(dict.fromkeys(row[column] for row in rows))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." if text else ""
