"""Settings of an instance, read from the environment by a function."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from lakelab.errors import LabError


@dataclass(frozen=True)
class Tokens:
    """One secret for each role."""

    reader: str
    events: str
    erp: str


@dataclass(frozen=True)
class Settings:
    """Where an instance finds what it works with."""

    erp_database: str  # address of the ERP, as postgresql://user@host/ERP; the password comes by PGPASSWORD
    ids_database: str  # address of the database in which ids of events are kept
    brokers: str  # host:port,host:port
    hive: tuple[str, int]
    tokens: Tokens
    proxy: str = ""  # the host whose word on a client's address counts; "": nobody's
    instance: str = ""  # name in logs and metrics
    id_window: int = 3600  # seconds for which an event's id is remembered


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """LabError names a variable that is missing or cannot be used."""
    env = os.environ if environment is None else environment
    host, _, port = _need(env, "HIVESERVER2").rpartition(":")
    if not host or not port.isdigit():
        raise LabError("HIVESERVER2 is not host:port", where="the environment of the API", fix="correct it")
    return Settings(
        erp_database=_need(env, "ERP_DATABASE"),
        ids_database=_need(env, "IDS_DATABASE"),
        brokers=_need(env, "KAFKA_BROKERS"),
        hive=(host, int(port)),
        tokens=_tokens(env),
        proxy=env.get("PROXY_HOST", ""),
        instance=env.get("INSTANCE") or socket.gethostname(),
        id_window=int(env.get("ID_WINDOW") or 3600),
    )


def _tokens(env: Mapping[str, str]) -> Tokens:
    found = [_need(env, f"API_{role}_TOKEN") for role in ("READER", "EVENTS", "ERP")]
    if len(set(found)) < len(found) or any(len(token) < 24 for token in found):
        raise LabError("the API's tokens are too short or not different", where=".env.local", fix="delete their lines")
    return Tokens(*found)


def _need(env: Mapping[str, str], name: str) -> str:
    value = env.get(name)
    if not value:
        raise LabError(f"{name} is not set", where="the environment of the API", fix="run `lab stack env`")
    return value
