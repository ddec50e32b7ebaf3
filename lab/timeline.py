"""What a run did and when: shown as it goes, kept for the report."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from lab.report.model import Span

Report = Callable[[int, int], None]  # done, total


class Timeline:
    """Records the parts of a run. On a terminal each part has a live bar; elsewhere it is a line when it ends."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = datetime.now().astimezone()
        self.spans: list[Span] = []
        self._zero = time.monotonic()
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._zero

    def __enter__(self) -> Timeline:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[Part]:
        """A stage of the pipeline, for the length of the block."""
        part = Part(self, name, "stage")
        try:
            yield part
        except BaseException:
            part.end("FAILED")
            raise
        part.end("COMPLETED")

    def begin(self, name: str, kind: str = "step") -> Part:
        """A part whose end somebody else will tell."""
        return Part(self, name, kind)


class Part:
    """One part of a run while it lasts."""

    def __init__(self, timeline: Timeline, name: str, kind: str) -> None:
        self.name, self.kind, self.log = name, kind, ""
        self._timeline = timeline
        self._start = timeline.elapsed
        self._note = ""
        self._task: TaskID = timeline._bars.add_task(name, total=None, note="")

    def report(self, done: int, total: int) -> None:
        self._timeline._bars.update(self._task, completed=done, total=max(total, 1))

    def note(self, text: str) -> None:
        """A figure to show beside the part, such as how many rows."""
        self._note = text
        self._timeline._bars.update(self._task, note=text)

    def end(self, state: str) -> None:
        timeline = self._timeline
        duration = timeline.elapsed - self._start
        timeline.spans.append(Span(self.name, self.kind, self._start, duration, state, self.log))
        if state == "COMPLETED":
            timeline._bars.update(self._task, completed=1, total=1)
        else:
            timeline._bars.update(self._task, note=f"[red]{state}")
            timeline._bars.stop_task(self._task)
        if not timeline.console.is_terminal:
            mark = "✓" if state == "COMPLETED" else "✗"
            line = f"{mark} {self.name} {self._note}".rstrip()
            timeline.console.print(f"{line}  {duration:.1f} s", highlight=False, markup=False)
