"""Erasing one person everywhere (GDPR art. 17), and proving it by a search.

The ERP is the source of all else: the person's rows go there first, then the pipeline is run again, which replaces
stage, presentation, quarantine and marts whole. Old versions that linger (Postgres' dead rows, statistics and log
segments, working files) are cleared, and every file of the lab is searched for what identified the person.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import hmac
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from lab.embedded.place import Place
from lab.embedded.postgres import OWNER, UNLOADER, Postgres
from lakelab.catalogue import DATABASE, OF_STUDENTS, TABLES
from lakelab.errors import LabError
from lakelab.pseudonyms import pseudonym
from lakelab.stage_file import SEPARATOR, blocks, record_texts
from lakelab.storage import files_below

BINARY = {".jsa", ".jar", ".zip", ".class"}  # programs, not data


@dataclass(frozen=True)
class Person:
    """What identifies a student. Others may have the same name, and other things the same number."""

    id: int
    name: tuple[str, str]
    emails: tuple[str, ...]
    pseudonym: str

    def in_any_file(self) -> re.Pattern[bytes]:
        """E-mails and pseudonym: nobody else has them, so they are sought everywhere."""
        return _any_of([re.escape(token) for token in (*self.emails, self.pseudonym)])

    def in_text(self) -> re.Pattern[bytes]:
        """Also the number and the full name: for logs and other text that is not a table."""
        first, last = (re.escape(part) for part in self.name)
        tokens = [re.escape(token) for token in (*self.emails, self.pseudonym)]
        names = [rf"{a}[\s,;.\"']{{1,4}}{b}" for a, b in ((first, last), (last, first))]
        return _any_of([*tokens, *names, rf"(?<![0-9]){self.id}(?![0-9])"])


def _any_of(patterns: list[str]) -> re.Pattern[bytes]:
    return re.compile("|".join(patterns).encode(), re.IGNORECASE)


def find_person(place: Place, postgres: Postgres, student_id: int) -> Person:
    """The student by number, also when an erasure was stopped half-way; LabError when nobody has that number."""
    begun = _begun(place)
    if begun.exists():
        person = Person(**json.loads(begun.read_text()))
        if person.id == student_id:
            return person
    connection = postgres.connect(UNLOADER)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT first_name, last_name, email, personal_email FROM public.students WHERE id = %s", (student_id,)
        )
        row = cursor.fetchone()
    connection.close()
    if row is None:
        raise LabError(f"no student {student_id}", where="ERP", fix="check the number with `lab psql`")
    emails = tuple(text for text in row[2:] if text)
    return Person(student_id, (row[0], row[1]), emails, pseudonym(place.secrets["PSEUDONYM_KEY"], student_id))


def erase_from_erp(place: Place, postgres: Postgres, person: Person) -> dict[str, int]:
    """Delete the person's rows in one transaction, and remember the erasure; returns the rows of each table.

    What identifies the person is kept in a file until `finish`: an erasure that is stopped can be taken up again.
    """
    handle = os.open(_begun(place), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        json.dump(dataclasses.asdict(person), stream)
    _remember(place, person)
    return delete_rows(postgres.connect(OWNER), [person.id], [email.lower() for email in person.emails])


def finish(place: Place) -> None:
    """Forget who was erased, once the search has found nothing."""
    _begun(place).unlink(missing_ok=True)


def _begun(place: Place) -> Path:
    return place.home / "erasing.json"


def delete_rows(connection: Any, ids: list[int], emails: list[str]) -> dict[str, int]:
    """Delete the rows of students and of those e-mails, in one transaction; returns how many of each table."""
    deleted = {}
    with connection, connection.cursor() as cursor:
        for table in OF_STUDENTS:
            cursor.execute(f"DELETE FROM public.{table.name} WHERE student_id = ANY(%s)", (ids,))
            deleted[table.name] = cursor.rowcount
        cursor.execute("DELETE FROM public.audiences WHERE lower(email) = ANY(%s)", (emails,))
        deleted["audiences"] = cursor.rowcount
        cursor.execute("DELETE FROM public.students WHERE id = ANY(%s)", (ids,))
        deleted["students"] = cursor.rowcount
    connection.close()
    return deleted


def _register(place: Place) -> Path:
    return place.home / "erased.json"


def _mark(place: Place, text: str) -> str:
    """A keyed hash for the register alone: it is not the pseudonym, so it leads to no row of an old mart."""
    key = bytes.fromhex(place.secrets["PSEUDONYM_KEY"])
    return hmac.new(key, f"erased {text}".encode(), hashlib.sha256).hexdigest()


def _remembered(place: Place) -> dict[str, list[str]]:
    path = _register(place)
    if not path.exists():
        return {"ids": [], "emails": []}
    found: dict[str, list[str]] = json.loads(path.read_text())
    return found


def _remember(place: Place, person: Person) -> None:
    """Keep keyed hashes alone: enough to know the person again in a later load, and nothing else."""
    kept = _remembered(place)
    kept["ids"] = sorted({*kept["ids"], _mark(place, str(person.id))})
    kept["emails"] = sorted({*kept["emails"], *(_mark(place, email.lower()) for email in person.emails)})
    new = _register(place).with_suffix(".new")
    new.write_text(json.dumps(kept, indent=1) + "\n")
    new.replace(_register(place))


def replay(place: Place, postgres: Postgres) -> int:
    """After a load: erase again who was erased before, as files from outside may bring them back."""
    kept = _remembered(place)
    if not kept["ids"]:
        return 0
    known_ids, known_emails = set(kept["ids"]), set(kept["emails"])
    connection = postgres.connect(OWNER)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM public.students")
        ids = [i for (i,) in cursor.fetchall() if _mark(place, str(i)) in known_ids]
        cursor.execute("SELECT DISTINCT lower(email) FROM public.audiences")
        emails = [e for (e,) in cursor.fetchall() if _mark(place, e) in known_emails]
    connection.close()
    return delete_rows(postgres.connect(OWNER), ids, emails)["students"]


def clear_remains(place: Place, postgres: Postgres) -> None:
    """Clear old versions: dead rows and statistics in Postgres, its log segments, and working files."""
    connection = postgres.connect("postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"VACUUM (FULL, ANALYZE) public.{table.name}")
        cursor.execute("VACUUM FULL pg_catalog.pg_statistic")
        cursor.execute("SELECT pg_switch_wal()")
        cursor.execute("CHECKPOINT")
    connection.close()
    for folder in (place.seed, place.unload, place.emr / "steps", place.scratch):
        shutil.rmtree(folder, ignore_errors=True)
    place.prepare()


def redact_logs(place: Place, postgres: Postgres, person: Person) -> int:
    """Replace what identifies the person in every log by `[erased]`; returns how many files were changed."""
    pattern, changed = person.in_text(), 0
    for path in _all_files(place, postgres):
        if not _is_log(path):
            continue
        with _opened(path) as stream:
            content = stream.read()
        cleaned = pattern.sub(b"[erased]", content)
        if cleaned != content:
            packed = gzip.compress(cleaned) if path.suffix == ".gz" else cleaned
            new = path.with_name(f".{path.name}.new")
            new.write_bytes(packed)
            shutil.copymode(path, new)
            if path == postgres.log:  # the server writes on in the same file
                path.write_bytes(packed)
                new.unlink()
            else:
                new.replace(path)
            changed += 1
    return changed


@dataclass(frozen=True)
class Search:
    """Where something of the person was found, out of how many files."""

    files: int
    found: tuple[str, ...]


def search(place: Place, postgres: Postgres, person: Person) -> Search:
    """Look for the person in every file of the lab, compressed ones included, and in the tables of the ERP."""
    anywhere, text = person.in_any_file(), person.in_text()
    files, found = 0, []
    for path in _all_files(place, postgres):
        files += 1
        pattern = text if _is_log(path) or path.suffix == ".json" else anywhere
        if _found_in(path, pattern) or _has_key(path, person.id):
            found.append(str(path))
    found += _rows_left(postgres, person)
    return Search(files, tuple(found))


def _all_files(place: Place, postgres: Postgres) -> Iterator[Path]:
    for root in sorted({place.home, postgres.root}):
        if root != place.home and place.home in root.parents:
            continue  # it is under the other one
        yield from (path for path, _ in files_below(root) if path.suffix not in BINARY and path != _begun(place))


def _found_in(path: Path, pattern: re.Pattern[bytes]) -> bool:
    """Whether the pattern is in a file. A name may go on in the next line, so each piece keeps the last one's end."""
    end = b""
    with _opened(path) as stream:
        for block in blocks(stream):
            if pattern.search(end + block):
                return True
            end = block[block.rfind(b"\n", 0, -1) + 1 :]
    return False


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes; what a compressed file holds; the text of a Parquet file. A file that has gone is empty."""
    with contextlib.ExitStack() as stack:
        try:
            if path.suffix == ".parquet":
                from lakelab.frames import polars

                stream = cast(BinaryIO, io.BytesIO(polars.read_parquet(path).write_ndjson().encode()))
            elif path.suffix == ".gz":
                stream = cast(BinaryIO, stack.enter_context(gzip.open(path)))
            else:
                stream = stack.enter_context(path.open("rb"))
        except FileNotFoundError:  # Postgres removes files of its own meanwhile
            stream = io.BytesIO()
        yield stream


def _is_log(path: Path) -> bool:
    return path.suffix in (".log", ".out") or (path.suffix == ".gz" and "steps" in path.parts)


def _has_key(path: Path, student_id: int) -> bool:
    """Whether the student is in the key column of a table's file, in the stage or in the presentation."""
    position = _key_position(path)
    if position is None:
        return False
    wanted, separator = str(student_id).encode(), SEPARATOR.encode()
    with _opened(path) as stream:
        for text in record_texts(stream):
            if wanted in text and wanted in text.split(separator)[position : position + 1]:
                return True
    return False


def _key_position(path: Path) -> int | None:
    """Which column of a table's file has the number of a student; None for other files."""
    if path.name.startswith(".") or (path.parent.name != "stage" and "ERP" not in path.parts):
        return None  # Hadoop's hidden checksums are not text
    name = path.stem if path.parent.name == "stage" else path.parent.name.lower()
    known = {table.name: table.column_names for table in TABLES}
    column = "id" if name == "students" else "student_id"
    if name not in known or column not in known[name] or path.suffix == ".json":
        return None
    return known[name].index(column)


def _rows_left(postgres: Postgres, person: Person) -> list[str]:
    connection: Any = postgres.connect(UNLOADER)
    left = []
    with connection, connection.cursor() as cursor:
        for table in OF_STUDENTS:
            cursor.execute(f"SELECT count(*) FROM public.{table.name} WHERE student_id = %s", (person.id,))
            left += [f"{DATABASE}.{table.name}"] * bool(cursor.fetchone()[0])
        cursor.execute("SELECT count(*) FROM public.students WHERE id = %s", (person.id,))
        left += [f"{DATABASE}.students"] * bool(cursor.fetchone()[0])
    connection.close()
    return left
