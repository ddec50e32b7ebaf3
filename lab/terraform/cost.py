"""`lab cost`: what the last run would have cost on AWS, out of what it took here and the prices of one dated file.

A run's length here stands for its length there: the machines differ, so that this is the size of a bill and no bill.
EC2, EMR and EBS bill by the second, a minute at least: https://aws.amazon.com/blogs/aws/new-per-second-billing-for-ec2-instances-and-ebs-volumes/
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lab.report.model import RunRecord
from lakelab.errors import LabError

PRICES = Path(__file__).with_name("prices.json")
START_SECONDS = 360  # that a cluster takes to start on AWS, from the request on: it is billed, too
LEAST_SECONDS = 60  # that EC2 and EMR bill
NODE_GB = 64 + 15  # disks of a node: the volume that Terraform asks for, and the root's
HOURS_OF_MONTH = 730  # of an average one: AWS takes each month's own, 672 to 744
ANSWERS = 10
MB = 1_000_000  # Athena rounds a query's bytes up to it
LEAST_SCAN = 10 * MB  # bytes that Athena bills for a query
TB = 1e12  # Athena's page does not tell which terabyte it means: this one makes the dearer bill
GB = 2**30  # S3's, by the example of its FAQ: 100 GB are 107,374,182,400 bytes


@dataclass(frozen=True)
class Prices:
    """Prices in US dollars by name, of one region.

    compared is the day on which they were held against what others had published; elsewhere are the names of those
    that were found for other regions only.
    """

    compared: str
    region: str
    of: dict[str, float]
    elsewhere: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path = PRICES) -> Prices:
        """LabError when the file is not one of prices."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            region, prices = found["region"], found["prices"]
            of = {name: float(about["usd"]) for name, about in prices.items()}
            where = {name: {seen["region"] for seen in _taken(about)} for name, about in prices.items()}
            elsewhere = tuple(name for name in of if not where[name] & {region, "every"})
            return cls(found["compared"], region, of, elsewhere)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LabError(f"not a file of prices: {error}", where=str(path), fix="restore it from the clone") from None


def _taken(about: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures that speak for a price: those that the file does not set aside with a reason."""
    return [seen for seen in about["seen"] if "not_taken" not in seen]


@dataclass(frozen=True)
class Line:
    """A part of the bill: how much of what, and US dollars."""

    what: str
    amount: str
    usd: float


def estimate(run: RunRecord, prices: Prices) -> list[Line]:
    """The parts of a run's bill, with a cluster of one m5.xlarge that starts and ends with its steps."""
    steps = [span for span in run.timeline if span.kind == "step"]
    worked = max((s.start + s.duration for s in steps), default=0.0) - min((s.start for s in steps), default=0.0)
    hours = billed_seconds(START_SECONDS + worked) / 3600
    stage = next((size for size in run.sizes if size.name.startswith("stage")), None)
    kept = (stage.bytes if stage else 0) / GB
    # Each file is written once, and read by a step and by the proof; each step leaves four logs.
    puts, gets = (stage.files if stage else 0) + 4 * len(steps), 2 * (stage.files if stage else 0)
    marts = sum(size.bytes for size in run.sizes if size.name.startswith("marts"))
    scanned = ANSWERS * max(math.ceil(marts / MB) * MB, LEAST_SCAN)
    of = prices.of
    return [
        Line("EC2, one m5.xlarge", f"{hours:.2f} h", hours * of["ec2_m5.xlarge_hour"]),
        Line("EMR, for it", f"{hours:.2f} h", hours * of["emr_m5.xlarge_hour"]),
        Line("EBS and address, for it", f"{hours:.2f} h", hours * _beside(of)),
        Line("S3, a month of the stage", f"{kept:.3f} GB", kept * of["s3_standard_gb_month"]),
        Line(
            "S3, requests", f"{puts} put, {gets} get", puts / 1000 * of["s3_put_1000"] + gets / 1000 * of["s3_get_1000"]
        ),
        Line("Athena, the ten answers", f"{scanned // MB:,} MB scanned", scanned / TB * of["athena_tb_scanned"]),
    ]


def billed_seconds(seconds: float) -> int:
    """What EC2 and EMR bill for that many seconds of an instance: whole ones, and a minute at least."""
    return max(math.ceil(seconds), LEAST_SECONDS)


def _beside(of: dict[str, float]) -> float:
    return NODE_GB * of["ebs_gp3_gb_month"] / HOURS_OF_MONTH + of["public_ipv4_hour"]


def standing(prices: Prices) -> dict[str, float]:
    """What stands costs a month: the scheduler with 30 GB; a cluster that nobody ends, with the key of its disks.

    The key is one in its first year: KMS bills the first and the second yearly rotation as one more each.
    """
    of = prices.of
    scheduler = HOURS_OF_MONTH * (of["ec2_t3.medium_hour"] + of["public_ipv4_hour"]) + 30 * of["ebs_gp3_gb_month"]
    node = of["ec2_m5.xlarge_hour"] + of["emr_m5.xlarge_hour"] + _beside(of)
    return {"scheduler": scheduler, "cluster": HOURS_OF_MONTH * node + of["kms_key_month"]}


def show(console: Console, *, on_stack: bool) -> None:
    """Print the estimate for the last run. LabError when there was none."""
    run, prices = RunRecord.read(_record(on_stack)), Prices.read()
    lines = estimate(run, prices)
    table = Table("part", "how much", "USD", title=f"The run of {run.started}, {run.scale:,} {run.counted}s, on AWS")
    for line in lines:
        table.add_row(line.what, line.amount, f"{line.usd:.4f}")
    table.add_row("in all", "", f"{sum(line.usd for line in lines):.4f}", style="bold")
    console.print(table)
    month = standing(prices)
    other = f", and not seen for this region: {', '.join(prices.elsewhere)}" if prices.elsewhere else ""
    said = (
        f"Prices of {prices.region}, without tax and free tiers, compared on {prices.compared} with what others "
        f"published of AWS's lists and bills, not with AWS itself (lab/terraform/prices.json){other}. "
        "What stands costs by the month: "
        f"the scheduler {month['scheduler']:.0f} USD, a cluster that nobody ends {month['cluster']:.0f} USD."
    )
    console.print(said, highlight=False)


def _record(on_stack: bool) -> Path:
    if on_stack:
        from lab.stack.place import Stack

        path = Stack.of_this_clone().folder / "run.json"
        if not path.exists():
            raise LabError("no report of a run", where=str(path), fix="run `lab report --stack` first")
        return path
    from lab.embedded.place import Place
    from lakelab.settings import load_settings

    return Place(load_settings()).run_record
