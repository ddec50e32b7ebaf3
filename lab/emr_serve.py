"""`lab emr serve`: the embedded lab's EMR behind an address of this machine, for boto3, the AWS CLI and Airflow."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import string
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from lab import ports
from lab.embedded import emr
from lab.embedded.metastore import ensure_metastore
from lab.embedded.place import Place
from lab.embedded.postgres import Postgres
from lab.publish import publish
from lakelab.errors import LabError
from services.aws.emr.engine import EmrEngine

_NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass
class _Served:
    """An engine that somebody else opened, and closes."""

    engine: EmrEngine

    def close(self) -> None:
        pass

    def health(self) -> Mapping[str, Any]:
        return {"ok": self.engine.is_well()}


def serve(place: Place, console: Console, port: int | None) -> None:
    """Serve until Ctrl-C. Steps that still run then go on, and the next engine finds them. LabError: no port."""
    try:
        import uvicorn

        from services.aws.server.endpoint import application
        from services.aws.server.settings import ConsoleSettings
    except ImportError as error:
        raise LabError(f"{error.name} is not installed", fix="run `make serve`") from None
    address = f"http://127.0.0.1:{_port(place, port)}"
    access_key, secret_key = keys(place)
    with Postgres(place).running() as postgres:
        place.storage.create_bucket(place.settings.bucket)
        ensure_metastore(place, postgres)
        publish(place.storage, place.settings, place.secrets["PSEUDONYM_KEY"])
        # It listens before the address is told: who comes at once waits, and is not refused.
        with _listening(address) as listening, emr.opened_engine(place) as engine:
            console.print(f"export AWS_ENDPOINT_URL_EMR={address}", highlight=False, soft_wrap=True)
            console.print(f"export AWS_DEFAULT_REGION={engine.region}", highlight=False)
            console.print(f"export AWS_ACCESS_KEY_ID={access_key}", highlight=False)
            console.print(f"export AWS_SECRET_ACCESS_KEY={secret_key}", highlight=False, soft_wrap=True)
            key = secrets.token_urlsafe(32)
            console.print(f"# Clusters, steps and logs: {address}/emr/#{key}", highlight=False, soft_wrap=True)
            app = application({access_key: secret_key}, lambda: _Served(engine), ConsoleSettings(key, address))
            config = uvicorn.Config(app, access_log=False, ws="none", log_level="warning", timeout_graceful_shutdown=5)
            with _told_to_others(place, address), contextlib.suppress(KeyboardInterrupt):  # how one is stopped
                uvicorn.Server(config).run(sockets=[listening])


def _listening(address: str) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", int(address.rpartition(":")[2])))
    except OSError as error:
        raise LabError(f"cannot listen: {error.strerror}", where=address, fix="name another port with --port") from None


def served_at(place: Place) -> str | None:
    """The address at which the lab's EMR is served now; None when nobody answers there."""
    try:
        address = _address_file(place).read_text(encoding="utf-8").strip()
        with urllib.request.urlopen(f"{address}/health", timeout=5):
            return address
    except (OSError, ValueError):  # no file, half a file, or one that a killed server left
        return None


@contextlib.contextmanager
def _told_to_others(place: Place, address: str) -> Iterator[None]:
    """The address in a file for as long as it is served."""
    path = _address_file(place)
    path.write_text(f"{address}\n", encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _address_file(place: Place) -> Path:
    return place.home / "aws.url"


def keys(place: Place) -> tuple[str, str]:
    """The lab's own AWS keys: made once, readable by the owner alone."""
    path = place.home / "aws.env"
    if not path.exists():
        place.prepare()
        letters = string.ascii_uppercase + "234567"
        access_key = "AKIA" + "".join(secrets.choice(letters) for _ in range(16))
        text = f"{_NAMES[0]}={access_key}\n{_NAMES[1]}={secrets.token_urlsafe(30)}\n"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(text)
    found = dict(line.split("=", 1) for line in path.read_text().split())
    if not all(name in found for name in _NAMES):
        raise LabError("no AWS keys", where=str(path), fix="delete the file: new ones are made")
    return found[_NAMES[0]], found[_NAMES[1]]


def _port(place: Place, wanted: int | None) -> int:
    if wanted is not None and not ports.is_free(wanted):
        raise LabError("the port is taken", where=f"127.0.0.1:{wanted}", fix="name another with --port")
    with ports.choosing(f"emr {place.home}") as choose:
        return wanted or choose(4566)
