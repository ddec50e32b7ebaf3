"""Role `flows`: gives NiFi the flows of `nifi/flows`, and looks that they are there. `python -m lab.live.flows`.

Each file is a group on the canvas, which remembers the file that it was made of. The same file: the group is left as it
is, with everything that was changed in the browser. Another one: it takes the group's place, queues and all; NiFi's
own archive of flows has the former one. Files that change while it runs are taken up within seconds.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.live.access import grant
from lab.live.nifi import NEW, Json, Nifi
from lab.live.warehouse_tables import make_tables
from lab.stack import role
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

FOLDER = REPOSITORY / "nifi" / "flows"
KEYS = Path("/etc/nifi-admin")
STATE = Path("/tmp/flows")
SECONDS = 10.0
LINKS = (("changes", "reference tables", "warehouse"),)  # a group, its port, and the group with a port of the same name
LOADING = "In the process of"  # as NiFi says of a processor in Python that is not there yet
CONTEXT = "lab"  # the parameters, which every group uses
_MADE_OF = re.compile(r"\s*\[made of nifi/flows/[\w.-]+ ([0-9a-f]{12})\]$")


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


def flow_files(folder: Path = FOLDER) -> dict[str, Json]:
    """Every flow by its group's name. LabError: a file is no flow."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
            found[path.stem]["flowContents"]["name"]
        except (ValueError, KeyError, TypeError) as error:
            raise LabError(f"no flow of NiFi: {error}", where=f"nifi/flows/{path.name}", fix="correct it") from None
    return found


def version(flow: Json) -> str:
    """Twelve digits that tell one content of a file from another."""
    return hashlib.sha256(json.dumps(flow, sort_keys=True).encode()).hexdigest()[:12]


def ensure(nifi: Nifi, flows: Mapping[str, Json], values: Mapping[str, tuple[str, bool]]) -> list[str]:
    """Parameters, groups, everything enabled and running. Returns lines of what was done; none when all was there."""
    grant(nifi)
    said = _parameters(nifi, values)
    groups = nifi.groups()
    changed = {}
    for name, flow in flows.items():
        wanted = version(flow)
        found = groups.get(name)
        had = made_of(found) if found else ""
        if found and had == wanted:
            continue
        if found:
            _replace(nifi, found, flow)
            said.append(f"{name}: nifi/flows/{name}.json is another one now ({had or 'made by hand'} → {wanted}): "
                        "it has taken the place of the group, with what was changed in the browser")  # fmt: skip
        else:
            _import(nifi, name, flow)
            said.append(f"{name}: new, of nifi/flows/{name}.json ({wanted})")
        changed[name] = wanted
    groups = nifi.groups() if changed else groups
    said += _links(nifi, {name: group["id"] for name, group in groups.items()})
    for name, wanted in changed.items():
        _bind(nifi, groups[name]["id"])
        start(nifi, groups[name]["id"])
        _sign(nifi, groups[name]["id"], name, wanted)
    return said


def _links(nifi: Nifi, groups: Mapping[str, str]) -> list[str]:
    """Connect the groups that are there, where they are not connected. A link that is needed is not part of a file."""
    root = nifi.root
    there = {(c["sourceGroupId"], c["destinationGroupId"])
             for c in nifi.get(f"/process-groups/{root}/connections")["connections"]}  # fmt: skip
    made = []
    for source, port, destination in LINKS:
        ends = groups.get(source, ""), groups.get(destination, "")
        if all(ends) and ends not in there:
            _connect(nifi, root, port, ends)
            made.append(f"{source} leads to {destination}")
    return made


def _connect(nifi: Nifi, root: str, port: str, groups: tuple[str, str]) -> None:
    """From the output port of one group to the input port of the other, of the same name."""
    ends = {}
    for end, group, kind in (("source", groups[0], "output"), ("destination", groups[1], "input")):
        ports = nifi.get(f"/process-groups/{group}/{kind}-ports")[f"{kind}Ports"]
        found = next((p["id"] for p in ports if p["component"]["name"] == port), None)
        if found is None:
            raise LabError(f"a group has no {kind} port {port}", where=f"group {group}", fix="correct the flow")
        ends[end] = {"id": found, "groupId": group, "type": f"{kind.upper()}_PORT"}
    component = {**ends, "name": port, "backPressureObjectThreshold": 100, "backPressureDataSizeThreshold": "64 MB"}
    nifi.call("POST", f"/process-groups/{root}/connections", {"revision": NEW, "component": component})


def made_of(group: Json) -> str:
    """The version of the file that a group was made of; "" where it was not."""
    found = _MADE_OF.search(group["component"].get("comments") or "")
    return found[1] if found else ""


def _bind(nifi: Nifi, group: str) -> None:
    """Let the group read the parameters."""
    found = nifi.get(f"/process-groups/{group}")
    context = next(c["id"] for c in nifi.get("/flow/parameter-contexts")["parameterContexts"]
                   if c["component"]["name"] == CONTEXT)  # fmt: skip
    if (found["component"].get("parameterContext") or {}).get("id") != context:
        component = {"id": group, "parameterContext": {"id": context}}
        nifi.call("PUT", f"/process-groups/{group}", {"revision": found["revision"], "component": component})


