"""`lab erase`: the order in which a person is erased, and the search that proves it."""

from __future__ import annotations

from rich.console import Console

from lab import erase
from lab.embedded.place import Place
from lab.embedded.postgres import Postgres
from lab.pipeline import run_pipeline
from lab.timeline import Timeline
from lakelab.errors import LabError


def erase_everywhere(place: Place, student_id: int, console: Console) -> None:
    """Erase a student from all tiers, working files and logs. LabError names every file where something is left.

    Stopped half-way, it is taken up again by the same command.
    """
    with place.exclusive(f"lab erase {student_id}"), Postgres(place).running() as postgres:
        person = erase.find_person(place, postgres, student_id)
        deleted = erase.erase_from_erp(place, postgres, person)
        with Timeline(console) as timeline:
            run_pipeline(place, timeline)
            with timeline.stage("Clear what remains of old versions"):
                erase.clear_remains(place, postgres)
                changed = erase.redact_logs(place, postgres, person)
            with timeline.stage("Search every file") as part:
                found = erase.search(place, postgres, person)
                part.note(f"{found.files:,} files")
    if found.found:
        raise LabError(f"something of student {student_id} is left", where=", ".join(found.found), fix="erase it again")
    erase.finish(place)
    rows = ", ".join(f"{count} of {table}" for table, count in deleted.items() if count)
    console.print(f"Erased student {student_id}: {rows}; {changed} logs redacted.", highlight=False)
    console.print(
        f"Searched {found.files:,} files for e-mails, pseudonym and number: nothing is left.", highlight=False
    )
