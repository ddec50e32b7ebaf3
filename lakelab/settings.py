"""Settings: read from the environment by a function, never at import."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lakelab.errors import LabError

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Settings:
    """What may differ from one lab to the next. Every field has an environment variable `LAB_<FIELD>`."""

    home: Path  # folder of everything that the lab makes
    bucket: str  # S3 bucket of stage, jobs and logs
    erp_port: int  # TCP port of Postgres on 127.0.0.1
    students: int  # students that the generator makes
    seed: int  # seed number of the generator
    unload_workers: int  # parallel readers of one large table

    @property
    def stage_uri(self) -> str:
        return f"s3://{self.bucket}/stage"

    @property
    def log_uri(self) -> str:
        return f"s3://{self.bucket}/"

    @property
    def ad_logs_bucket(self) -> str:
        """Where impressions and clicks are logged."""
        return f"{self.bucket}-logs"

    @property
    def ad_trends_bucket(self) -> str:
        """Where the joined logs and their trends go."""
        return f"{self.bucket}-trends"

    @property
    def key_uri(self) -> str:
        """The key of the pseudonyms: hexadecimal text, made once."""
        return f"s3://{self.bucket}/keys/pseudonym.key"


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in force; LabError names a variable whose value cannot be used."""
    env = os.environ if environment is None else environment
    bucket = env.get("LAB_BUCKET", "5data-bucket")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
        raise LabError(
            f"{bucket!r} is not a bucket name",
            where="LAB_BUCKET",
            fix="use 3 to 63 lower-case letters, digits, dots or hyphens",
        )
    return Settings(
        home=Path(env.get("LAB_HOME", REPOSITORY / ".lab")).absolute(),
        bucket=bucket,
        erp_port=_number(env, "LAB_ERP_PORT", 15432, 1, 65535),
        students=_number(env, "LAB_STUDENTS", 5000, 1, 1_000_000),
        seed=_number(env, "LAB_SEED", 5, 0, 2**31 - 1),
        unload_workers=_number(env, "LAB_UNLOAD_WORKERS", 2, 1, 64),
    )


def _number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = env.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise LabError(f"{text!r} is not usable", where=name, fix=f"give a whole number from {least} to {most}")
    return int(text)
