"""The small parts of the ad pipeline: sentences, reading trends, settings, and scripts as HiveServer2 gets them."""

from __future__ import annotations

import re

import pytest

from lab.ads.pipeline import QUESTIONS, STEPS, ask_warehouse, seed_of
from lab.cluster import read_steps
from lab.report.questions import load_questions
from lab.report.sentences import sentence
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY, load_settings
from lakelab.storage import FolderStorage
from lakelab.trends import Trend, read_trends
from services.hadoop.commands.statements import statements

RATED = {"impressions": 1000, "clicks": 40, "click_rate": 4.0, "rate_low": 3.0, "rate_high": 5.5}
ROWS = {
    "01_ads.sql": [
        {"ad_id": "ad-1", "standing": "best", **RATED, "click_rate": 9.0},
        {"ad_id": "ad-2", "standing": "worst", **RATED, "click_rate": 0.4},
    ],
    "02_hours.sql": [{"hour_of_day": 3, **RATED, "click_rate": 2.5}, {"hour_of_day": 20, **RATED}],
    "03_places.sql": [
        {"dimension": "device", "category": "tablet", **RATED},
        {"dimension": "device", "category": "tv", **RATED, "click_rate": 0.3},
        {"dimension": "position", "category": "1", **RATED, "click_rate": 5.2},
        {"dimension": "position", "category": "2", **RATED},
    ],
    "04_time.sql": [
        {"moment": f"2026-06-01 {hour:02d}:00", "impressions": shown, "clicks": clicks, "click_rate": 0.0}
        for hour, shown, clicks in ((0, 10, 1), (1, 90, 1), (2, 100, 3), (3, 100, 3))
    ],
    "05_changes.sql": [
        {"ad_id": ad, "first_rate": 4.0, "second_rate": 4.0 + by, "change_points": by, "z": by, **RATED}
        for ad, by in (("ad-7", 3.5), ("ad-8", -3.2), ("ad-9", -3.1))
    ],
}
SAID = {
    "01_ads.sql": "ad-1 (9%) is clicked most readily, ad-2 (0.4%) least.",
    "02_hours.sql": "Most readily at 20:00 (4%), least at 3:00 (2.5%).",
    "03_places.sql": "By device, tablet has 4% and tv 0.3%; by position, 1 has 5.2% and 2 4%.",
    "04_time.sql": "From 2% in the first half of the 4 hours to 3% in the second.",
    "05_changes.sql": "ad-7 gained; ad-8 and ad-9 wore out.",
}


@pytest.mark.parametrize("question", load_questions(QUESTIONS), ids=lambda question: question.file)
def test_each_answer_has_a_sentence(question):
    rows = ROWS[question.file]

    answer = question.answer(list(rows[0]), [tuple(row[name] for name in rows[0]) for row in rows])

    assert sentence(answer) == SAID[question.file]
    assert question.folder == "hive/ads/questions"


def test_what_the_warehouse_found_wrong_is_told_with_its_rows():
    class Asked:
        def query(self, sql: str):
            if sql.lstrip().startswith("SELECT COUNT(*)"):
                return ["shown", "again", "late"], [(998, 7, 0)]
            file = next(q.file for q in load_questions(QUESTIONS) if q.sql == sql)
            return list(ROWS[file][0]), [tuple(row.values()) for row in ROWS[file]]

    asked = ask_warehouse(Asked())

    assert asked.impressions == 998
    assert [(f.reason, f.rows) for f in asked.findings] == [("sent again; counted once", 7)]
    assert [a.question.file for a in asked.answers] == list(ROWS)


def test_trends_are_read_from_every_file_but_the_marker(tmp_path):
    storage = FolderStorage(tmp_path)
    storage.create_bucket("b")
    storage.write("s3://b/text/trends/000000_0", b"device\tphone\t200\t8\t4.0\t3.1\t5.2\n")
    storage.write("s3://b/text/trends/000001_0", b"all\tall\t300\t9\t3.0\t2.1\t4.2\n")
    storage.write("s3://b/text/trends/_SUCCESS", b"")

    found = read_trends(storage, "s3://b/text/trends")

    assert found == [Trend("all", "all", 300, 9, 3.0), Trend("device", "phone", 200, 8, 4.0)]


@pytest.mark.parametrize(
    ("line", "what"), [(b"device\tphone\tmany\t8\t4.0\n", "not a trend"), (b"", "no trends there")]
)
def test_what_is_no_trend_is_one_line(line, what, tmp_path):
    storage = FolderStorage(tmp_path)
    storage.create_bucket("b")
    storage.write("s3://b/text/trends/000000_0", line)

    with pytest.raises(LabError, match=what):
        read_trends(storage, "s3://b/text/trends")


def test_logs_and_trends_have_buckets_of_their_own(tmp_path):
    settings = load_settings({"LAB_BUCKET": "school"})
    assert (settings.ad_logs_bucket, settings.ad_trends_bucket) == ("school-logs", "school-trends")

    given = [step["HadoopJarStep"]["Args"] for step in read_steps(STEPS, settings)]

    scripts = [args[args.index("-f") + 1] for args in given]
    assert scripts == [f"s3://school/hive/ads/{name}" for name in ("1_tables.hql", "2_join.hql", "3_trends.hql")]
    for args, script in zip(given, scripts, strict=True):
        values = dict(args[at + 1].split("=", 1) for at, arg in enumerate(args) if arg == "-d")
        text = (REPOSITORY / script.removeprefix("s3://school/")).read_text()
        assert set(re.findall(r"\$\{hivevar:(\w+)\}", text)) <= values.keys()
        assert set(values.values()) == {"s3://school-logs", "s3://school-trends"}


def test_the_scripts_come_apart_into_their_statements():
    kinds = {
        path.name: [statement.split()[0] for statement in statements(path.read_text())]
        for path in sorted((REPOSITORY / "hive" / "ads").glob("*.hql"))
    }
    tables = ["DROP", "CREATE", "MSCK"] * 2
    assert kinds == {
        "1_tables.hql": ["CREATE", "USE", *tables, "DROP", "CREATE", "DROP", "CREATE"],
        "2_join.hql": ["USE", *["DROP", "CREATE", "INSERT"] * 2],
        "3_trends.hql": ["USE", *["DROP", "CREATE", "INSERT"] * 4],
    }


def test_the_seed_number_of_logs_is_told_by_their_bucket_alone(tmp_path):
    storage, settings = FolderStorage(tmp_path), load_settings({})
    storage.create_bucket(settings.ad_logs_bucket)
    assert seed_of(storage, settings) is None

    storage.write(f"s3://{settings.ad_logs_bucket}/truth.json", b'{"seed": 9}')

    assert seed_of(storage, settings) == 9
