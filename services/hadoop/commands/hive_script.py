"""`hive-script` and `hive` on the cluster: scripts and statements, run by HiveServer2 through beeline.

Results go to stdout, one row a line with tabs between, as Hive's own shell prints them; the first statement that fails
ends it with an exit code of its own and the server's words on stderr.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from lakelab.errors import LabError
from services.hadoop.commands.cluster_files import ClusterFiles
from services.hadoop.commands.hive_options import shell_arguments

SERVER = os.environ.get("HIVESERVER2_HOST", "hiveserver2")
AS_HIVE_PRINTS = ("--silent=true", "--outputformat=tsv2", "--showHeader=false", "--showWarnings=false")


def beeline(arguments: list[str]) -> list[str]:
    """The call of beeline for a shell's arguments."""
    database, rest = "default", list(arguments)
    if "--database" in rest:
        at = rest.index("--database")
        database = rest[at + 1]
        del rest[at : at + 2]
    return ["beeline", "-u", f"jdbc:hive2://{SERVER}:10000/{database}", "-n", "hadoop", *AS_HIVE_PRINTS, *rest]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="hive-script-") as folder:
        try:
            command = beeline(shell_arguments(sys.argv[1:], ClusterFiles(), Path(folder)))
        except LabError as error:
            print(f"hive-script: {error}", file=sys.stderr)
            return 1
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
