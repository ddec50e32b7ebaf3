"""`hive-script` and `hive` on the cluster: scripts and statements, run by HiveServer2.

Results go to stdout, one row a line with tabs between, as Hive's own shell prints them; `OK` and the time taken of each
statement to stderr. The first statement that fails ends it with exit code 2 and the server's words on stderr. The
beeline that is published as a package prints prompts between the rows of a script and loses statements given by `-e`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakelab.errors import LabError
from lakelab.hiveserver2 import first_line, words
from services.hadoop.commands.cluster_files import ClusterFiles
from services.hadoop.commands.hive_options import shell_arguments
from services.hadoop.commands.statements import statements

SERVER = os.environ.get("HIVESERVER2_HOST", "hiveserver2")
PORT = 10000
REFUSED = 1  # no session, or arguments that cannot be
FAILED = 2  # a statement
ROWS_AT_ONCE = 1000


@dataclass
class Call:
    """What a call of the shell asks for. settings: of the session, as HiveServer2's protocol names them."""

    database: str = "default"
    settings: dict[str, str] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)


def call_of(arguments: Sequence[str]) -> Call:
    """The arguments of `shell_arguments` as a call: `-i` runs first, then `-e` and `-f` in their order."""
    call, first = Call(), []
    for option, value in zip(arguments[::2], arguments[1::2], strict=True):
        if option == "--database":
            call.database = value
        elif option in ("--hivevar", "--hiveconf"):
            name, _, content = value.partition("=")
            call.settings[f"set:{option.removeprefix('--')}:{name}"] = content
        elif option == "-i":
            first.append(_text(value))
        else:
            call.scripts.append(_text(value) if option == "-f" else value)
    call.scripts[:0] = first
    return call


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LabError("no such script", where=path, fix="check the path") from None


def connect(call: Call) -> Any:
    """A session of HiveServer2. LabError: nobody answers, the database is unknown, a setting is refused."""
    from pyhive import hive
    from thrift.transport.TTransport import TTransportException

    try:
        return hive.connect(SERVER, PORT, username="hadoop", database=call.database, configuration=call.settings)
    except TTransportException as error:
        raise LabError(f"no HiveServer2: {error}", where=f"{SERVER}:{PORT}", fix="is it healthy?") from None
    except hive.OperationalError as error:
        raise LabError(first_line(error), where=f"{SERVER}:{PORT}") from None


def configure(cursor: Any, settings: Mapping[str, str]) -> None:
    """Set what the step's cluster has for hive-site. HiveServer2 lets a session change most, but not all, of it."""
    from pyhive import exc

    for name, value in settings.items():
        try:
            cursor.execute(f"SET {name}={value}")
        except exc.Error as error:
            print(f"hive-script: {name} of hive-site has no effect here: {first_line(error)}", file=sys.stderr)


def failure(error: Exception, statement: str) -> str:
    """The statement, all that the server says of it, and last the line that EMR takes for the step's reason."""
    said = words(error).strip()
    return "\n".join([f"in: {statement}", *([said] if "\n" in said else []), f"FAILED: {first_line(error)}"])


def shown(value: Any) -> str:
    """A value as Hive's shell prints it."""
    if value is None:
        return "NULL"
    return str(value).lower() if isinstance(value, bool) else str(value)


def run(cursor: Any, statement: str) -> None:
    start, rows = time.monotonic(), 0
    cursor.execute(statement)
    if cursor.description:
        while block := cursor.fetchmany(ROWS_AT_ONCE):
            rows += len(block)
            sys.stdout.writelines("\t".join(map(shown, row)) + "\n" for row in block)
        sys.stdout.flush()
    fetched = f", Fetched: {rows} row(s)" if rows else ""
    print(f"OK\nTime taken: {time.monotonic() - start:.3f} seconds{fetched}", file=sys.stderr)


def main() -> int:
    from pyhive import exc

    with tempfile.TemporaryDirectory(prefix="hive-script-") as folder:
        try:
            call = call_of(shell_arguments(sys.argv[1:], ClusterFiles(), Path(folder)))
            cursor = connect(call).cursor()
            configure(cursor, json.loads(os.environ.get("EMR_HIVE_SETTINGS", "{}")))
        except LabError as error:
            print(f"hive-script: {error}", file=sys.stderr)
            return REFUSED
    for script in call.scripts:
        for statement in statements(script):
            try:
                run(cursor, statement)
            except exc.Error as error:
                print(failure(error, statement), file=sys.stderr)
                return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
