"""`s3-dist-cp` over the embedded lab's folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lakelab.errors import LabError
from lakelab.storage import FolderStorage
from services.hadoop.commands import s3_dist_cp


def _folders() -> FolderStorage:
    home = os.environ.get("LAB_HOME")
    if not home:
        raise LabError("LAB_HOME is not set")
    return FolderStorage(Path(home))


if __name__ == "__main__":
    sys.exit(s3_dist_cp.main(_folders))
