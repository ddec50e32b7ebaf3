"""`s3-dist-cp` on the cluster: small copies in this process, large ones by DistCp on YARN."""

from __future__ import annotations

import sys

from services.hadoop.commands.cluster_files import ClusterFiles
from services.hadoop.commands.distcp import DistCp
from services.hadoop.commands.s3_dist_cp import main

if __name__ == "__main__":
    files = ClusterFiles()
    sys.exit(main(lambda: files, DistCp(files)))
