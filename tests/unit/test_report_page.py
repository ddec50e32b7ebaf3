"""The page: what it says, that it is safe, and that it needs nothing from outside."""

import io
import json
import re
from html.parser import HTMLParser

import pytest
from report_sample import QUESTIONS, answer, run
from rich.console import Console

from lab.report import charts, numbers
from lab.report.figure import PALETTE
from lab.report.model import KILLED, TITLE, Digest, RunRecord, TableCheck
from lab.report.page import render, summary, write_report
from lab.report.screenshot import find_browser, screenshot
from lab.report.sqltext import highlight
from lab.report.terminal import print_answers
from lakelab.errors import LabError

EVIL = '</script><script>alert("x")</script>'


class Reader(HTMLParser):
    """Collects elements, the addresses that they load, and the text outside scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []
        self.styles: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._inside = tag if tag in ("script", "style") else ""
        for name, value in attrs:
            if name in ("src", "href", "action", "data", "poster", "srcset"):
                self.addresses.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "style":
            self.styles.append(data)
        elif not self._inside:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def competitors(*names: str):
    columns = "school students_lost contacts_lost share_of_lost main_reason folded"
    return answer(9, columns, *((name, 9 - i, 4, 10.0, "money", 0) for i, name in enumerate(names)))


@pytest.fixture(scope="module")
def page() -> str:
    return render(run(), [competitors("Epitech", EVIL)])


def test_the_page_loads_nothing(page):
    reader = read(page)
    assert [a for a in reader.addresses if not a.startswith("#")] == []
    assert {a[1:] for a in reader.addresses} <= set(reader.ids)
    assert not re.search(r"@import|url\(", "".join(reader.styles))
    assert reader.tags.count("link") == 0
    assert "default-src 'none'" in page


def test_text_from_the_data_stays_text(page):
    reader = read(page)
    assert EVIL not in page
    assert EVIL in reader.words
    figures = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.DOTALL)
    drawn = json.loads(figures[1])["q9-0"]["data"][0]
    assert drawn["y"] == ["Epitech", EVIL.replace("<", "&lt;").replace(">", "&gt;")]


def test_the_page_tells_the_run(page):
    words = read(page).words
    assert "5,000 students, 6 tables, 112,838 rows, the same in ERP, stage and presentation" in words
    assert "1 question answered; the run took 38 s." in words
    assert "Epitech takes the most: 9 students" in words
    assert "two students have the same e-mail error 3 hdfs:///dev/quarantine/ERP/students/" in words
    assert "campus_id 99 is not a campus 2 814" in words
    assert "mart_companies 38 5 5 190" in words
    assert "s3://5data-bucket/j-1ABCDEFGHIJKL/steps/s-2ABCDEFGHIJKL/" in words
    assert "Spark 3.5.9" in words
    assert "stage 12 MB 11 files" in words


def test_every_chart_has_its_table_and_a_text(page):
    assert re.search(r'<div class="plot"[^>]*role="img" aria-label="Chart: Epitech takes the most', page)
    assert "Students lost Contacts lost" in read(page).words
    assert '<details class="data" open>' in page  # closed by a script only: without scripts the table shows


def test_a_difference_between_tiers_shows():
    one = Digest(5, "aaaa")
    record = run(tables=(TableCheck("students", one, one, Digest(4, "bbbb")),), error="students differ (presentation)")
    page = render(record, [])
    assert "This run failed. students differ (presentation)" in read(page).words
    assert '<tr class="differs"><th scope="row">students' in page
    assert summary(record, []) == (
        "5 students, 1 table, 5 rows, but the tiers differ; 0 questions answered; the run took 38 s."
    )


def test_an_answer_without_rows_has_no_chart():
    question = QUESTIONS[9]
    page = render(run(), [question.answer(question.chart.columns, [])])
    assert "There is nothing to say: the answer has no rows." in read(page).words
    assert 'class="plot"' not in page
    assert "plotly.js v" not in page


def test_a_run_that_found_nothing_wrong_says_so():
    words = read(render(run(findings=(), refused=(), timeline=(), anonymity=(), sizes=()), [])).words
    assert "No row was set aside" in words
    assert "How it ran" not in words


def test_of_a_run_that_was_killed_nothing_good_is_told():
    words = read(render(RunRecord(TITLE, "embedded", None, 0, "2026-06-30T14:05:09", 0.0, error=KILLED), [])).words
    assert f"This run failed. {KILLED}" in words
    assert "set aside" not in words


def test_the_page_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "report.html"
    write_report(path, run(), [])
    before = path.read_text(encoding="utf-8")
    broken = answer(8, "company hires apprentices", ("A", 1, 2))
    with pytest.raises(LabError, match=r"08_companies\.sql"):
        write_report(path, run(), [broken])
    assert path.read_text(encoding="utf-8") == before
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_page_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match="cannot write"):
        write_report(tmp_path / "file" / "report.html", run(), [])


def test_dimensions_get_a_panel_each_and_the_school_is_the_line():
    columns = "factor category students drop_outs drop_out_rate share_of_drop_outs spread"
    rows = [("school", "whole school", 50, 7, 14.0, 100.0, None), ("reason", "work", 50, 5, 10.0, 70.0, 0.0)]
    rows += [("region", f"R{i:02d}", 50, 5, 20.0 - i, 5.0, 9.0) for i in range(12)]
    made = answer(2, columns, *rows)
    reason, region = charts.figures(made)
    assert (reason.title, region.title) == ("Reason", "Region")
    assert "shapes" not in reason.layout
    assert region.layout["shapes"][0]["x0"] == 14.0
    assert region.data[0]["y"] == [f"R{i:02d}" for i in range(10)]
    assert reason.layout["xaxis"]["range"] == region.layout["xaxis"]["range"]
    assert charts.caption(made) == "Not in the chart, but in the table: what comes after the first 10 of each group."


def test_bands_keep_their_order_and_groups_without_data_stay_in_the_table():
    columns = "factor category students drop_outs drop_out_rate share_of_drop_outs spread"
    bands = ["no lessons", "below 60%", "90% and more", "70 to 80%", "60 to 70%"]
    rows = [("attendance", name, 50, 5, 90.0 - i, 5.0, 9.0) for i, name in enumerate(bands)]
    rows += [("promotion", name, 50, 5, 9.0, 5.0, 9.0) for name in ("MSC1", "BSC2", "BSC1")]
    rows += [("region", name, 50, 5, 9.0, 5.0, 9.0) for name in ("Grand Est", "Bretagne")]
    made = answer(2, columns, *rows)
    assert [figure.data[0]["y"] for figure in charts.figures(made)] == [
        ["below 60%", "60 to 70%", "70 to 80%", "90% and more"],
        ["BSC1", "BSC2", "MSC1"],
        ["Grand Est", "Bretagne"],
    ]
    assert charts.caption(made) == "Not in the chart, but in the table: “no lessons”."


def test_folded_rows_are_left_to_the_table():
    columns = "company hires apprentices folded"
    made = answer(8, columns, ("Orange", 9, 2, 0), ("other companies", 600, None, 230))
    (figure,) = charts.figures(made)
    assert [(t["name"], t["x"], t["y"]) for t in figure.data] == [
        ("Hires", [9], ["Orange"]),
        ("Apprentices", [2], ["Orange"]),
    ]
    assert charts.caption(made) == "Not in the chart, but in the table: “other companies” (230 folded)."


def test_a_forecast_is_dashed_and_opens_from_the_last_measured_point():
    columns = "area intake_year kind students low_80 high_80 low_95 high_95"
    made = answer(
        10,
        columns,
        ("whole school", 2024, "actual", 90, None, None, None, None),
        ("whole school", 2025, "actual", 100, None, None, None, None),
        ("whole school", 2026, "forecast", 110, 105, 115, 100, 120),
        ("Bretagne", 2025, "actual", 10, None, None, None, None),
    )
    school, region = charts.figures(made)
    wide, narrow, actual, forecast = school.data
    assert (wide["name"], wide["x"], wide["y"]) == ("95% interval", [2025, 2026, 2026, 2025], [100, 120, 100, 100])
    assert (narrow["name"], narrow["y"]) == ("80% interval", [100, 115, 105, 100])
    assert (actual["x"], actual["y"]) == ([2024, 2025], [90, 100])
    assert (forecast["x"], forecast["y"], forecast["line"]["dash"]) == ([2025, 2026], [100, 110], "dash")
    assert [trace["name"] for trace in region.data] == ["actual"]
    assert (school.wide, region.wide) == (True, False)


def test_a_scatter_names_its_points_and_draws_the_expectation():
    columns = "region students youth_population expected_students"
    made = answer(3, columns, ("B & B", 30, 200, 40.0), ("A", 70, 100, 20.0))
    (figure,) = charts.figures(made)
    line, points = figure.data
    assert (line["x"], line["y"]) == ([100.0, 200.0], [20.0, 40.0])
    assert (points["text"], points["x"], points["y"]) == (["B &amp; B", "A"], [200, 100], [30, 70])
    assert figure.layout["xaxis"]["title"]["text"] == "Youth population (thousand people)"


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", PALETTE)
@pytest.mark.parametrize("page_colour", ["#fbfbf9", "#14171c"])
def test_chart_colours_stand_out_in_both_themes(colour, page_colour):
    low, high = sorted((luminance(colour), luminance(page_colour)))
    assert (high + 0.05) / (low + 0.05) >= 3


def test_sql_is_escaped_and_coloured():
    assert highlight("SELECT ROUND(a < 1, 2) -- <b>\nFROM 'x''y'") == (
        '<span class="k">SELECT</span> <span class="f">ROUND</span>(a &lt; <span class="n">1</span>, '
        '<span class="n">2</span>) <span class="c">-- &lt;b&gt;</span>\n<span class="k">FROM</span> '
        '<span class="s">&#39;x&#39;&#39;y&#39;</span>'
    )


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (numbers.number(1234567), "1,234,567"),
        (numbers.number(-1234.56, 1), "−1,234.6"),  # noqa: RUF001
        (numbers.number(-0.001, 1), "0.0"),
        (numbers.short(4.04), "4"),
        (numbers.short(4.06), "4.1"),
        (numbers.cell(2026, "intake_year"), "2026"),
        (numbers.cell(None), "–"),  # noqa: RUF001
        (numbers.cell(True), "yes"),
        (numbers.seconds(0.42), "0.42 s"),
        (numbers.seconds(9.96), "10 s"),
        (numbers.seconds(59.7), "1 min 00 s"),
        (numbers.seconds(7505), "2 h 05 min"),
        (numbers.size(999), "999 B"),
        (numbers.size(1_240_000), "1.2 MB"),
        (numbers.size(99_960_000_000), "100 GB"),
        (numbers.count(1, "row"), "1 row"),
        (numbers.axis_title("best_share"), "Best share (%)"),
        (numbers.axis_title("median_months"), "Median months"),
        (numbers.join(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_numbers_are_written_for_people(made, text):
    assert made == text


def printed(made, width: int = 100) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    print_answers(console, [made])
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_the_terminal_shows_sentence_and_first_rows():
    lines = printed(competitors(*[f"School {i} [bold]" for i in range(9)]))
    assert lines[1] == "9. Which competing schools take our students?"
    assert lines[2].startswith("   School 0 [bold] takes the most: 9 students, 10% of those lost to a named school,")
    assert "   School           Students lost  Contacts lost  Share of lost (%)  Main reason  Folded" in lines
    assert "   School 7 [bold]              2              4                 10  money             0" in lines
    assert not any("School 8" in line for line in lines)
    assert any("and 1 more row" in line for line in lines)


def test_a_narrow_terminal_keeps_the_columns_of_the_chart():
    lines = printed(competitors("Epitech"), width=50)
    assert "   School   Students lost  Contacts lost" in lines


def test_a_picture_needs_a_page_and_a_browser(tmp_path, monkeypatch):
    with pytest.raises(LabError, match="no page to take a picture of"):
        screenshot(tmp_path / "none.html", tmp_path / "out.png")
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    with pytest.raises(LabError, match=r"no browser no-such-browser .*install chromium"):
        find_browser()
