"""Questions 6 and 9: what events bring, and which schools take students away."""

from __future__ import annotations

from lakelab.anonymity import fold, hide, is_small
from lakelab.marts.school import Row, School, Tally
from lakelab.marts.students import average_grade

NO_EVENT = "no event"


def events(school: School) -> list[Row]:
    """One row per kind of event, and one for students whom no event recruited.

    `recruits` counts students, `contacts` the addresses left, `contacts_elsewhere` those that chose another school.
    """
    recruited = school.by("source")
    rows: list[Row] = []
    for kind in sorted({event.kind for event in school.events} | set(recruited)):
        held = [event for event in school.events if event.kind == kind]
        tally = recruited.get(kind, Tally())
        rows.append(
            {
                "source": kind,
                "events": len(held) or None,
                "cost": round(sum(event.cost for event in held), 2) if held else None,
                "contacts": hide(sum(event.contacts for event in held)) if held else None,
                "contacts_elsewhere": hide(sum(event.elsewhere for event in held)) if held else None,
                "recruits": hide(tally.students),
                "drop_outs": hide(tally.drop_outs),
                "average_grade": average_grade(tally),
            }
        )
    return rows


def competitors(school: School) -> list[Row]:
    """One row per competing school: drop-outs who went there, and contacts (each e-mail once) who chose it."""
    lost, contacts = school.by("competing school"), school.contacts_lost
    names = set(lost) | set(contacts)
    # A school that took no student is as small as the contacts it took.
    sizes = {name: lost[name].students if name in lost else contacts[name] for name in names}
    members: dict[str, list[str]] = {}
    for name, label in sorted(fold(sizes, "other schools").items()):
        members.setdefault(label, []).append(name)
    return [_competitor(school, label, names) for label, names in sorted(members.items())]


def _competitor(school: School, label: str, names: list[str]) -> Row:
    reasons: dict[str, int] = {}
    total = Tally()
    for (name, reason), tally in school.tallies.get("competing school", {}).items():
        if name in names:
            total += tally
            reasons[reason] = reasons.get(reason, 0) + tally.students
    given, reason = min(((-count, reason) for reason, count in reasons.items()), default=(0, ""))
    known = -given > 0 and not is_small(-given)
    return {
        "school": label,
        "folded": 0 if names == [label] else len(names),
        "students_lost": hide(total.students),
        "contacts_lost": hide(sum(school.contacts_lost.get(name, 0) for name in names)),
        "average_grade": average_grade(total),
        "main_reason": reason if known else None,
        "main_reason_students": -given if known else None,
    }
