"""`spark-submit` as steps call it: Spark's own, with the embedded lab's settings put before the user's.

There is no YARN here: `--master` and `--deploy-mode` are left out, and the log says so.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

REPLACED = {"--master", "--deploy-mode"}
# Options of spark-submit that stand alone; every other one takes a value.
FLAGS = {"--verbose", "-v", "--version", "--supervise", "--help", "-h", "--usage-error"}


def adapt(arguments: list[str], properties: Path) -> tuple[list[str], list[str]]:
    """The arguments to give to Spark's own spark-submit, and what was left out."""
    kept, dropped = ["--properties-file", str(properties)], []
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        name, _, value = option.partition("=")
        if name in FLAGS:
            kept.append(option)
            continue
        if not value:
            value = rest.pop(0) if rest else ""
        if name in REPLACED or (
            name in ("--conf", "-c") and value.split("=")[0] in ("spark.master", "spark.submit.deployMode")
        ):
            dropped.append(f"{name} {value}")
        elif name == "--properties-file":
            kept += _as_conf(Path(value))
        else:
            kept += [name, value]
    return kept + rest, dropped


def _as_conf(path: Path) -> list[str]:
    pairs = [line.split(None, 1) for line in path.read_text().splitlines() if line.strip() and line[0] != "#"]
    return [word for pair in pairs if len(pair) == 2 for word in ("--conf", f"{pair[0]}={pair[1].strip()}")]


def submit(arguments: list[str]) -> None:
    """Become spark-submit. Does not return."""
    program = Path(os.environ["SPARK_HOME"]) / "bin" / "spark-submit"
    kept, dropped = adapt(arguments, Path(os.environ["LAB_SPARK_PROPERTIES"]))
    for what in dropped:
        print(f"embedded lab: {what} is left out, Spark runs in this machine's own process", file=sys.stderr)
    sys.stderr.flush()
    os.execv(program, [str(program), *kept])


def main() -> None:
    submit(sys.argv[1:])


if __name__ == "__main__":
    main()
