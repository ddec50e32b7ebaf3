"""The pipeline of the ad logs in a lab of its own, compared with DuckDB and plain Python on the same lines."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from demo_lab import Lab

IMPRESSIONS = os.environ.get("LAB_TEST_IMPRESSIONS", "20000")  # 1000000: minutes instead of one
LOGS, TRENDS = "5data-bucket-logs", "5data-bucket-trends"
IMPRESSION = {"event_time": "2026-06-02T10:00:00.000Z", "device": "phone", "position": 1, "site": "news"}
DIMENSIONS = {
    "all": "'all'",
    "ad": "ad_id",
    "device": "device",
    "position": "position::varchar",
    "hour of day": "strftime(event_time, '%H')",
    "hour": "strftime(event_time, '%Y-%m-%d-%H')",
    "day": "strftime(event_time, '%Y-%m-%d')",
}


@pytest.fixture(scope="module")
def lab(own_lab: Lab) -> Lab:
    """A lab in which the pipeline ran on generated logs, and on a few lines of the test's own."""
    own_lab.succeed("ads", "fill", "--impressions", IMPRESSIONS, "--days", "2", "--gzip")
    late = own_lab.home / "s3" / LOGS / "impressions" / "arrived=2026-06-09-10"
    late.mkdir()
    lines = [
        json.dumps({"impression_id": "twice", "ad_id": "ad-test", **IMPRESSION}),
        json.dumps({"impression_id": "twice", "ad_id": "ad-test", **IMPRESSION}),
        json.dumps({"impression_id": "clicked", "ad_id": "ad-001", **IMPRESSION}),
        '{"impression_id": "cut off',
        "not JSON at all",
        "",
    ]
    (late / "by-hand.json").write_text("\n".join(lines) + "\n")
    clicks = own_lab.home / "s3" / LOGS / "clicks" / "arrived=2026-06-09-11"
    clicks.mkdir()
    by_hand = (("c2", "clicked", "11:00:09"), ("c1", "clicked", "11:00:05"), ("c3", "gone", "11:00:00"))
    lines = [
        json.dumps({"click_id": click, "impression_id": shown, "event_time": f"2026-06-09T{at}.000Z"})
        for click, shown, at in by_hand
    ]
    (clicks / "by-hand.json").write_text("\n".join(lines) + "\n")
    output = own_lab.succeed("ads", "run", "--keep-logs")
    (own_lab.home.parent / "ads-output.txt").write_text(output)
    return own_lab


@pytest.fixture(scope="module")
def duck(lab: Lab) -> Iterator[duckdb.DuckDBPyConnection]:
    """The logs joined by DuckDB, in a way of its own: the latest line of each id, a semi-join for the clicks."""
    logs = lab.home / "s3" / LOGS
    with duckdb.connect() as connection:
        for log in ("impressions", "clicks"):
            connection.execute(
                f"CREATE TABLE {log} AS SELECT * FROM read_json('{logs}/{log}/*/*', format='newline_delimited',"
                " ignore_errors=true, hive_partitioning=true, union_by_name=true)"
            )
        connection.execute(
            """
            CREATE TABLE once AS
            SELECT DISTINCT ON (impression_id) impression_id, ad_id, device, position, site,
                   event_time::timestamp AS event_time,
                   impression_id IN (SELECT impression_id FROM clicks) AS clicked
            FROM impressions WHERE impression_id IS NOT NULL
            ORDER BY impression_id, arrived DESC
            """
        )
        yield connection


