"""Questions 7 and 8: how long graduates look for work, and which companies hire them."""

from __future__ import annotations

from statistics import median

from lakelab.anonymity import fold, hide, is_small, mean
from lakelab.marts.school import Row, School, Search, Tally, groups
from lakelab.marts.students import average_grade


def hiring(school: School) -> list[Row]:
    """Per dimension and category, of graduates: how many were hired, and after how many months.

    `observed_6` are the graduates who left at least six months before the end of the data, `hired_within_6` those of
    them who were hired within six months. `months_until_half_hired` counts who was not hired as never.
    """
    rows: list[Row] = []
    for dimension in sorted({search.dimension for search in school.searches}):
        searches = [search for search in school.searches if search.dimension == dimension]
        sizes: dict[str, int] = {}
        for search in searches:
            sizes[search.category] = sizes.get(search.category, 0) + search.graduates
        labels = fold(sizes, "other")
        for label in sorted(set(labels.values())):
            members = [category for category in labels if labels[category] == label]
            row = _hiring([search for search in searches if search.category in members])
            folded = 0 if members == [label] else len(members)
            rows.append({"dimension": dimension, "category": label, "folded": folded} | row)
    return rows


def _hiring(searches: list[Search]) -> Row:
    months = sorted(s.months for s in searches if s.months is not None for _ in range(s.graduates))
    graduates = sum(s.graduates for s in searches)
    observed = [s for s in searches if s.observed]
    few, half = is_small(len(months)), (graduates + 1) // 2
    return {
        "graduates": graduates,
        "hired": hide(len(months)),
        "median_months": round(median(months) / 10, 1) if months and not few else None,
        "mean_months": mean(sum(months), len(months), 10, 1),
        "months_until_half_hired": months[half - 1] / 10 if half <= len(months) and not few else None,
        "observed_6": hide(sum(s.graduates for s in observed)),
        "hired_within_6": hide(sum(s.graduates for s in observed if s.months is not None and s.months <= 60)),
    }


def companies(school: School) -> list[Row]:
    """One row per company that hired k graduates or more, and one for all the others that hired."""
    known = {str(company.id): company for company in school.companies}
    learned = school.by("learned at")
    rows: list[Row] = []
    for group in groups(school.by("employer"), "other companies"):
        company = known.get(group.label) if group.folded == 0 else None
        apprentices = sum(learned.get(member, Tally()).students for member in group.members)
        rows.append(
            {
                "company": company.name if company else group.label,
                "folded": group.folded,
                "sector": company.sector if company else None,
                "region": company.region if company else None,
                "employees": company.employees if company else None,
                "hires": group.tally.students,
                "apprentices": hide(apprentices),
                "kept_apprentices": hide(group.tally.kept),
                "average_grade": average_grade(group.tally),
                "mean_months_to_hire": mean(group.tally.months, group.tally.timed, 10, 1),
            }
        )
    return rows
