"""What must hold of every service of the stack, checked on the description that Compose itself makes of the files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Service = Mapping[str, Any]
JOBS = {"bucket", "school", "prepare", "topics", "cdc"}
# Who begins as root, and the rights that it keeps: the primary node gives each cluster's steps a user of their own.
RIGHTS = {"master": {"SETUID", "SETGID", "CHOWN", "KILL"}}
# Names that hold a secret. Their values come from .env.local and are nowhere in the files.
SECRET = re.compile(r"(?:PASSWORD|SECRET|_KEY|TOKEN|FERNET|JWT)(?!.*_FILE$)")


def violations(description: Mapping[str, Any], values: Mapping[str, str]) -> list[str]:
    """Every rule that a service breaks, in words."""
    services: Mapping[str, Service] = description["services"]
    found = [f"{name}: {what}" for name, service in services.items() for what in _of_service(name, service)]
    found += [f"{name}: {what}" for name, service in services.items() for what in _secrets(service, values)]
    waited = {d: c["condition"] for s in services.values() for d, c in s.get("depends_on", {}).items()}
    # `up --wait` takes a job that has ended for a server that has died, unless somebody waits for just that.
    jobs = sorted(JOBS & set(services))
    found += [f"{job}: nobody waits for its end" for job in jobs if waited.get(job) != "service_completed_successfully"]
    return found


def _of_service(name: str, service: Service) -> Iterator[str]:
    for port in service.get("ports", ()):
        if port.get("host_ip") != "127.0.0.1":
            yield f"port {port.get('published')} is not on 127.0.0.1"
    if str(service.get("user", "root")).split(":")[0] in ("", "0", "root") and name not in RIGHTS:
        yield "runs as root"
    if not 0 < int(service.get("mem_limit", 0)) <= 4 * 2**30:
        yield "has no memory limit, or more than 4 GB"
    tag = service.get("image", "").rpartition(":")[2]
    if not re.fullmatch(r"\d+\.\d+\.\d+\S*", tag):
        yield f"image {service.get('image')} is not pinned"
    more = set(service.get("cap_add", ())) - RIGHTS.get(name, set())
    if service.get("privileged") or more or service.get("network_mode") == "host":
        yield "has rights that it should not have"
    if "ALL" not in service.get("cap_drop", ()) or "no-new-privileges:true" not in service.get("security_opt", ()):
        yield "keeps rights that it does not need"
    if service.get("container_name"):
        yield "has a fixed name, which a second clone would meet"
    if any("docker.sock" in str(volume.get("source")) for volume in service.get("volumes", ())):
        yield "has the engine's socket"
    if name in JOBS:
        if service.get("restart", "no") != "no":
            yield "is a job, and yet restarts"
    else:
        if service.get("restart") != "unless-stopped":
            yield "does not restart after a crash"
        check = service.get("healthcheck", {}).get("test") or []
        if not check:
            yield "has no health check"
        elif check[:2] != ["CMD", "healthy.sh"]:
            yield "has a health check that is dear: the engine asks it itself, and often"


def _secrets(service: Service, values: Mapping[str, str]) -> Iterator[str]:
    """Secrets that do not come out of the environment's file."""
    known = set(values.values())
    for key, value in (service.get("environment") or {}).items():
        if SECRET.search(key) and value and not any(secret in value for secret in known if len(secret) > 7):
            yield f"{key} is not from .env.local"
