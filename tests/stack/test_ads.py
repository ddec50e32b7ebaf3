"""`ad_trends` from end to end: logs in S3, joined and counted by Hive, results in another bucket, a page of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from live import ENDED, PATIENCE, Live
from polling import poll_until

from lakelab.trends import Trend, read_trends

DAG = "ad_trends"
DIMENSIONS = ("ad", "device", "position", "hour of day", "hour")


def run(live: Live, *logs: str) -> dict[str, Any]:
    """New logs and a run of the DAG on them; returns what the trends should find."""
    live.succeed("ads", "fill", "--stack", *logs)
    airflow = live.stack.airflow
    run_id = airflow.trigger(DAG)
    state = poll_until(
        lambda: (found := str(airflow.run(DAG, run_id)["state"])) in ENDED and found, f"the end of {run_id}", PATIENCE
    )
    assert state == "success", airflow.tasks(DAG, run_id)
    with live.stack.storage.open(f"s3://{live.stack.settings.ad_logs_bucket}/truth.json") as stream:
        truth: dict[str, Any] = json.loads(stream.read())
    return truth


@pytest.fixture(scope="module")
def truth(live: Live) -> dict[str, Any]:
    """Of the second of two runs on different logs: nothing of the first may be left."""
    run(live, "--impressions", "3000", "--days", "3", "--seed", "8")
    return run(live, "--impressions", "20000", "--days", "2", "--gzip")


@pytest.fixture(scope="module")
def trends(live: Live, truth: dict[str, Any]) -> list[Trend]:
    return read_trends(live.stack.storage, f"s3://{live.stack.settings.ad_trends_bucket}/text/trends")


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_trends_are_those_that_were_planted(dimension: str, truth: dict[str, Any], trends: list[Trend]) -> None:
    found = {trend.category: [trend.impressions, trend.clicks] for trend in trends if trend.dimension == dimension}

    assert found == truth["by"][dimension]


def test_hive_shows_the_tables_with_the_stories(live: Live, truth: dict[str, Any]) -> None:
    with live.stack.warehouse() as hive:
        places = hive.rows("SELECT ad_id, best_place, worst_place, z FROM data_dev_ads.ads")
        rows = hive.rows("SELECT COUNT(*), SUM(clicked) FROM data_dev_ads.joined_text")

    assert next(ad for ad, best, _, _ in places if best == 1) == truth["stories"]["best"]
    assert next(ad for ad, _, worst, _ in places if worst == 1) == truth["stories"]["worst"]
    assert [tuple(row) for row in rows] == [(truth["impressions"], truth["clicked"])]


def test_parquet_holds_the_same_as_text(live: Live, truth: dict[str, Any], trends: list[Trend], tmp_path: Path) -> None:
    storage, base = live.stack.storage, f"s3://{live.stack.settings.ad_trends_bucket}/parquet"
    for table in ("joined", "trends"):
        (tmp_path / table).mkdir()
        for number, stored in enumerate(storage.list(f"{base}/{table}")):
            with storage.open(stored.uri) as stream:
                (tmp_path / table / f"{number}.parquet").write_bytes(stream.read())

    joined = duckdb.execute(f"SELECT count(*), sum(clicked) FROM read_parquet('{tmp_path}/joined/*')").fetchone()
    found = duckdb.execute(
        f"SELECT dimension, category, impressions, clicks, click_rate FROM read_parquet('{tmp_path}/trends/*')"
    ).fetchall()

    assert joined == (truth["impressions"], truth["clicked"])
    assert sorted(found) == [(t.dimension, t.category, t.impressions, t.clicks, t.click_rate) for t in trends]


def test_the_page_has_the_answers(live: Live, truth: dict[str, Any]) -> None:
    out = live.succeed("ads", "report")

    page = Path(out.splitlines()[-1]).read_text()
    assert f"{truth['stories']['best']} (" in page
    assert 'data-figure="q4-0"' in page
    assert "Join impressions and clicks" in page
