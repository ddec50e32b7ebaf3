"""Ad logs made and put where the steps read them: s3://…-logs/{impressions,clicks}."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.timeline import Timeline
from lakelab.settings import Settings
from lakelab.storage import Storage
from seed.ads.generator import CLICKS, IMPRESSIONS, generate
from seed.writer import TRUTH

AT_ONCE = 8  # files on their way to a store that answers over the network


@dataclass(frozen=True)
class Logs:
    """What logs to make. seed None: that of the settings."""

    impressions: int = 200_000
    days: int = 7
    compress: bool = False
    seed: int | None = None


def make_logs(out: Path, wanted: Logs, settings: Settings, timeline: Timeline) -> Counter[str]:
    """Generate the logs in a folder; returns the lines of each."""
    with timeline.stage(f"Make logs of {wanted.impressions:,} impressions") as part:
        lines = generate(
            out,
            impressions=wanted.impressions,
            seed=settings.seed if wanted.seed is None else wanted.seed,
            days=wanted.days,
            compress=wanted.compress,
            workers=os.cpu_count() or 1,
            progress=part.report,
        )
        part.note(f"{lines[IMPRESSIONS]:,} and {lines[CLICKS]:,} lines")
    return lines


def fill_bucket(
    storage: Storage,
    create_bucket: Callable[[str], None],
    settings: Settings,
    wanted: Logs,
    timeline: Timeline,
    scratch: Path,
) -> Counter[str]:
    """Make logs and put them into their bucket, in the place of any that are there; returns the lines of each log.

    scratch: a folder to make them in.  LabError: numbers out of range, no room, the store refuses.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ad-logs-", dir=scratch) as name:
        folder = Path(name) / "logs"
        lines = make_logs(folder, wanted, settings, timeline)
        with timeline.stage(f"Put them into s3://{settings.ad_logs_bucket}") as part:
            create_bucket(settings.ad_logs_bucket)
            create_bucket(settings.ad_trends_bucket)
            for log in (IMPRESSIONS, CLICKS):
                storage.delete(f"s3://{settings.ad_logs_bucket}/{log}")
            files = [path for path in sorted(folder.rglob("*")) if path.is_file()]

            def put(path: Path) -> None:
                storage.put(path, f"s3://{settings.ad_logs_bucket}/{path.relative_to(folder).as_posix()}")

            with ThreadPoolExecutor(AT_ONCE) as pool:
                for done, _ in enumerate(pool.map(put, files), 1):
                    part.report(done, len(files))
            size = sum(path.stat().st_size for path in files)
            part.note(f"{len(files)} files, {size / 1e6:.0f} MB")
    return lines


__all__ = ["CLICKS", "IMPRESSIONS", "TRUTH", "Logs", "fill_bucket", "make_logs"]
