"""Role `flows`: gives NiFi the flows of `nifi/flows`, and looks that they are there. `python -m lab.live.flows`.

Each file is a group on the canvas, which remembers the file that it was made of. The same file: the group is left as it
is, with everything that was changed in the browser. Another one: it takes the group's place, queues and all; NiFi's
own archive of flows has the former one. Files that change while it runs are taken up within seconds. It may be killed
at any moment, as NiFi may: a group is marked as begun first and as made last, and what is begun is gone on with.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.live import groups
from lab.live.access import grant
from lab.live.flow_files import CONTEXT, Mark, flow_files, mark_of, tidy, types, version
from lab.live.nifi import NEW, Json, Late, Nifi
from lab.live.warehouse_tables import make_tables
from lab.stack import role
from lakelab.errors import LabError

KEYS = Path("/etc/nifi-admin")
STATE = Path("/tmp/flows")
SECONDS = 10.0
LATER = 60.0  # after NiFi refused to throw something away
TYPES = 300.0  # seconds until NiFi knows its processors in Python
LINKS = (("changes", "reference tables", "warehouse"),)  # a group, its port, and the group with a port of the same name


def parameters(environment: Mapping[str, str]) -> dict[str, tuple[str, bool]]:
    """The flows' parameters: value, and whether it is a secret. LabError where the environment lacks one."""

    def need(name: str) -> str:
        if not environment.get(name):
            raise LabError(f"{name} is not set", where="environment", fix="start the service with `make up`")
        return environment[name]

    return {
        "kafka.bootstrap": (need("KAFKA_BOOTSTRAP"), False),
        "s3.endpoint": (need("S3_ENDPOINT"), False),
        "s3.region": (need("AWS_REGION"), False),
        "s3.bucket": (need("LAB_BUCKET"), False),
        "s3.access.key": (need("AWS_ACCESS_KEY_ID"), False),
        "s3.secret.key": (need("AWS_SECRET_ACCESS_KEY"), True),
        "pseudonym.key": (need("PSEUDONYM_KEY"), True),
        "warehouse.url": (f"jdbc:postgresql://{need('WAREHOUSE_HOST')}:5432/warehouse", False),
        "warehouse.password": (need("WAREHOUSE_PASSWORD"), True),
    }


def ensure(nifi: Nifi, flows: Mapping[str, Json], values: Mapping[str, tuple[str, bool]]) -> list[str]:
    """Parameters, groups, everything enabled and running. Returns lines of what was done; none when all was there."""
    grant(nifi)
    said = _parameters(nifi, values)
    there = nifi.groups()
    changed = {n: flow for n, flow in flows.items() if n not in there or mark_of(there[n]) != Mark(version(flow), True)}
    if changed:
        _wait_for_types(nifi, types(changed))
    said += [groups.bring(nifi, there.get(name), name, flow) for name, flow in changed.items()]
    there = nifi.groups() if changed else there
    said += _links(nifi, {name: group["id"] for name, group in there.items()})
    for name, flow in changed.items():
        group = there[name]["id"]
        groups.bind(nifi, group)
        groups.start(nifi, group)
        groups.sign(nifi, group, name, flow)
    return said


def _wait_for_types(nifi: Nifi, wanted: set[tuple[str, str]]) -> None:
    """NiFi answers before it has read its processors in Python; what is made then stays a ghost."""

    def missing() -> set[tuple[str, str]]:
        known = nifi.get("/flow/processor-types")["processorTypes"]
        return wanted - {(kind["type"], kind["bundle"]["version"]) for kind in known}

    try:
        nifi.wait(lambda: not missing(), "NiFi to know its processors", TYPES)
    except Late as late:
        names = ", ".join(f"{kind.rpartition('.')[2]} {of}" for kind, of in sorted(missing()))
        raise Late(f"NiFi does not know {names} after {TYPES:.0f} s", where=nifi.url, fix=late.fix) from None


