"""The endpoint without a stack: steps are processes of this machine, state and S3 are in a folder.

`python -m services.aws.server embedded` serves it to whoever has the keys in its environment. Buckets are folders
under `EMR_HOME/s3`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from lakelab.errors import LabError
from lakelab.storage import FolderStorage
from services.aws.emr.engine import EmrEngine
from services.aws.emr.executor import LocalExecutor
from services.aws.emr.store import SqliteStore
from services.aws.server.endpoint import application
from services.aws.server.settings import lab_keys


class FolderEmr:
    """The EMR engine on a folder."""

    def __init__(self, place: Path, region: str, account: str) -> None:
        self._store = SqliteStore(place / "emr" / "state.db")
        executor = LocalExecutor(place / "emr" / "steps")
        self.engine = EmrEngine(self._store, executor, FolderStorage(place), region=region, account=account)

    def close(self) -> None:
        """Running steps go on; the next engine finds them again."""
        self.engine.close()
        self._store.close()

    def health(self) -> Mapping[str, Any]:
        return {"ok": self.engine.is_well()}


def from_environment() -> ASGIApp:
    """The application for the settings in the environment. LabError for a setting that is missing."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    keys, home = lab_keys(os.environ), os.environ.get("EMR_HOME")
    if not home:
        raise LabError("EMR_HOME is not set", where="the environment of the AWS endpoint", fix="name a folder")
    region = os.environ.get("AWS_REGION", "eu-west-1")
    account = os.environ.get("AWS_ACCOUNT_ID", "123456789012")
    return application(keys, lambda: FolderEmr(Path(home), region, account))
