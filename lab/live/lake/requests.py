"""What is asked of the lake from inside its container: `python -m lab.live.lake.requests NUMBER` erases a student.

The lake has one writer, so that one does it, between two batches. A request is a file, and so is its answer; both are
gone with the container, and then whoever asked is told so.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from lab.live.lake.erasing import Erased
from lab.waiting import until
from lakelab.errors import LabError

FOLDER = Path("/tmp/lake-erase")
SECONDS = 300.0  # for the ERP's deletions to come, and the files to be written


def asked(folder: Path = FOLDER) -> list[int]:
    """The numbers of students to erase."""
    return sorted(int(path.name) for path in folder.glob("[0-9]*") if path.name.isdigit())


def answer(number: int, erased: Erased, folder: Path = FOLDER) -> None:
    """Leave the answer, and take the request away."""
    new = folder / f"{number}.new"
    new.write_text(json.dumps(dataclasses.asdict(erased)), encoding="utf-8")
    new.replace(folder / f"{number}.done")
    (folder / str(number)).unlink(missing_ok=True)


def ask(number: int, folder: Path = FOLDER, seconds: float = SECONDS) -> Any:
    """The answer to a request, once it is there. LabError: the lake does not come to it."""
    folder.mkdir(exist_ok=True)
    done = folder / f"{number}.done"
    done.unlink(missing_ok=True)
    (folder / str(number)).touch()
    try:
        late = "the lake has rows of the student still, or takes no changes"
        until(done.exists, seconds, LabError(late, fix="see `lab cdc status` and `lab stack logs lake`"))
        return json.loads(done.read_text(encoding="utf-8"))
    finally:
        (folder / str(number)).unlink(missing_ok=True)
        done.unlink(missing_ok=True)


def main() -> None:
    """Print the answer as JSON, or what keeps it in one line."""
    try:
        print(json.dumps(ask(int(sys.argv[1]))))
    except LabError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