def _links(nifi: Nifi, ids: Mapping[str, str]) -> list[str]:
    """Connect the groups that are there, where they are not connected. A link that is needed is not part of a file."""
    root = nifi.root
    there = {(c["sourceGroupId"], c["destinationGroupId"])
             for c in nifi.get(f"/process-groups/{root}/connections")["connections"]}  # fmt: skip
    made = []
    for source, port, destination in LINKS:
        ends = ids.get(source, ""), ids.get(destination, "")
        if all(ends) and ends not in there:
            _connect(nifi, root, port, ends)
            made.append(f"{source} leads to {destination}")
    return made


def _connect(nifi: Nifi, root: str, port: str, between: tuple[str, str]) -> None:
    """From the output port of one group to the input port of the other, of the same name."""
    ends = {}
    for end, group, kind in (("source", between[0], "output"), ("destination", between[1], "input")):
        ports = nifi.get(f"/process-groups/{group}/{kind}-ports")[f"{kind}Ports"]
        found = next((p["id"] for p in ports if p["component"]["name"] == port), None)
        if found is None:
            raise LabError(f"a group has no {kind} port {port}", where=f"group {group}", fix="correct the flow")
        ends[end] = {"id": found, "groupId": group, "type": f"{kind.upper()}_PORT"}
    component = {**ends, "name": port, "backPressureObjectThreshold": 100, "backPressureDataSizeThreshold": "64 MB"}
    nifi.call("POST", f"/process-groups/{root}/connections", {"revision": NEW, "component": component})


def _parameters(nifi: Nifi, values: Mapping[str, tuple[str, bool]]) -> list[str]:
    """The context with these values. NiFi tells no secret, so the context remembers what it was given by a digest."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    description = f"Where things are, and secrets, out of .env.local [{digest}]"
    component: dict[str, Any] = {
        "name": CONTEXT,
        "description": description,
        "parameters": [
            {"parameter": {"name": name, "value": value, "sensitive": secret}}
            for name, (value, secret) in values.items()
        ],
    }
    there = next((c for c in nifi.get("/flow/parameter-contexts")["parameterContexts"]
                  if c["component"]["name"] == CONTEXT), None)  # fmt: skip
    if there is None:
        nifi.call("POST", "/parameter-contexts", {"revision": NEW, "component": component})
        return [f"{len(values)} parameters"]
    if there["component"]["description"] == description:
        return []
    body = {"revision": there["revision"], "id": there["id"], "component": {"id": there["id"], **component}}
    nifi.request(f"/parameter-contexts/{there['id']}/update-requests", body, "request")
    return [f"{len(values)} parameters, changed"]


def export(nifi: Nifi, name: str) -> str:
    """The group as it is on the canvas, as its file: the same text for the same flow."""
    group = nifi.groups().get(name)
    if group is None:
        raise LabError(f"NiFi has no group {name}", fix=f"one of: {', '.join(sorted(nifi.groups()))}")
    return tidy(nifi.get(f"/process-groups/{group['id']}/download?includeReferencedServices=false"))


def watch() -> str:
    """Ensure, again and again, until stopped."""
    nifi = Nifi.by_certificate(role.need("NIFI_URL"), KEYS)
    values = parameters({name: role.need(name) for name in _needed()})
    print(make_tables(role.need("WAREHOUSE_HOST"), role.need("WAREHOUSE_PASSWORD")), flush=True)
    nifi.tell = lambda line: print(line, flush=True)
    told = ""
    while True:
        pause = SECONDS
        try:
            lines, word = ensure(nifi, flow_files(), values), "well"
        except LabError as error:
            lines, word = [str(error)], "ill"
            pause = LATER if isinstance(error, groups.Refused) else SECONDS
        for line in lines:
            if word == "well" or line != told:
                print(" ".join(line.split()), flush=True)
        told = lines[-1] if lines else ""
        new = STATE.with_suffix(".new")
        new.write_text(f"{word}\n", encoding="utf-8")
        new.replace(STATE)
        time.sleep(pause)


def _needed() -> Iterator[str]:
    yield from ("KAFKA_BOOTSTRAP", "S3_ENDPOINT", "AWS_REGION", "LAB_BUCKET", "AWS_ACCESS_KEY_ID")
    yield from ("AWS_SECRET_ACCESS_KEY", "PSEUDONYM_KEY", "WAREHOUSE_HOST", "WAREHOUSE_PASSWORD")


if __name__ == "__main__":
    role.run(watch)
