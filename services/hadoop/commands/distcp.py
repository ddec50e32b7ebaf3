"""Large copies by DistCp: a MapReduce job on YARN whose tasks copy side by side on the workers.

It takes 20 to 30 seconds to start, so that anything that one process copies in that time is left to it.
https://hadoop.apache.org/docs/r3.4.1/hadoop-distcp/DistCp.html
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Sequence

from lakelab.errors import LabError
from lakelab.storage import HDFS, S3, Stored, parse_address
from services.hadoop.commands.cluster_files import ClusterFiles

THRESHOLD_MB = 1024  # in all; S3_DIST_CP_BULK_MB sets another
MAPS = "4"


class DistCp:
    """Copies the files of one call, as few jobs as their names allow: a list keeps names, a rename takes a job of its
    own.
    """

    def __init__(self, files: ClusterFiles) -> None:
        self.files = files
        self.threshold = int(os.environ.get("S3_DIST_CP_BULK_MB", THRESHOLD_MB)) << 20

    def __call__(self, pairs: Sequence[tuple[Stored, str]]) -> bool:
        if not pairs or sum(source.size for source, _ in pairs) < self.threshold:
            return False
        folders: dict[str, list[str]] = {}
        for source, target in pairs:
            folder, _, name = target.rpartition("/")
            if source.uri.rpartition("/")[2] == name:
                folders.setdefault(folder, []).append(source.uri)
            else:
                self._run(target, source.uri)
        for folder, sources in folders.items():
            self._run_list(folder, sources)
        return True

    def _run_list(self, folder: str, sources: list[str]) -> None:
        listing = f"hdfs:///tmp/s3-dist-cp-{uuid.uuid4().hex}"
        self.files.write(listing, "".join(f"{source}\n" for source in sources).encode())
        try:
            if parse_address(folder).store == HDFS:
                self.files.hdfs.make_folder(folder)  # a list of one file would otherwise be written as the folder
            self._run(f"{folder}/", "-f", listing)
        finally:
            self.files.delete(listing)

    def _run(self, target: str, *sources: str) -> None:
        # What an S3 object replaces is replaced at once anyway: no copy under another name before it.
        direct = ["-direct"] if parse_address(target).store == S3 else []
        command = ["hadoop", "distcp", "-overwrite", "-m", MAPS, *direct, *sources, target]
        print(f"s3-dist-cp: {' '.join(command)}", file=sys.stderr)
        if subprocess.run(command, check=False).returncode:
            raise LabError("DistCp failed", where=target, fix="read its log above, or `yarn logs` of its application")