def _sign(nifi: Nifi, group: str, name: str, wanted: str) -> None:
    """Last of all: what is interrupted before is begun again."""
    found = nifi.get(f"/process-groups/{group}")
    comments = _MADE_OF.sub("", found["component"].get("comments") or "")
    component = {"id": group, "comments": f"{comments} [made of nifi/flows/{name}.json {wanted}]"}
    nifi.call("PUT", f"/process-groups/{group}", {"revision": found["revision"], "component": component})


def _import(nifi: Nifi, name: str, flow: Json) -> None:
    root = nifi.root
    body = {
        "groupId": root,
        "groupName": name,
        "positionDTO": flow["flowContents"]["position"],
        "revisionDTO": NEW,
        "flowSnapshot": {**flow, "parameterContexts": {CONTEXT: {"name": CONTEXT, "parameters": []}}},
    }
    nifi.call("POST", f"/process-groups/{root}/process-groups/import", body)


def _replace(nifi: Nifi, group: Json, flow: Json) -> None:
    """In place: what is in the queues stays there. LabError where it is in a queue that the new flow has not."""
    revision = nifi.get(f"/process-groups/{group['id']}")["revision"]
    snapshot = {**flow, "parameterContexts": {CONTEXT: {"name": CONTEXT, "parameters": []}}}
    body = {"processGroupRevision": revision, "versionedFlowSnapshot": snapshot}
    nifi.request(f"/process-groups/{group['id']}/replace-requests", body, "request")


def start(nifi: Nifi, group: str) -> None:
    """Enable the services of a group and run its processors. LabError with what is not valid."""
    nifi.call("PUT", f"/flow/process-groups/{group}/controller-services", {"id": group, "state": "ENABLED"})
    at = f"/flow/process-groups/{group}/controller-services?includeInherited=false&includeDescendantGroups=true"
    nifi.wait(lambda: all(_is(s, "ENABLED") for s in nifi.get(at)["controllerServices"]), "the services of the flow")
    nifi.wait(lambda: not _pending(nifi, group), "NiFi to check the processors")
    wrong = [f"{p['component']['name']}: {'; '.join(p['component']['validationErrors'])}"
             for p in nifi.processors(group).values() if p["component"].get("validationErrors")]  # fmt: skip
    if wrong:
        raise LabError(f"processors are not valid: {' | '.join(wrong)}", where=f"group {group}", fix="correct the flow")
    nifi.call("PUT", f"/flow/process-groups/{group}", {"id": group, "state": "RUNNING"})


def _is(service: Json, state: str) -> bool:
    return bool(service["component"]["state"] == state)


def _pending(nifi: Nifi, group: str) -> bool:
    """Valid or not is not known yet: NiFi checks, or a process of Python is being started."""
    found = [processor["component"] for processor in nifi.processors(group).values()]
    return any(
        c["validationStatus"] == "VALIDATING" or any(LOADING in e for e in c.get("validationErrors") or ())
        for c in found
    )


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


def tidy(flow: Json) -> str:
    """Without what is of one NiFi alone, and without values of parameters."""
    cleaned = _clean({key: flow[key] for key in ("flowContents", "flowEncodingVersion")})
    contents = cleaned["flowContents"]
    contents["comments"] = _MADE_OF.sub("", contents.get("comments") or "")
    contents["parameterContextName"] = CONTEXT
    return json.dumps(cleaned, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _clean(part: Any) -> Any:
    """A copy without ids of instances, and with descriptors of those properties alone that name a service."""
    if isinstance(part, list):
        return [_clean(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {k: v for k, v in part.items() if k not in ("instanceIdentifier", "instanceGroupId") and v is not None}
    if "propertyDescriptors" in kept:
        kept["propertyDescriptors"] = {
            name: d for name, d in kept["propertyDescriptors"].items() if d.get("identifiesControllerService")
        }
    return {key: _clean(value) for key, value in kept.items()}


def watch() -> str:
    """Ensure, again and again, until stopped."""
    nifi = Nifi.by_certificate(role.need("NIFI_URL"), KEYS)
    values = parameters({name: role.need(name) for name in _needed()})
    print(make_tables(role.need("WAREHOUSE_HOST"), role.need("WAREHOUSE_PASSWORD")), flush=True)
    told = ""
    while True:
        try:
            lines, word = ensure(nifi, flow_files(), values), "well"
        except LabError as error:
            lines, word = [str(error)], "ill"
        for line in lines:
            if word == "well" or line != told:
                print(" ".join(line.split()), flush=True)
        told = lines[-1] if lines else ""
        new = STATE.with_suffix(".new")
        new.write_text(f"{word}\n", encoding="utf-8")
        new.replace(STATE)
        time.sleep(SECONDS)


def _needed() -> Iterator[str]:
    yield from ("KAFKA_BOOTSTRAP", "S3_ENDPOINT", "AWS_REGION", "LAB_BUCKET", "AWS_ACCESS_KEY_ID")
    yield from ("AWS_SECRET_ACCESS_KEY", "PSEUDONYM_KEY", "WAREHOUSE_HOST", "WAREHOUSE_PASSWORD")


if __name__ == "__main__":
    role.run(watch)
