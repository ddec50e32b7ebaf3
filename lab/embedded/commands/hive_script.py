"""`hive-script`, `hive` and `spark-sql` of embedded steps: SQL scripts, run by Spark's Hive-compatible shell."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from lab.embedded.commands.spark_submit import submit
from lakelab.errors import LabError
from lakelab.storage import FolderStorage
from services.hadoop.commands.hive_options import shell_arguments

SHELL = "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver"


def main() -> None:
    storage = FolderStorage(Path(os.environ["LAB_HOME"]))
    folder = Path(tempfile.mkdtemp(prefix="hive-script-"))
    try:
        arguments = shell_arguments(sys.argv[1:], storage, folder)
    except LabError as error:
        sys.exit(f"hive-script: {error}")
    submit(["--class", SHELL, "--name", "hive-script", "spark-internal", *arguments])


if __name__ == "__main__":
    main()
