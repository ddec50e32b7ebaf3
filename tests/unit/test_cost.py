"""`lab cost`: the bill of a run, by hand and by the command's own arithmetic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.report.model import RunRecord, Size, Span
from lab.terraform.cost import PRICES, Prices, estimate, standing
from lakelab.errors import LabError

OF = {
    "ec2_m5.xlarge_hour": 1.0, "emr_m5.xlarge_hour": 0.5, "ec2_t3.medium_hour": 0.1, "ebs_gp3_gb_month": 0.73,
    "public_ipv4_hour": 0.01, "s3_standard_gb_month": 0.02, "s3_put_1000": 5.0, "s3_get_1000": 1.0,
    "athena_tb_scanned": 5.0, "kms_key_month": 1.0,
}  # fmt: skip


def record(*sizes: Size) -> RunRecord:
    steps = (Span("copy", "step", 10.0, 20.0), Span("marts", "step", 40.0, 30.0), Span("unload", "stage", 0.0, 900.0))
    return RunRecord("t", "embedded", 5, 500, "2026-11-28T10:00:00", 70.0, timeline=steps, sizes=sizes)


def test_a_cluster_is_billed_from_its_start_to_its_last_step():
    """360 s to start, and 60 s from the first step's start to the last one's end."""
    lines = {line.what: line.usd for line in estimate(record(), Prices("", "", OF))}
    hours = 420 / 3600
    assert lines["EC2, one m5.xlarge"] == pytest.approx(hours)
    assert lines["EMR, for it"] == pytest.approx(hours / 2)
    assert lines["EBS and address, for it"] == pytest.approx(hours * (79 * 0.73 / 730 + 0.01))


def test_what_is_kept_asked_for_and_scanned():
    sizes = (Size("stage (S3)", 2_000_000_000, 11), Size("marts (Hive)", 50_000_000, 9))
    lines = {line.what: line for line in estimate(record(*sizes), Prices("", "", OF))}
    assert lines["S3, a month of the stage"].usd == pytest.approx(2 * 0.02)
    assert lines["S3, requests"].amount == "19 put, 22 get"
    assert lines["S3, requests"].usd == pytest.approx(0.019 * 5 + 0.022)
    assert lines["Athena, the ten answers"].usd == pytest.approx(0.0005 * 5)  # ten times 50 MB


def test_athena_bills_ten_megabytes_at_least():
    (line,) = [line for line in estimate(record(), Prices("", "", OF)) if line.what.startswith("Athena")]
    assert line.amount == "0.10 GB scanned"


def test_what_stands_by_the_month():
    month = standing(Prices("", "", OF))
    assert month["scheduler"] == pytest.approx(730 * 0.11 + 30 * 0.73)
    assert month["cluster"] == pytest.approx(730 * (1.5 + 79 * 0.73 / 730 + 0.01) + 1)


def test_the_file_of_prices_is_dated_and_tells_where_each_stood():
    found = json.loads(PRICES.read_text())
    assert Prices.read().date == found["date"] >= "2025-01-01"
    assert all(about["from"].startswith("https://aws.amazon.com/") for about in found["prices"].values())
    assert set(OF) == set(found["prices"])


def test_a_broken_file_is_told(tmp_path: Path):
    (tmp_path / "prices.json").write_text("{}")
    with pytest.raises(LabError, match="not a file of prices"):
        Prices.read(tmp_path / "prices.json")
