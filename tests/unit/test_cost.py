"""`lab cost`: the bill of a run, by hand and by the command's own arithmetic."""

from __future__ import annotations

import io
import json
import re
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from lab.report.model import RunRecord, Size, Span
from lab.terraform.cost import PRICES, Prices, billed_seconds, estimate, show, standing
from lakelab.errors import LabError

PAGE = Path(__file__).parents[2] / "docs" / "aws.md"
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
    sizes = (Size("stage (S3)", 2_147_483_648, 11), Size("marts (Hive)", 50_000_000, 9))
    lines = {line.what: line for line in estimate(record(*sizes), Prices("", "", OF))}
    assert lines["S3, a month of the stage"].usd == pytest.approx(2 * 0.02)
    assert lines["S3, requests"].amount == "19 put, 22 get"
    assert lines["S3, requests"].usd == pytest.approx(0.019 * 5 + 0.022)
    assert lines["Athena, the ten answers"].usd == pytest.approx(0.0005 * 5)  # ten times 50 MB


def test_athena_bills_ten_megabytes_at_least():
    (line,) = [line for line in estimate(record(), Prices("", "", OF)) if line.what.startswith("Athena")]
    assert line.amount == "100 MB scanned"


def test_what_stands_by_the_month():
    month = standing(Prices("", "", OF))
    assert month["scheduler"] == pytest.approx(730 * 0.11 + 30 * 0.73)
    assert month["cluster"] == pytest.approx(730 * (1.5 + 79 * 0.73 / 730 + 0.01) + 1)


def test_a_bill_by_hand():
    """With Ireland's prices of 2026: worked out by hand, as AWS's pages tell how each part is billed."""
    of = {
        "ec2_m5.xlarge_hour": 0.214, "emr_m5.xlarge_hour": 0.048, "ec2_t3.medium_hour": 0.0456,
        "ebs_gp3_gb_month": 0.088, "public_ipv4_hour": 0.005, "s3_standard_gb_month": 0.023,
        "s3_put_1000": 0.005, "s3_get_1000": 0.0004, "athena_tb_scanned": 5.0, "kms_key_month": 1.0,
    }  # fmt: skip
    steps = (Span("copy", "step", 10.0, 20.0), Span("marts", "step", 40.0, 51.25))  # 81.25 s, and 360 to start: 442 s
    sizes = (Size("stage (S3)", 5_368_709_120, 1_100), Size("marts (Hive)", 50_000_001, 9))  # 5 GiB; 51 MB of an answer
    run = RunRecord("t", "embedded", 5, 500, "2026-11-28T10:00:00", 92.0, timeline=steps, sizes=sizes)
    assert {line.what: round(line.usd, 7) for line in estimate(run, Prices("", "", of))} == {
        "EC2, one m5.xlarge": 0.0262744,  # 442 / 3600 of 0.214
        "EMR, for it": 0.0058933,  # 442 / 3600 of 0.048
        "EBS and address, for it": 0.0017831,  # 442 / 3600 of 79 * 0.088 / 730 + 0.005 = 0.0145233
        "S3, a month of the stage": 0.115,  # 5 of 0.023
        "S3, requests": 0.00642,  # 1,108 of 0.000005, and 2,200 of 0.0000004
        "Athena, the ten answers": 0.00255,  # 510 MB of 5 a million of them
    }


@pytest.mark.parametrize(("seconds", "billed"), [(0.0, 60), (59.9, 60), (60.0, 60), (60.01, 61), (3600.0, 3600)])
def test_whole_seconds_are_billed_and_a_minute_at_least(seconds: float, billed: int):
    assert billed_seconds(seconds) == billed


def test_a_gigabyte_of_s3_is_that_of_its_faq():
    (line,) = [
        line for line in estimate(record(Size("stage", 107_374_182_400, 1)), Prices("", "", OF)) if "month" in line.what
    ]
    assert line.amount == "100.000 GB"


def test_each_price_has_a_figure_of_somebody_else_with_its_day():
    found = json.loads(PRICES.read_text())
    assert set(OF) == set(found["prices"])
    for name, about in found["prices"].items():
        assert about["from"].startswith("https://aws.amazon.com/"), name
        assert any(seen["date"] for seen in about["seen"]), name
        for seen in about["seen"]:
            assert seen["at"].startswith("https://"), name
            assert not seen["date"] or date.fromisoformat(seen["date"]) <= date.fromisoformat(found["compared"]), name
            # Another figure is there only with the reason why it was not taken.
            assert (seen["usd"] == about["usd"]) != bool(seen.get("not_taken")), name


def test_the_page_has_the_files_prices():
    """docs/aws.md's table, row by row: price, US dollars, region and day of its newest figure."""
    found = json.loads(PRICES.read_text())
    rows = re.findall(r"^\| `(\w[\w.]+)` \| ([\d.]+) \| (.+), (\d{4}-\d\d-\d\d) \|$", PAGE.read_text(), re.MULTILINE)
    expected = {}
    for name, about in found["prices"].items():
        newest = max((seen for seen in about["seen"] if "not_taken" not in seen), key=lambda seen: seen["date"])
        expected[name] = (about["usd"], newest["region"], newest["date"])
    assert {name: (float(usd), region, day) for name, usd, region, day in rows} == expected
    assert f"On {found['compared']}" in PAGE.read_text()


def test_what_was_seen_elsewhere_only_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    path = tmp_path / "run.json"
    record().write(path)
    monkeypatch.setattr("lab.terraform.cost._record", lambda on_stack: path)
    out = io.StringIO()
    show(Console(width=400, file=out), on_stack=False)
    said = out.getvalue()
    assert "not with AWS itself" in said
    assert "not seen for this region: emr_m5.xlarge_hour." in said


def test_a_broken_file_is_told(tmp_path: Path):
    (tmp_path / "prices.json").write_text("{}")
    with pytest.raises(LabError, match="not a file of prices"):
        Prices.read(tmp_path / "prices.json")
