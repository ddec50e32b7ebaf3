"""The sentence of each question, word for word, for a few rows written by hand."""

import pytest
from report_sample import QUESTIONS, answer

from lab.report.sentences import NOTHING, SENTENCES, sentence
from lakelab.errors import LabError


def test_every_question_has_a_sentence():
    assert sorted(QUESTIONS) == sorted(SENTENCES) == list(range(1, 11))


def test_best_students_names_the_leader_of_each_dimension():
    columns = "dimension place category students average_grade best_students best_share"
    rows = [
        ("region", 1, "Bretagne", 300, 63.1, 50, 18.0),
        ("region", 2, "Occitanie", 300, 61.0, 30, 11.2),
        ("origin", 1, "Lycée Kléber", 40, 65.0, None, None),
    ]
    assert sentence(answer(1, columns, *rows)) == (
        "By region, Bretagne leads with an average of 63.1 and 18% of its students in the school's top tenth; "
        "by origin, Lycée Kléber leads with an average of 65."
    )


def test_groups_folded_for_privacy_never_lead():
    columns = "dimension place category students average_grade best_students best_share"
    rows = [("region", 1, "other", 9, 80.0, 9, 100.0), ("region", 2, "Bretagne", 300, 63.1, 50, 18.0)]
    assert sentence(answer(1, columns, *rows)) == (
        "By region, Bretagne leads with an average of 63.1 and 18% of its students in the school's top tenth."
    )
    rows = [
        ("other regions", 900, 50, 100.0, 0.9, 0.9, 0.9, 0.9, 0.6),
        ("Bretagne", 140, 12, 52.5, 0.9, 0.8, 0.7, 0.6, None),
    ]
    assert sentence(answer(4, APPRENTICESHIPS, *rows)).startswith("Bretagne has the most contracts, 140, and also")


DROP_OUTS = "factor category students drop_outs drop_out_rate share_of_drop_outs spread"


def test_drop_outs_names_rate_reason_and_the_factor_with_the_widest_spread():
    rows = [
        ("school", "whole school", 5000, 710, 14.2, 100.0, 0.0),
        ("reason", "money", 5000, 110, 2.2, 15.5, None),
        ("reason", "work", 5000, 220, 4.4, 31.0, None),
        ("average_grade", "no grade", 90, 90, 100.0, 12.7, 3.2),
        ("average_grade", "below 40", 29, 29, 100.0, 4.1, 3.2),
        ("average_grade", "40 to 50", 500, 100, 20.0, 14.1, 3.2),
        ("average_grade", "60 to 70", 900, 90, 10.0, 12.7, 3.2),
        ("average_grade", "other", 60, 0, 0.0, 0.0, 3.2),
        ("attendance_band", "below 60%", 40, 20, 50.0, 2.8, 3.1),
        ("attendance_band", "90% and more", 1000, 42, 4.2, 5.9, 3.1),
        ("gender", "M.", 4000, 580, 14.5, 81.7, 1.5),
        ("gender", "Mme", 1000, None, None, None, 1.5),
        ("promotion", "BSC1", 600, 300, 50.0, 42.3, None),
        ("promotion", "MSC2", 2400, 50, 2.1, 7.0, None),
    ]
    said = "14.2% of 5,000 students dropped out, most often for “work” (31% of them)"
    assert sentence(answer(2, DROP_OUTS, *rows)) == (
        f"{said}; what tells them apart best is average grade, from 10% for “60 to 70” to 20% for “40 to 50”."
    )
    assert sentence(answer(2, DROP_OUTS, *rows[:3], *rows[10:])) == f"{said}."


def test_drop_outs_of_a_school_where_hardly_anyone_left():
    hidden = ("school", "whole school", 40, None, None, None, None)
    assert sentence(answer(2, DROP_OUTS, hidden)) == (
        "There is nothing to say: every figure stands for too few persons to be told."
    )


