"""The generated ad logs: deterministic, with late records and copies, and with the planted facts in them."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakelab.errors import LabError
from seed.ads import market
from seed.ads.generator import generate

Record = dict[str, Any]


def read(folder: Path, log: str) -> list[tuple[str, Record]]:
    """Every line of a log, with the hour of its file."""
    found = []
    for path in sorted((folder / log).glob("arrived=*/*")):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        hour = path.parent.name.removeprefix("arrived=")
        found += [(hour, json.loads(line)) for line in content.decode().splitlines()]
    return found


def hour_of(record: Record) -> str:
    return record["event_time"][:13].replace("T", "-")


def truth(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "truth.json").read_text())
    return found


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ads") / "logs"
    generate(out, impressions=60_000, seed=11, days=4)
    return out


@pytest.fixture(scope="module")
def impressions(logs: Path) -> list[tuple[str, Record]]:
    return read(logs, "impressions")


@pytest.fixture(scope="module")
def clicks(logs: Path) -> list[tuple[str, Record]]:
    return read(logs, "clicks")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(impressions=st.integers(1, 3000), seed=st.integers(0, 2**31), days=st.integers(2, 5), compress=st.booleans())
def test_any_logs_can_be_counted_again_from_their_lines(
    impressions: int, seed: int, days: int, compress: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("any") / "logs"
    lines = generate(out, impressions=impressions, seed=seed, days=days, compress=compress)

    shown = {record["impression_id"]: record for _, record in read(out, "impressions")}
    clicked = {record["impression_id"] for _, record in read(out, "clicks")} & shown.keys()
    known = truth(out)

    assert (len(shown), len(clicked)) == (known["impressions"], known["clicked"])
    assert sum(lines.values()) == sum(known["lines"].values())
    for dimension, of in (
        ("ad", lambda r: r["ad_id"]),
        ("device", lambda r: r["device"]),
        ("position", lambda r: str(r["position"])),
        ("hour of day", lambda r: r["event_time"][11:13]),
        ("hour", hour_of),
    ):
        counted = Counter(map(of, shown.values()))
        clicks = Counter(of(shown[key]) for key in clicked)
        assert known["by"][dimension] == {name: [n, clicks[name]] for name, n in counted.items()}


def test_same_numbers_give_same_bytes_by_any_number_of_workers(tmp_path: Path) -> None:
    generate(tmp_path / "one", impressions=5000, seed=3, days=3, workers=1)
    generate(tmp_path / "two", impressions=5000, seed=3, days=3, workers=4)
    generate(tmp_path / "other", impressions=5000, seed=4, days=3, workers=1)

    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert content(tmp_path / "one") != content(tmp_path / "other")


def test_compressed_files_hold_the_same_lines(tmp_path: Path) -> None:
    generate(tmp_path / "plain", impressions=2000, seed=3, days=2)
    generate(tmp_path / "packed", impressions=2000, seed=3, days=2, compress=True)

    for log in ("impressions", "clicks"):
        assert read(tmp_path / "packed", log) == read(tmp_path / "plain", log)


def test_records_have_the_shape_that_the_tables_expect(
    impressions: list[tuple[str, Record]], clicks: list[tuple[str, Record]]
) -> None:
    assert {tuple(r) for _, r in impressions} == {
        ("impression_id", "event_time", "ad_id", "device", "position", "site")
    }
    assert {tuple(r) for _, r in clicks} == {("click_id", "impression_id", "event_time")}
    assert {r["device"] for _, r in impressions} == {"phone", "desktop", "tablet", "tv"}
    assert {r["position"] for _, r in impressions} == set(range(1, 9))


def test_some_records_come_late_and_none_before_its_event(
    impressions: list[tuple[str, Record]], clicks: list[tuple[str, Record]]
) -> None:
    for log, least, most in ((impressions, 0.010, 0.025), (clicks, 0.03, 0.07)):
        assert all(hour >= hour_of(record) for hour, record in log)
        late = sum(hour > hour_of(record) for hour, record in log) / len(log)
        assert least < late < most


def test_some_records_come_twice_and_are_then_the_same(
    impressions: list[tuple[str, Record]], clicks: list[tuple[str, Record]]
) -> None:
    for log, key, share in ((impressions, "impression_id", 0.01), (clicks, "click_id", 0.02)):
        first: dict[str, Record] = {}
        copies = 0
        for _, record in log:
            copies += record[key] in first
            assert first.setdefault(record[key], record) == record
        assert 0.5 * share < copies / len(first) < 1.5 * share


def test_some_are_clicked_twice_and_some_clicks_have_no_impression(
    logs: Path, impressions: list[tuple[str, Record]], clicks: list[tuple[str, Record]]
) -> None:
    shown = {r["impression_id"] for _, r in impressions}
    of = {r["click_id"]: r["impression_id"] for _, r in clicks}
    orphans = set(of.values()) - shown

    assert len(orphans) == truth(logs)["clicks_without_impression"] > 0
    assert 0.01 < 1 - len(set(of.values())) / len(of) < 0.05


def test_a_click_follows_its_impression_within_half_an_hour(
    impressions: list[tuple[str, Record]], clicks: list[tuple[str, Record]]
) -> None:
    shown = {r["impression_id"]: r["event_time"] for _, r in impressions}
    pairs = [(shown[r["impression_id"]], r["event_time"]) for _, r in clicks if r["impression_id"] in shown]

    assert all(before < after for before, after in pairs)


def test_the_stories_are_told_by_the_counts(logs: Path) -> None:
    known = truth(logs)

    def rate(dimension: str, category: str) -> float:
        shown, clicked = known["by"][dimension][category]
        return float(clicked) / shown

    by_ad = {ad: rate("ad", ad) for ad, (shown, _) in known["by"]["ad"].items() if shown > 1000}
    stories = known["stories"]
    assert max(by_ad, key=by_ad.__getitem__) == stories["best"]
    assert min(by_ad, key=by_ad.__getitem__) == stories["worst"]
    assert rate("half and ad", f"1 {stories['fading']}") > 2 * rate("half and ad", f"2 {stories['fading']}")
    assert rate("half and ad", f"2 {stories['rising']}") > 2 * rate("half and ad", f"1 {stories['rising']}")
    assert rate("hour of day", known["peak_hour"]) > 1.2 * rate("hour of day", "10")
    assert rate("device", "tv") < 0.3 * rate("device", "phone")
    assert rate("position", "1") > 2 * rate("position", "5")


def test_a_few_ads_have_most_of_the_impressions(logs: Path) -> None:
    shown = sorted((n for n, _ in truth(logs)["by"]["ad"].values()), reverse=True)

    assert len(shown) == market.ADS
    assert sum(shown[:4]) > 0.4 * sum(shown)


def test_memory_does_not_grow_with_the_logs(tmp_path: Path) -> None:
    peaks = []
    for impressions in (100_000, 400_000):
        tracemalloc.start()
        generate(tmp_path / str(impressions), impressions=impressions, seed=1, days=14)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 2 * peaks[0] + 1_000_000


@pytest.mark.parametrize("wrong", [{"impressions": 0}, {"days": 1}, {"days": 400}, {"seed": -1}])
def test_numbers_out_of_range_are_one_line(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"ask for|use 0"):
        generate(tmp_path / "logs", **{"impressions": 10, "seed": 1, **wrong})

    assert not (tmp_path / "logs").exists()


def test_a_folder_with_something_else_in_it_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(LabError, match=r"holds something else: notes\.txt"):
        generate(tmp_path, impressions=10, seed=1)

    assert content(tmp_path) == {"notes.txt": b"mine"}


def test_logs_replace_those_of_before(tmp_path: Path) -> None:
    generate(tmp_path / "logs", impressions=3000, seed=1, days=5)
    generate(tmp_path / "logs", impressions=10, seed=2, days=2)

    assert truth(tmp_path / "logs")["seed"] == 2
    assert sum(n for n, _ in truth(tmp_path / "logs")["by"]["ad"].values()) <= 10
