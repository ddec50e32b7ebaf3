"""At the end of a run with `--durations`, the time that each file of tests took: where to look when CI gets slow."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("durations"):
        return
    taken: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                taken[report.nodeid.partition("::")[0]] += report.duration
    terminalreporter.section("each file")
    for name, seconds in taken.most_common():
        terminalreporter.write_line(f"{int(seconds) // 60:4d}:{int(seconds) % 60:02d}  {name}")
