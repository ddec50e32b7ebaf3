"""How `hive-script` of the cluster cuts a script into statements, and what it asks of HiveServer2."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyhive.exc import OperationalError

from lakelab.errors import LabError
from services.aws.emr.failure import cause
from services.hadoop.commands.hive_script import call_of, failure, shown
from services.hadoop.commands.statements import statements


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT 1", ["SELECT 1"]),
        (";;\n ;", []),
        ("-- a; comment\nSELECT 1; -- the end;", ["SELECT 1"]),
        ("SELECT /* one; two */ 1;", ["SELECT   1"]),
        ("SELECT /*+ MAPJOIN(a) */ 1;", ["SELECT /*+ MAPJOIN(a) */ 1"]),
        ("SELECT 'a;b', \"c;d\", `e;f`;SELECT 2", ["SELECT 'a;b', \"c;d\", `e;f`", "SELECT 2"]),
        (r"SELECT 'it\'s; \\'; SELECT 2", [r"SELECT 'it\'s; \\'", "SELECT 2"]),
        ("SELECT '-- no comment; /* nor this */'", ["SELECT '-- no comment; /* nor this */'"]),
        ("SELECT 4/2 - 1 -- 2;\n, 3", ["SELECT 4/2 - 1  \n, 3"]),
        ("SELECT 'never closed; at all", ["SELECT 'never closed; at all"]),
    ],
)
def test_statements_end_at_semicolons_that_are_not_quoted(script: str, expected: list[str]) -> None:
    assert list(statements(script)) == expected


def test_the_labs_own_script_is_a_view_and_a_table_for_each_of_the_eleven() -> None:
    script = Path(__file__).parents[2] / "hive" / "1_tables.hql"

    found = list(statements(script.read_text()))

    assert len(found) == 2 + 11 * 4
    assert sum(each.startswith("CREATE EXTERNAL TABLE ") for each in found) == 11
    assert sum(each.startswith("CREATE VIEW ") for each in found) == 11


def test_variables_and_settings_are_the_sessions_and_the_first_file_comes_first(tmp_path: Path) -> None:
    (tmp_path / "first").write_text("USE x")
    (tmp_path / "script").write_text("SELECT 2")

    call = call_of(
        ["-e", "SELECT 1", "--hivevar", "a=b=c", "-f", str(tmp_path / "script"), "--hiveconf", "k=v",
         "-i", str(tmp_path / "first"), "--database", "d"]
    )  # fmt: skip

    assert call.scripts == ["USE x", "SELECT 1", "SELECT 2"]
    assert call.settings == {"set:hivevar:a": "b=c", "set:hiveconf:k": "v"}
    assert call.database == "d"


def test_a_missing_script_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no such script"):
        call_of(["-f", str(tmp_path / "none")])


def test_values_are_printed_as_hives_own_shell_does() -> None:
    row = [None, True, 1.5, "text", date(2026, 1, 2), Decimal("1.50")]

    assert [shown(value) for value in row] == ["NULL", "true", "1.5", "text", "2026-01-02", "1.50"]


def answered(message: str) -> OperationalError:
    """PyHive's error with what HiveServer2 answered."""
    return OperationalError(SimpleNamespace(status=SimpleNamespace(errorMessage=message, infoMessages=[])))


def test_the_reason_of_a_failed_step_is_what_hive_says_and_not_the_statement() -> None:
    said = (
        "Error while compiling statement: FAILED: SemanticException [Error 10001]: Line 3:5 Table not found 'nothing'"
    )
    written = failure(answered(said), "SELECT *\nFROM\n    nothing")
    assert written == "in: SELECT *\nFROM\n    nothing\nFAILED: Line 3:5 Table not found 'nothing'"
    assert cause(written) == ("FAILED: Line 3:5 Table not found 'nothing'", "stderr")


def test_what_hive_says_in_many_lines_is_kept_in_the_log() -> None:
    said = (
        "Error while processing statement: FAILED: Execution Error, return code 2 from TezTask. diagnostics=[\n\tat X]"
    )
    written = failure(answered(said), "SELECT 1")
    assert written.startswith(f"in: SELECT 1\n{said}\n")
    assert cause(written) == ("FAILED: Execution Error, return code 2 from TezTask. diagnostics=[", "stderr")
