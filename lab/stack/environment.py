"""`.env.local`: the ports and secrets of one clone's stack, made at first use and never committed.

Written once, mode 600. Keys that a later version of the lab needs are added; what is there changes only when asked for,
so ports can be edited by hand.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import secrets
import string
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import ports
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

PORTS = {
    "ENTRANCE_PORT": 8443,
    "AWS_PORT": 4566,
    "AIRFLOW_PORT": 8080,
    "MINIO_CONSOLE_PORT": 9001,
    "ERP_PORT": 25432,
    "HIVESERVER2_PORT": 10000,
    "WEBHDFS_PORT": 9870,
    "YARN_PORT": 8088,
    "SPARK_HISTORY_PORT": 18080,
    "KAFKA_1_PORT": 29092,
    "KAFKA_2_PORT": 29093,
    "CONNECT_PORT": 28083,
    "NIFI_PORT": 8444,
}
SETTINGS = {
    "LAB_BUCKET": "5data-bucket",
    "LAB_STUDENTS": "5000",
    "LAB_SEED": "5",
    "AWS_REGION": "eu-west-1",
    "MARKET_RATE": "8",
}
HEADER = "# Ports and secrets of this clone's stack, made by `lab stack env`. Ports may be changed.\n"

_READABLE = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that looks like another letter
_BASE32 = string.ascii_uppercase + "234567"


def _draw(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _typed() -> str:
    """A password that people type: 82 bits."""
    return _draw(_READABLE, 14)


def _long() -> str:
    return secrets.token_hex(24)


def _fernet() -> str:
    """32 bytes in URL-safe Base64, as https://github.com/fernet/spec has it."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


SECRETS: dict[str, Callable[[], str]] = {
    "AWS_ACCESS_KEY_ID": lambda: "AKIA" + _draw(_BASE32, 16),
    "AWS_SECRET_ACCESS_KEY": lambda: _draw(string.ascii_letters + string.digits, 40),
    "MINIO_ROOT_USER": lambda: "root-" + secrets.token_hex(4),
    "MINIO_ROOT_PASSWORD": _typed,
    "MINIO_KMS_KEY": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "POSTGRES_PASSWORD": _long,
    "ERP_OWNER_PASSWORD": _long,
    "ERP_UNLOADER_PASSWORD": _long,
    "METASTORE_PASSWORD": _long,
    "CDC_PASSWORD": _long,
    "WAREHOUSE_PASSWORD": _long,
    "EMR_DB_PASSWORD": _long,
    "AIRFLOW_DB_PASSWORD": _long,
    "AIRFLOW_ADMIN_PASSWORD": _typed,
    "AIRFLOW_SECRET_KEY": _long,
    "AIRFLOW_JWT_SECRET": lambda: secrets.token_hex(32),  # HS512 wants 64 bytes
    "AIRFLOW_FERNET_KEY": _fernet,
    "NIFI_ADMIN_PASSWORD": _typed,
    "NIFI_SENSITIVE_KEY": _long,
    "PSEUDONYM_KEY": lambda: secrets.token_hex(32),
    "HOME_PASSWORD": _typed,
    "CONSOLE_KEY": _long,
    "API_DB_PASSWORD": _long,
    "API_READER_TOKEN": _long,
    "API_EVENTS_TOKEN": _long,
    "API_ERP_TOKEN": _long,
}


@dataclass(frozen=True)
class Environment:
    """The file and what it says."""

    path: Path
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def port(self, name: str) -> int:
        """A port by its key; LabError when it is not a number from 1 to 65535."""
        text = self.values[name]
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
            raise LabError(f"{name}={text} is not a port", where=str(self.path), fix="give a number from 1 to 65535")
        return int(text)

    @property
    def ports(self) -> dict[str, int]:
        return {name: self.port(name) for name in PORTS}

    @property
    def project(self) -> str:
        return self.values["COMPOSE_PROJECT_NAME"]


