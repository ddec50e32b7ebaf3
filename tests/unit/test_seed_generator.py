"""The generated school: deterministic, consistent with the catalogue, and with the planted facts in it."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakelab.catalogue import TABLES, Kind
from lakelab.errors import LabError
from lakelab.frames import polars as pl
from seed import generator, names, school, study
from seed.check import check_folder
from seed.draws import Draws, Weights, apportion

NAMES = [t.name for t in TABLES]


def tables(folder: Path) -> dict[str, pl.DataFrame]:
    """Each table with the types of the catalogue; bool stays text, t or f."""
    types = {Kind.INT: pl.Int64(), Kind.DATE: pl.Date(), Kind.DECIMAL: pl.Float64(), Kind.MONEY: pl.Float64()}
    return {
        t.name: pl.read_csv(
            folder / f"{t.name}.csv", schema={c.name: types.get(c.kind, pl.String()) for c in t.columns}
        )
        for t in TABLES
    }


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("school") / "seed"
    generator.generate(out, students=4000, seed=7, workers=1)
    return out


@pytest.fixture(scope="module")
def school_of_4000(folder: Path) -> dict[str, pl.DataFrame]:
    return tables(folder)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(students=st.integers(1, 400), seed=st.integers(0, 2**32))
def test_any_school_is_what_the_catalogue_asks_for(
    students: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("any")
    rows = generator.generate(base / "seed", students=students, seed=seed, workers=1)

    report = check_folder(base / "seed", refused=base / "refused", clean=base / "clean")

    assert report.reasons == {name: {} for name in NAMES}
    assert report.accepted == rows
    assert rows["students"] == students
    for name in NAMES:
        assert (base / "clean" / f"{name}.csv").read_bytes() == (base / "seed" / f"{name}.csv").read_bytes()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(students=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_nothing_happens_outside_a_students_days(
    students: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("days") / "seed"
    generator.generate(out, students=students, seed=seed, workers=1)
    t = tables(out)
    who = t["students"].select(
        "campus_id", student_id="id", join="join_date", last=pl.col("left_date").fill_null(school.AS_OF)
    )

    lessons = (
        t["attendances"]
        .join(t["lessons"], left_on="lesson_id", right_on="id", how="inner", suffix="_lesson")
        .join(who, on="student_id", how="inner", suffix="_student")
    )
    exams = t["grades"].join(who, on="student_id", how="inner")
    contracts = t["apprenticeships"].join(who, on="student_id", how="inner")

    assert lessons.height == t["attendances"].height
    assert lessons.filter((pl.col("date") < pl.col("join")) | (pl.col("date") > pl.col("last"))).is_empty()
    assert lessons.filter(pl.col("campus_id") != pl.col("campus_id_student")).is_empty()
    assert exams.filter((pl.col("date") < pl.col("join")) | (pl.col("date") > pl.col("last"))).is_empty()
    outside = (pl.col("start_date") < pl.col("join")) | (pl.col("end_date") > pl.col("last"))
    assert contracts.filter(outside).is_empty()
    assert who.filter((pl.col("last") > school.AS_OF) | (pl.col("join") > school.AS_OF)).is_empty()
    hired = t["students"].get_column("hired_date").drop_nulls()
    assert hired.filter(hired > school.AS_OF).is_empty()


def test_professors_teach_at_their_campus_after_they_were_hired(school_of_4000: dict[str, pl.DataFrame]) -> None:
    taught = school_of_4000["lessons"].join(
        school_of_4000["professors"], left_on="professor_id", right_on="id", how="inner", suffix="_professor"
    )
    assert taught.height == school_of_4000["lessons"].height
    assert taught.filter(pl.col("campus_id") != pl.col("campus_id_professor")).is_empty()
    assert taught.filter(pl.col("hired_on") > pl.col("date")).is_empty()


def test_keys_are_dense(school_of_4000: dict[str, pl.DataFrame]) -> None:
    for name in NAMES:
        if name != "subjects":
            first = school.FIRST_STUDENT_ID if name == "students" else 1
            ids = school_of_4000[name].get_column("id").to_list()
            assert ids == list(range(first, first + len(ids))), name


def test_same_numbers_give_same_bytes(tmp_path: Path) -> None:
    generator.generate(tmp_path / "one", students=300, seed=3, workers=1, dirt=0.05)
    generator.generate(tmp_path / "two", students=300, seed=3, workers=1, dirt=0.05)
    generator.generate(tmp_path / "other", students=300, seed=4, workers=1, dirt=0.05)
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert content(tmp_path / "one")["students.csv"] != content(tmp_path / "other")["students.csv"]


def test_workers_do_not_change_a_byte(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    alone = generator.generate(tmp_path / "one", students=6000, seed=42, workers=1, dirt=0.01)
    together = generator.generate(
        tmp_path / "two", students=6000, seed=42, workers=3, dirt=0.01, progress=lambda *a: told.append(a)
    )
    assert alone == together
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert [t for t in told if t[0] == "students"] == [("students", n, 6000) for n in (5000, 6000)]
    assert told[-1][1] == told[-1][2]


def test_random_words_are_those_of_every_machine() -> None:
    """Written down once: a numpy that gave other words would give other files."""
    assert [int(w) for w in Draws(42, "students", 3).words(2)] == [14634112956242067113, 17589922505899562698]
    # 14634112956242067113 / 2**64 is 0.7933.., 17589922505899562698 / 2**64 is 0.9535..
    assert Draws(42, "students", 3).below(1000, 4).tolist() == [793, 953, 540, 571]


def test_the_bytes_of_a_small_school(tmp_path: Path) -> None:
    """Written down once: other versions of Python, numpy, Polars or Faker must not change a byte. Whoever changes
    the school on purpose writes the new sum here."""
    generator.generate(tmp_path / "seed", students=200, seed=42, workers=1, dirt=0.05)
    total = hashlib.sha256(b"".join(content(tmp_path / "seed").values())).hexdigest()
    assert total == "14ad29a936d48b01b7f02ae999ec0b437e7a4e80c333d9086e4912d76c47bc8f"


@pytest.mark.parametrize("weights", [[0, 3, 0, 0, 5, 1], [70_000, 4096, 4097, 300_000], [1, 2_000_000, 0, 1, 9]])
def test_a_weighted_choice_is_the_first_whose_running_sum_is_above(weights: list[int]) -> None:
    """With a direct table, with one of leading bits, and without any."""
    ends = [sum(weights[: n + 1]) for n in range(len(weights))]
    near = {value for end in (0, *ends) for value in (end - 1, end, end + 1) if 0 <= value < ends[-1]}
    values = sorted(near | set(range(0, ends[-1], max(1, ends[-1] // 997))))
    expected = [next(place for place, end in enumerate(ends) if end > value) for value in values]
    assert Weights(weights).find(np.array(values)).tolist() == expected


@given(seed=st.integers(0, 2**40), weights=st.lists(st.integers(1, 1000), min_size=1, max_size=30))
def test_weighted_draws_stay_in_range(seed: int, weights: list[int]) -> None:
    drawn = Draws(seed, "x").weighted(Weights(weights), 200)
    assert 0 <= drawn.min() <= drawn.max() < len(weights)


def test_gauss_has_mean_0_and_deviation_1() -> None:
    drawn = Draws(1, "x").gauss(200_000)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1) < 0.01
    assert abs(drawn).max() < 3.47


def test_grades_are_around_60(school_of_4000: dict[str, pl.DataFrame]) -> None:
    grades = school_of_4000["grades"].get_column("grade")
    assert 58.5 <= grades.mean() <= 61.5
    assert 12 <= grades.std() <= 16
    assert grades.min() >= 0
    assert grades.max() <= 100
    assert abs(grades.skew()) < 0.2
    assert 20 <= len(grades) / 4000 <= 28
    assert 0.002 < grades.null_count() / len(grades) < 0.03


def test_attendance_goes_with_grades(school_of_4000: dict[str, pl.DataFrame]) -> None:
    average = school_of_4000["grades"].group_by("student_id").agg(pl.col("grade").mean(), pl.len().alias("exams"))
    rate = school_of_4000["attendances"].group_by("student_id").agg((pl.col("present") == "t").mean())
    both = average.join(rate, on="student_id", how="inner").filter(pl.col("exams") >= 5)
    assert 0.4 <= both.select(pl.corr("grade", "present")).item() <= 0.65
    assert 40 <= school_of_4000["attendances"].height / 4000 <= 60


def test_drop_outs_are_weaker_and_come_less(school_of_4000: dict[str, pl.DataFrame]) -> None:
    students = school_of_4000["students"]
    average = school_of_4000["grades"].group_by("student_id").agg(pl.col("grade").mean())
    by_status = dict(
        students.join(average, left_on="id", right_on="student_id")
        .group_by("status")
        .agg(pl.col("grade").mean())
        .rows()
    )
    assert by_status["dropped_out"] < by_status["graduated"] - 2
    dropped = students.filter(pl.col("status") == "dropped_out")
    assert 0.10 <= dropped.height / 4000 <= 0.20
    assert set(dropped.get_column("exit_reason")) == set(school.EXIT_REASONS)
    gone = students.filter(pl.col("competing_school").is_not_null())
    assert set(gone.get_column("exit_reason")) == {"other school"}
    assert students.filter((pl.col("status") != "dropped_out") & pl.col("exit_reason").is_not_null()).is_empty()
    assert students.filter((pl.col("status") == "enrolled") != pl.col("left_date").is_null()).is_empty()


def test_intakes_grow(school_of_4000: dict[str, pl.DataFrame]) -> None:
    # Joined in January counts with the September before: eight months back, both fall in the same year.
    year = school_of_4000["students"].get_column("join_date").dt.offset_by("-8mo").dt.year()
    counts = [n for _, n in sorted(year.value_counts().rows())]
    assert len(counts) == 10
    assert counts[-1] > 1.6 * counts[0]
    steps = [b / a for a, b in pairwise(counts)]
    assert max(steps) - min(steps) > 0.05, "a trend with noise, not a line"


def test_truth_is_what_the_rows_say(folder: Path, school_of_4000: dict[str, pl.DataFrame]) -> None:
    truth = json.loads((folder / "truth.json").read_text())
    t = school_of_4000
    students = t["students"]

    met = (
        t["audiences"]
        .join(t["events"].rename({"id": "event_id", "name": "title"}), on="event_id", how="inner")
        .join(students.select("personal_email", "join_date", student="id"), left_on="email", right_on="personal_email")
    )
    before = met.filter(pl.col("date") < pl.col("join_date"))
    by_kind = dict(before.group_by("kind").agg(pl.col("student").n_unique()).rows())
    last = before.sort("date", "event_id").group_by("student", maintain_order=True).last()

    assert truth["rows"] == {name: t[name].height for name in NAMES}
    assert truth["recruited_students"] == before.get_column("student").n_unique()
    assert truth["recruited_by_kind"] == by_kind
    assert truth["recruited_by_last_event_kind"] == dict(last.group_by("kind").len().rows())
    assert truth["contacts_met_after_joining"] == met.height - before.height > 0
    reasons = students.filter(pl.col("exit_reason").is_not_null()).group_by("exit_reason").len()
    assert truth["drop_outs_by_reason"] == dict(reasons.rows())
    assert truth["students_by_status"] == dict(students.group_by("status").len().rows())
    hires = (
        students.join(t["companies"], left_on="hired_company_id", right_on="id", how="inner")
        .group_by("name").len().sort(["len", "name"], descending=[True, False]).head(5)
    )  # fmt: skip
    assert truth["hires_by_company_top_5"] == [{"company": c, "hires": n} for c, n in hires.rows()]
    lost = t["audiences"].filter(pl.col("chosen_school").is_not_null()).group_by("chosen_school").len()
    assert truth["contacts_lost_to_school"] == dict(lost.rows())
    assert truth["null_grades"] == t["grades"].get_column("grade").null_count()


def test_events_convert_as_planned(folder: Path, school_of_4000: dict[str, pl.DataFrame]) -> None:
    truth = json.loads((folder / "truth.json").read_text())
    events = school_of_4000["events"].select("kind", event_id="id")
    contacts = dict(school_of_4000["audiences"].join(events, on="event_id", how="inner").group_by("kind").len().rows())
    rate = {kind: truth["recruited_by_kind"][kind] / contacts[kind] for kind in contacts}
    assert rate["immersion day"] > rate["open day"] > rate["webinar"] > rate["fair"]
    assert rate["open day"] > 2.5 * rate["fair"]


def test_campuses_in_trouble_stand_out(school_of_4000: dict[str, pl.DataFrame]) -> None:
    enrolled = pl.col("status") == "enrolled"
    by_campus = (
        school_of_4000["students"]
        .group_by("campus_id").agg(enrolled.sum().alias("enrolled"))
        .join(school_of_4000["campuses"], left_on="campus_id", right_on="id", how="inner")
        .with_columns(occupancy=pl.col("enrolled") / pl.col("capacity")).sort("occupancy")
    )  # fmt: skip
    assert set(by_campus.get_column("name").head(3)) == {"Caen", "Dijon", "Tours"}
    assert by_campus.get_column("occupancy")[2] < 0.6
    assert by_campus.get_column("occupancy").max() <= 1.1


def test_names_keep_accents_and_mails_do_not(school_of_4000: dict[str, pl.DataFrame]) -> None:
    students = school_of_4000["students"]
    assert students.get_column("first_name").str.contains("[éèïëç]").any()
    form = r"^[A-Za-z-]+\.[A-Za-z-]+(\.\d+)?@supinfo\.com$"
    assert students.get_column("email").str.contains(form).all()
    assert students.get_column("personal_email").drop_nulls().is_unique().all()
    assert students.get_column("personal_email").null_count() > 0
    assert len({s.lower() for s in names.FIRST_SLUGS}) == len(names.FIRST)
    assert len({s.lower() for s in names.LAST_SLUGS}) == len(names.LAST)
    assert names.slug("Anne-Adélaïde d'Été") == "Anne-AdelaidedEte"


def test_every_level_has_its_subjects() -> None:
    assert [len(s) for s in school.BY_LEVEL] == [6, 6, 5, 6, 5]
    assert len(school.EASE) == len(school.SUBJECTS)
    assert ("5DATA", "Data Engineering") in school.SUBJECTS
    for of_level, exams in zip(school.BY_LEVEL, study._EXAM_SUBJECTS, strict=True):
        assert set(exams) == set(of_level)


@given(total=st.integers(0, 10_000), weights=st.lists(st.integers(0, 10**12), min_size=1, max_size=40))
def test_apportion_adds_up_and_stays_within_one(total: int, weights: list[int]) -> None:
    weights[0] += 1
    parts = apportion(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(LabError, match=r"something else: thesis\.txt"):
        generator.generate(tmp_path, students=50, seed=1, workers=1)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_run_that_breaks_leaves_the_old_files(tmp_path: Path) -> None:
    out = tmp_path / "seed"
    generator.generate(out, students=50, seed=1, workers=1)
    before = content(out)

    def stop(what: str, done: int, total: int) -> None:
        if what == "lessons":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generator.generate(out, students=60, seed=2, workers=1, progress=stop)
    assert content(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["seed"]


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path) -> None:
    left = tmp_path / ".seed.999999999.partial-abc"
    left.mkdir()
    (left / "students.csv").write_text("id")
    generator.generate(tmp_path / "seed", students=50, seed=1, workers=1)
    assert [p.name for p in tmp_path.iterdir()] == ["seed"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"students": 0}, "cannot generate 0 students"),
        ({"workers": 0}, "0 workers"),
        ({"seed": -1}, "negative"),
        ({"dirt": 1.5}, "share of dirt"),
    ],
)
def test_numbers_out_of_range(tmp_path: Path, wrong: dict[str, float], told: str) -> None:
    numbers = {"students": 50, "seed": 1, "workers": 1} | wrong
    with pytest.raises(LabError, match=told):
        generator.generate(tmp_path / "seed", **numbers)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "seed").write_text("a file")
    with pytest.raises(LabError, match="not a folder"):
        generator.generate(tmp_path / "seed", students=50, seed=1, workers=1)
    with pytest.raises(LabError, match="cannot write"):
        generator.generate(tmp_path / "seed" / "deeper", students=50, seed=1, workers=1)
