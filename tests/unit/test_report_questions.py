"""Question files, the answers made from them, and the JSON in which a run is kept."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from report_sample import QUESTIONS, answer, run

from lab.report.model import Anonymity, Digest, RunRecord, TableCheck
from lab.report.questions import ChartSpec, load_questions, read_answers, write_answers
from lakelab.errors import LabError

GOOD = "-- question: How many?\n-- chart: bar x=region y=students,graduates color=kind\nSELECT 1;\n"


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_header_and_query_are_told_apart(tmp_path):
    rest = "-- note: One line\n-- note: and another.\n\nSELECT 1 -- one\n-- question: kept\n;"
    text = GOOD.replace("SELECT 1;", rest)
    (question,) = load_questions(write(tmp_path, "03_how_many.sql", text))
    assert (question.number, question.file, question.question) == (3, "03_how_many.sql", "How many?")
    assert question.chart == ChartSpec("bar", "region", ("students", "graduates"), "kind")
    assert question.note == "One line and another."
    assert question.sql == "SELECT 1 -- one\n-- question: kept"


def test_questions_come_by_number_not_by_name(tmp_path):
    write(tmp_path, "10_a.sql", GOOD)
    assert [q.number for q in load_questions(write(tmp_path, "9_b.sql", GOOD))] == [9, 10]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("1_a.sql", GOOD.replace("-- question: How many?\n", ""), "the header lacks question (1_a.sql)"),
        ("1_a.sql", "SELECT 1", "the header lacks question (1_a.sql)"),
        ("1_a.sql", GOOD.replace("-- chart", "-- chrat"), "unknown header chrat (1_a.sql)"),
        ("1_a.sql", GOOD.replace("bar", "pie"), "unknown kind of chart pie (1_a.sql)"),
        ("1_a.sql", GOOD.replace("x=region", ""), "the chart lacks x or y (1_a.sql)"),
        ("1_a.sql", GOOD.replace("color=", "colour="), "the chart has an unknown setting colour (1_a.sql)"),
        ("1_a.sql", GOOD.replace("SELECT 1;", ""), "there is no query after the header (1_a.sql)"),
        ("first.sql", GOOD, "the name of a question is a number and a word (first.sql)"),
    ],
)
def test_a_wrong_file_is_named_with_what_it_lacks(tmp_path, name, text, message):
    with pytest.raises(LabError) as caught:
        load_questions(write(tmp_path, name, text))
    assert str(caught.value).startswith(message)


def test_no_questions_and_two_of_one_number_are_errors(tmp_path):
    with pytest.raises(LabError, match="no question found"):
        load_questions(tmp_path / "missing")
    write(tmp_path, "1_a.sql", GOOD)
    with pytest.raises(LabError, match="two questions have number 1"):
        load_questions(write(tmp_path, "01_b.sql", GOOD))


def test_a_chart_column_that_the_query_does_not_return_is_an_error():
    with pytest.raises(LabError) as caught:
        answer(4, "region contracts", ("Bretagne", 3))
    assert str(caught.value) == (
        "the chart needs a column companies that the query does not return (04_apprenticeships.sql): "
        "correct the line `-- chart:`; the columns are region, contracts"
    )


def test_cells_become_plain_values():
    made = answer(4, "region contracts companies", (dt.date(2026, 6, 30), Decimal("3"), Decimal("2.50")))
    assert made.rows == (("2026-06-30", 3, 2.5),)
    assert answer(4, "region contracts companies", (None, float("nan"), True)).rows == ((None, None, True),)


def test_answers_survive_json(tmp_path):
    answers = [
        answer(4, "region contracts companies", ("Île-de-France", 3, 2.0), (None, None, None)),
        answer(9, "school students_lost contacts_lost", ('say "hi"\n</script>', 1, 2)),
    ]
    write_answers(tmp_path / "answers.json", answers)
    back = read_answers(tmp_path / "answers.json")
    assert back == answers
    assert back[0].question == QUESTIONS[4]
    assert [type(cell) for cell in back[0].rows[0]] == [str, int, float]


def test_a_run_survives_json(tmp_path):
    record = run(tables=(TableCheck("students", Digest(3, "a"), None, Digest(2, "b")),), seed=None)
    record.write(tmp_path / "run.json")
    assert RunRecord.read(tmp_path / "run.json") == record
    assert run() != record


def test_a_count_that_an_engine_gave_as_floating_point_is_read_as_a_count(tmp_path):
    run(anonymity=(Anonymity("mart_companies", 5, 38, 5.0),)).write(tmp_path / "run.json")  # type: ignore[arg-type]
    (mart,) = RunRecord.read(tmp_path / "run.json").anonymity
    assert (mart.smallest, type(mart.smallest)) == (5, int)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.pop("place"), "RunRecord lacks place"),
        (lambda data: data.update(colour="red"), "RunRecord has an unknown colour"),
        (lambda data: data.update(scale="big"), "RunRecord.scale is not int"),
        (lambda data: data.update(scale=True), "RunRecord.scale is not int"),
        (lambda data: data["timeline"][0].pop("name"), "RunRecord.timeline[0] lacks name"),
    ],
)
def test_a_broken_run_record_names_file_and_field(tmp_path, change, message):
    path = tmp_path / "run.json"
    run().write(path)
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(LabError) as caught:
        RunRecord.read(path)
    assert str(caught.value) == f"{message} ({path}): run `make demo` again"


def test_a_missing_or_cut_record_is_an_error(tmp_path):
    with pytest.raises(LabError, match="no run is recorded here"):
        RunRecord.read(tmp_path / "run.json")
    (tmp_path / "run.json").write_text('{"title": "T', encoding="utf-8")
    with pytest.raises(LabError, match="not readable as JSON"):
        RunRecord.read(tmp_path / "run.json")


def test_tiers_are_equal_only_when_all_were_read_and_agree():
    same, other = Digest(3, "a"), Digest(3, "b")
    assert TableCheck("t", same, same, same).equal
    assert not TableCheck("t", same, same, other).equal
    assert not TableCheck("t", None, None, None).equal
    assert not run(tables=()).equal