def test_students_per_region_names_share_cause_and_what_youth_leaves_unexplained():
    columns = "region students youth_population difference r_youth_population r_capacity r_events r_companies"
    rows = [
        ("Île-de-France", 1600, 2380, -20.0, 0.91, 0.99, 0.98, None),
        ("Bretagne", 400, 590, 20.0, 0.91, 0.99, 0.98, None),
    ]
    assert sentence(answer(3, columns, *rows)) == (
        "Île-de-France has the most students, 1,600 of 2,000 (80%); over 2 regions the number moves most closely with "
        "the seats of its campuses (r = 0.99); Bretagne has 20 more than its youth population would give."
    )


APPRENTICESHIPS = (
    "region contracts companies contracts_per_100_students r_students r_companies r_employees r_capacity "
    "r_rate_companies"
)


def test_apprenticeships_tell_most_and_most_per_student_apart():
    rows = [
        ("Île-de-France", 812, 96, 45.1, 0.97, 0.98, 0.9, 0.95, 0.61),
        ("Bretagne", 140, 12, 52.5, 0.97, 0.98, 0.9, 0.95, 0.61),
        ("Grand Est", None, 2, None, 0.97, 0.98, 0.9, 0.95, 0.61),
    ]
    assert sentence(answer(4, APPRENTICESHIPS, *rows)) == (
        "Île-de-France has the most contracts, 812, and Bretagne the most per student, 52.5 per 100; over the regions "
        "contracts move most closely with the companies (r = 0.98), and per student, too, they go with the "
        "companies around (r = 0.61)."
    )


def test_apprenticeships_that_do_not_go_with_the_companies_are_told_so():
    row = ("Bretagne", 140, 12, 52.5, 0.9, None, None, None, -0.59)
    assert sentence(answer(4, APPRENTICESHIPS, row)).endswith(
        "with the students (r = 0.90), but per student they do not go with the companies around (r = −0.59)."  # noqa: RUF001
    )


def test_apprenticeships_of_one_region_have_no_correlation():
    row = ("Bretagne", 140, 12, 52.5, None, None, None, None, None)
    assert sentence(answer(4, APPRENTICESHIPS, row)) == (
        "Bretagne has the most contracts, 140, and also the most per student, 52.5 per 100."
    )


def test_campuses_name_who_needs_help_and_the_most_common_weak_point():
    columns = "place campus health weakest_lever lever_value school_value"
    rows = [
        (1, "Lille", -0.91, "occupancy", 61.2, 80.0),
        (2, "Lyon", 0.1, "attendance", 75.0, 79.0),
        (3, "Nantes", 0.5, "attendance", 78.0, 79.0),
    ]
    assert sentence(answer(5, columns, *rows)) == (
        "Lille needs help first, and there most of all occupancy: 61.2 against a mean of 80; over all campuses "
        "attendance is the weakest point most often, at 2 of 3."
    )


def test_events_tell_the_most_recruits_and_the_lowest_cost():
    columns = "source events contacts recruits conversion share_of_students cost_per_recruit"
    rows = [
        ("open day", 120, 5400, 612, 11.3, 12.2, 297.0),
        ("webinar", 88, 2900, 87, 3.0, 1.7, 85.0),
        ("no event", None, None, 4301, None, 86.1, None),
    ]
    assert sentence(answer(6, columns, *rows)) == (
        "Events brought in 699 students, 13.9% of all: most by open day (612, 11.3 of 100 contacts), and at the lowest "
        "cost by webinar, €85 a student."
    )


