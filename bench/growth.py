"""How the whole pipeline grows with the school, phase by phase."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.measure import Section, Spent, Tell, in_process, megabytes, spread
from bench.pipeline import silent
from bench.place import scratch_place
from lab.embedded.place import Place
from lab.pipeline import run_pipeline
from lab.report.model import Span
from lab.school import fill_generated

WARM_UP = 200  # students of the run that makes caches and cluster, before anything is measured
PREPARE, GENERATE, LOAD, UNLOAD, STEPS, PROOF, ANSWERS, REST = (
    "prepare", "generate", "load", "unload", "steps", "proof", "answers", "start, stop and report",
)  # fmt: skip
PHASES = (GENERATE, LOAD, UNLOAD, STEPS, PROOF, ANSWERS, PREPARE, REST)
WHOLE = "whole pipeline"
# What the pipeline calls its stages; the steps of EMR are of another kind.
_STAGES = {
    "Prepare the catalogue": PREPARE,
    "Make a school": GENERATE,
    "Load the ERP": LOAD,
    "Unload to the stage": UNLOAD,
    "Compare ERP": PROOF,
    "Answer the questions": ANSWERS,
}


@dataclass(frozen=True)
class Grown:
    """One run: seconds of each phase and of the whole, rows of all tables."""

    seconds: dict[str, float]
    rows: int


def growth(sizes: tuple[int, ...], rounds: int, tell: Tell) -> Section:
    """A column a size, a row a phase. Sizes take turns; the first run of the lab is not counted."""
    runs: dict[int, list[Spent]] = {students: [] for students in sizes}
    with scratch_place(WARM_UP, seed=5) as place:
        tell("first run, which makes the caches")
        in_process(whole_pipeline, place)
        for number in range(rounds):
            for students in sizes:
                tell(f"round {number + 1} of {rounds}: {students:,} students")
                sized = Place(dataclasses.replace(place.settings, students=students))
                runs[students].append(in_process(whole_pipeline, sized, also=str(place.emr)))
    rows = [*(_phase(phase, runs) for phase in (*PHASES, WHOLE)), *_figures(runs)]
    grown = [f"{size / sizes[0]:.3g} x students" for size in sizes[1:]]
    about = (
        f"The whole pipeline on a lab that has run before, each run in a process of its own; seconds, {rounds} "
        f"alternating round{'s' if rounds > 1 else ''}, in brackets the least and the most. The last columns are how "
        f"many times as much it is as with {sizes[0]:,} students. Phases that run beside each other count for each. "
        "Memory is that of all processes but the database server's."
    )
    columns = ("phase", *(f"{students:,} students" for students in sizes), *grown)
    return Section("Growth", about, columns, tuple(rows))


def whole_pipeline(place: Place) -> Grown:
    """Make the school, load it, run everything on it."""
    timeline = silent()
    outcome = run_pipeline(place, timeline, fill=partial(fill_generated, dirt=0.0))
    rows = sum(check.erp.rows for check in outcome.record.tables if check.erp)
    return Grown(by_phase(timeline.spans, timeline.elapsed), rows)


def by_phase(spans: Iterable[Span], whole: float) -> dict[str, float]:
    """Seconds of each phase: of a stage its own, of the steps from the first's start to the last's end, of the rest
    what nothing else accounts for."""
    spans = list(spans)
    seconds = dict.fromkeys(PHASES, 0.0)
    for span in spans:
        if span.kind == "stage":
            seconds[_phase_of(span.name)] += span.duration
    steps = [span for span in spans if span.kind == "step"]
    if steps:
        seconds[STEPS] = max(s.start + s.duration for s in steps) - min(s.start for s in steps)
    seconds[REST] = max(0.0, whole - sum(seconds.values()))
    return {**seconds, WHOLE: whole}


def _phase_of(stage: str) -> str:
    found = [phase for name, phase in _STAGES.items() if stage.startswith(name)]
    if len(found) != 1:
        raise AssertionError(f"the pipeline's stage {stage!r} belongs to no phase")
    return found[0]


def _phase(phase: str, runs: dict[int, list[Spent]]) -> tuple[str, ...]:
    seconds = [[each.result.seconds[phase] for each in of_size] for of_size in runs.values()]
    return (phase, *(spread(values, ".1f") for values in seconds), *_times(seconds))


def _times(values: Sequence[Sequence[float]]) -> list[str]:
    """How many times the first size's median the others' are; nothing where there is no time to speak of."""
    first, *others = (statistics.median(each) for each in values)
    return [f"{other / first:.1f} x" if first >= 0.05 else "" for other in others]


def _figures(runs: dict[int, list[Spent]]) -> list[tuple[str, ...]]:
    rows = [[float(each.result.rows) for each in of_size] for of_size in runs.values()]
    speed = [[each.result.rows / each.result.seconds[WHOLE] for each in of_size] for of_size in runs.values()]
    memory = [[float(max(each.peak for each in of_size))] for of_size in runs.values()]
    return [
        ("rows of all tables", *(f"{each[0]:,.0f}" for each in rows), *_times(rows)),
        ("rows/s, whole pipeline", *(f"{statistics.median(each):,.0f}" for each in speed), *_times(speed)),
        ("peak memory", *(megabytes(each[0]) for each in memory), *_times(memory)),
    ]