def env_path() -> Path:
    """`.env.local` of the clone; LAB_STACK_ENV names another, for a second stack of the same clone."""
    return Path(os.environ.get("LAB_STACK_ENV") or REPOSITORY / ".env.local").absolute()


def read_environment(path: Path | None = None) -> Environment:
    """What the file says. LabError when there is none, a line is not KEY=value, or a key is missing."""
    path = path or env_path()
    if not path.exists():
        raise LabError("this clone has no stack yet", where=str(path), fix="run `make up`")
    values = _parse(path)
    missing = [name for name in _all_keys() if not values.get(name)]
    if missing:
        raise LabError(f"no {missing[0]}", where=str(path), fix="run `lab stack env`, which adds what is missing")
    return Environment(path, values)


def ensure_environment(path: Path | None = None, project: str | None = None) -> Environment:
    """The environment, made or completed when needed. `project` names the Compose project of a new one.

    Several commands may do so at once: the first one makes the file, the others read it.
    """
    path = path or env_path()
    with _alone(path.parent):
        present = _parse(path) if path.exists() else {}
        fresh = {
            "COMPOSE_PROJECT_NAME": project or project_name(path),
            **_choose_ports(present, path),
            **_draw_others(),
        }
        missing = {name: value for name, value in fresh.items() if name not in present}
        if missing:
            _append(path, missing)
        elif path.stat().st_mode & 0o077:
            path.chmod(0o600)
    return read_environment(path)


def change_ports(environment: Environment, names: Collection[str]) -> dict[str, int]:
    """Give the ports of these names other numbers, free ones, in the file; returns them. The rest stays as it is."""
    if not names:
        return {}
    path = environment.path
    with _alone(path.parent), ports.choosing(str(path), environment.ports.values()) as choose:
        chosen = {name: choose(PORTS[name]) for name in names}
        lines = path.read_text(encoding="utf-8").splitlines()
        _write(
            path,
            "".join(
                f"{name}={chosen[name]}\n" if (name := line.partition("=")[0].strip()) in chosen else f"{line}\n"
                for line in lines
            ),
        )
    return chosen


def project_name(path: Path) -> str:
    """Of the folder that holds the file, so that two clones do not meet."""
    return f"lakelab-{hashlib.sha256(str(path.parent).encode()).hexdigest()[:6]}"


def _all_keys() -> list[str]:
    return ["COMPOSE_PROJECT_NAME", *PORTS, *SETTINGS, *SECRETS]


def _choose_ports(present: Mapping[str, str], path: Path) -> dict[str, str]:
    """The ports that are missing."""
    missing = {name: default for name, default in PORTS.items() if name not in present}
    if not missing:
        return {}
    kept = {int(present[name]) for name in PORTS if present.get(name, "").isdecimal()}
    with ports.choosing(str(path), kept) as choose:
        return {name: str(choose(default)) for name, default in missing.items()}


def _draw_others() -> dict[str, str]:
    settings = {name: os.environ.get(name) or default for name, default in SETTINGS.items()}
    return {**settings, **{name: make() for name, make in SECRETS.items()}}


def _parse(path: Path) -> dict[str, str]:
    values = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, separator, value = line.partition("=")
        if not separator or not name.isidentifier():
            raise LabError("not KEY=value", where=f"{path}:{number}", fix="correct the line, or delete it")
        values[name] = value.strip()
    return values


def _append(path: Path, missing: Mapping[str, str]) -> None:
    """Add lines; the file is seen with all of them or none, and only ever by its owner."""
    former = path.read_text(encoding="utf-8") if path.exists() else HEADER
    text = former + ("" if former.endswith("\n") else "\n")
    _write(path, text + "".join(f"{name}={value}\n" for name, value in missing.items()))


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
        new.replace(path)
    except OSError as error:
        fix = "free space or rights, then again"
        raise LabError(f"cannot write: {error.strerror}", where=str(path), fix=fix) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time, by a lock on the folder itself, which leaves no file behind."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