def test_time_to_hire_names_the_median_and_the_widest_difference():
    columns = "dimension category hired hired_rate median_months"
    rows = [
        ("school", "whole school", 900, 88.1, 4.2),
        ("apprenticeship", "with a contract", 500, 94.0, 2.1),
        ("apprenticeship", "without", 400, 80.0, 6.0),
        ("average grade", "no grade", 40, 100.0, 0.5),
        ("average grade", "below 40", 7, 100.0, 12.1),
        ("average grade", "70 and more", 200, 90.0, 3.0),
        ("region", "Bretagne", 90, 90.0, 4.0),
        ("region", "Occitanie", 80, 90.0, 4.5),
        ("region", "Grand Est", None, None, None),
    ]
    assert sentence(answer(7, columns, *rows)) == (
        "Half of the graduates who were hired had their first job within 4.2 months, and 88.1% of all graduates were "
        "hired; by apprenticeship it takes from 2.1 months (“with a contract”) to 6 (“without”)."
    )


def test_companies_leave_the_folded_row_out():
    columns = "place company hires share_of_hires apprentices kept_apprentices folded"
    rows = [
        (1, "Capgemini", 48, 6.1, 60, 12, 0),
        (2, "Orange", 40, 5.1, 30, None, 0),
        (3, "Thales", 33, 4.2, 30, None, 0),
        (4, "other companies", 600, 75.0, 400, None, 230),
    ]
    assert sentence(answer(8, columns, *rows)) == (
        "Capgemini hires the most: 48 graduates, 6.1% of all hires, ahead of Orange (40) and Thales (33); 12 of its 48 "
        "had been its apprentices."
    )


def test_competing_schools_name_part_reason_and_contacts():
    columns = "school students_lost contacts_lost share_of_lost main_reason folded"
    rows = [("Epitech", 45, 1300, 24.1, "money", 0), ("other schools", 90, 10, 75.9, None, 9)]
    assert sentence(answer(9, columns, *rows)) == (
        "Epitech takes the most: 45 students, 24.1% of those lost to a named school, most often for “money”; it also "
        "won 1,300 contacts met at our events."
    )


def test_competing_schools_do_not_tell_that_who_changed_school_changed_school():
    columns = "school students_lost contacts_lost share_of_lost main_reason folded"
    assert sentence(answer(9, columns, ("ESGI", 6, None, 24.0, "other school", 0))) == (
        "ESGI takes the most: 6 students, 24% of those lost to a named school."
    )


GROWTH = "area intake_year kind students low_80 high_80 mae_model mae_naive"


@pytest.mark.parametrize(
    ("model", "naive", "verdict"),
    [
        (42.0, 88.4, "in back-tests the model missed by 42 a year, repeating the last year by 88.4."),
        (90, 88, "take it with care: in back-tests the model missed by 90 a year, repeating the last year by 88."),
    ],
)
def test_growth_compares_the_last_forecast_with_the_last_intake(model, naive, verdict):
    rows = [
        ("whole school", 2025, "actual", 2000, None, None, model, naive),
        ("whole school", 2026, "forecast", 2100, 2000, 2200, model, naive),
        ("whole school", 2027, "forecast", 2250, 2010, 2490, model, naive),
        ("Bretagne", 2027, "forecast", 120, 90, 150, 3.0, 4.0),
    ]
    assert sentence(answer(10, GROWTH, *rows)) == (
        "2,250 new students are forecast for 2027 (80% interval 2,010 to 2,490), 12.5% more than the 2,000 of 2025; "
        + verdict
    )


def test_growth_that_shrinks_is_told_as_fewer():
    rows = [
        ("whole school", 2025, "actual", 200, None, None, None, None),
        ("whole school", 2026, "forecast", 150, None, None, None, None),
    ]
    assert sentence(answer(10, GROWTH, *rows)) == (
        "150 new students are forecast for 2026, 25% fewer than the 200 of 2025."
    )


@pytest.mark.parametrize("number", range(1, 11))
def test_no_rows_means_nothing_to_say(number):
    question = QUESTIONS[number]
    assert sentence(question.answer(question.chart.columns, [])) == NOTHING


def test_a_column_that_went_missing_names_the_file():
    rows = ("Capgemini", 48, 60)
    with pytest.raises(LabError, match=r"question 8 needs a column folded \(08_companies.sql\)"):
        sentence(answer(8, "company hires apprentices", rows))