def written(lab: Lab, duck: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    """The rows of a result as Parquet."""
    found = duck.execute(f"SELECT * FROM read_parquet('{lab.home}/s3/{TRENDS}/parquet/{table}/part*')")
    columns = [column[0] for column in found.description or []]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def counted(duck: duckdb.DuckDBPyConnection, category: str) -> dict[str, tuple[int, int]]:
    return {
        name: (shown, clicked)
        for name, shown, clicked in duck.execute(
            f"SELECT {category}, count(*), count(*) FILTER (WHERE clicked) FROM once GROUP BY ALL"
        ).fetchall()
    }


def wilson(clicked: int, shown: int, sign: int) -> float:
    """One end of Wilson's interval, in percent: where the share is 1.96 standard errors from what was seen."""
    z2, p = 1.96**2, clicked / shown
    return 100 * (2 * shown * p + z2 + sign * math.sqrt(z2 * (z2 + 4 * shown * p * (1 - p)))) / (2 * (shown + z2))


def test_every_impression_is_joined_once_and_stays_without_a_click(lab: Lab, duck: duckdb.DuckDBPyConnection) -> None:
    joined = f"read_parquet('{lab.home}/s3/{TRENDS}/parquet/joined/part*')"
    differing = duck.execute(
        f"""
        SELECT count(*) FROM {joined} j FULL JOIN once o USING (impression_id)
        WHERE (j.clicked = 1, j.ad_id, j.device, j.place, j.site, j.event_time::timestamp, j.event_day::date)
              IS DISTINCT FROM (o.clicked, o.ad_id, o.device, o.position, o.site, o.event_time, o.event_time::date)
        """
    ).fetchone()
    rows = duck.execute(f"SELECT count(*), sum(clicked) FROM {joined}").fetchone()

    assert differing == (0,)
    assert rows == duck.execute("SELECT count(*), count(*) FILTER (WHERE clicked) FROM once").fetchone()


def test_copies_and_the_hour_of_the_first_file_are_told(lab: Lab, duck: duckdb.DuckDBPyConnection) -> None:
    differing = duck.execute(
        f"""
        SELECT count(*) FROM read_parquet('{lab.home}/s3/{TRENDS}/parquet/joined/part*') j
        FULL JOIN (SELECT impression_id, count(*) AS copies, min(arrived) AS arrived FROM impressions
                   WHERE impression_id IS NOT NULL GROUP BY ALL) i USING (impression_id)
        WHERE (j.copies, j.arrived) IS DISTINCT FROM (i.copies, i.arrived)
        """
    ).fetchone()
    late = duck.execute(
        "SELECT count(*) FROM (SELECT min(arrived) AS arrived, min(event_time::timestamp) AS event FROM impressions"
        " WHERE impression_id IS NOT NULL GROUP BY impression_id) WHERE arrived > strftime(event, '%Y-%m-%d-%H')"
    ).fetchone()
    record = json.loads((lab.home / "ads.json").read_text())

    assert differing == (0,)
    assert late is not None
    assert record["findings"][1]["reason"].startswith("came late")
    assert record["findings"][1]["rows"] == late[0] > 100


def test_the_first_click_is_kept(lab: Lab, duck: duckdb.DuckDBPyConnection) -> None:
    joined = f"read_parquet('{lab.home}/s3/{TRENDS}/parquet/joined/part*')"
    ours = duck.execute(
        f"SELECT impression_id, clicked, click_time FROM {joined}"
        " WHERE impression_id IN ('twice', 'clicked') ORDER BY impression_id"
    ).fetchall()
    late = duck.execute(
        f"SELECT count(*) FROM {joined} JOIN (SELECT impression_id, min(event_time) AS first FROM clicks GROUP BY ALL)"
        " USING (impression_id) WHERE click_time::timestamp <> first::timestamp"
    ).fetchone()

    assert ours == [("clicked", 1, "2026-06-09T11:00:05.000Z"), ("twice", 0, None)]
    assert late == (0,)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_trend_equals_an_independent_count(dimension: str, lab: Lab, duck: duckdb.DuckDBPyConnection) -> None:
    found = {row["category"]: row for row in written(lab, duck, "trends") if row["dimension"] == dimension}

    expected = counted(duck, DIMENSIONS[dimension])

    assert {name: (row["impressions"], row["clicks"]) for name, row in found.items()} == expected
    for name, (shown, clicked) in expected.items():
        row = found[name]
        assert row["click_rate"] == pytest.approx(100 * clicked / shown)
        assert row["rate_low"] == pytest.approx(wilson(clicked, shown, -1), abs=1e-6)
        assert row["rate_high"] == pytest.approx(wilson(clicked, shown, 1), abs=1e-6)


def test_ads_are_ranked_and_their_change_is_measured(lab: Lab, duck: duckdb.DuckDBPyConnection) -> None:
    found = {row["ad_id"]: row for row in written(lab, duck, "ads")}
    shares = counted(duck, "ad_id")
    assert found.keys() == shares.keys()
    halves = counted(duck, "(ad_id, event_time::date > '2026-06-01')")
    first, second = ({ad: n for (ad, later), n in halves.items() if later is wanted} for wanted in (False, True))
    best = sorted(shares, key=lambda ad: (-wilson(shares[ad][1], shares[ad][0], -1), ad))
    worst = sorted(shares, key=lambda ad: (wilson(shares[ad][1], shares[ad][0], 1), ad))
    assert sorted(found, key=lambda ad: found[ad]["best_place"]) == best
    assert sorted(found, key=lambda ad: found[ad]["worst_place"]) == worst
    for ad in first.keys() & second.keys():
        (n1, c1), (n2, c2) = first[ad], second[ad]
        both = (c1 + c2) / (n1 + n2)
        row = found[ad]
        assert row["first_rate"] == pytest.approx(100 * c1 / n1)
        assert row["second_rate"] == pytest.approx(100 * c2 / n2)
        assert row["change_points"] == pytest.approx(100 * (c2 / n2 - c1 / n1))
        if both:
            assert row["z"] == pytest.approx((c2 / n2 - c1 / n1) / math.sqrt(both * (1 - both) * (1 / n1 + 1 / n2)))


@pytest.mark.parametrize("table", ["joined", "trends", "ads"])
def test_text_and_parquet_say_the_same(table: str, lab: Lab, duck: duckdb.DuckDBPyConnection) -> None:
    base = f"{lab.home}/s3/{TRENDS}"
    parquet = f"read_parquet('{base}/parquet/{table}/part*')"
    columns = [row[:2] for row in duck.execute(f"DESCRIBE SELECT * FROM {parquet}").fetchall()]
    text = (
        f"read_csv('{base}/text/{table}/part*', delim='\t', header=false, nullstr='\\N', quote='', escape='',"
        f" all_varchar=true, names={[name for name, _ in columns]})"
    )
    shown = ", ".join(f"round({name}::double, 6)" if kind == "DOUBLE" else f"{name}::varchar" for name, kind in columns)

    left = duck.execute(f"SELECT {shown} FROM {parquet} ORDER BY ALL").fetchall()

    assert left == duck.execute(f"SELECT {shown} FROM {text} ORDER BY ALL").fetchall()
    assert left


def test_the_planted_stories_are_found(lab: Lab, duck: duckdb.DuckDBPyConnection) -> None:
    stories = json.loads((lab.home / "s3" / LOGS / "truth.json").read_text())["stories"]
    found = {row["ad_id"]: row for row in written(lab, duck, "ads")}

    assert found[stories["best"]]["best_place"] == 1
    assert found[stories["worst"]]["worst_place"] == 1
    assert found[stories["fading"]]["z"] < -3


def test_the_answers_are_shown_and_drawn(lab: Lab) -> None:
    output = (lab.home.parent / "ads-output.txt").read_text()
    page = (lab.home / "ads.html").read_text()

    assert "Which ads are clicked most readily" in output
    assert "impressions joined with their clicks" in output
    for question in (1, 2, 3, 4):
        assert f'data-figure="q{question}-0"' in page
    assert "hive/ads/questions/01_ads.sql" in page
    assert "students" not in page.partition("<script")[0]


def test_the_steps_have_run_as_emr_steps(lab: Lab) -> None:
    steps = lab.succeed("emr", "steps")

    for name in ("Tables of the ad logs", "Join impressions and clicks", "Trends of the click rate"):
        assert any(name in line and "COMPLETED" in line for line in steps.splitlines())


def test_without_logs_nothing_is_started(fresh_lab: Lab) -> None:
    done = fresh_lab.run("ads", "run", "--keep-logs")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "lab: no impressions there (s3://5data-bucket-logs): run `lab ads fill`\n"


def test_the_warehouse_can_be_asked(lab: Lab) -> None:
    query = "select clicked, place from data_dev_ads.joined_text where impression_id = 'clicked'"

    assert lab.succeed("sql", "--csv", query) == "clicked,place\n1,1\n"
