"""A group on NiFi's canvas: made, replaced, removed, started and stopped. Nothing here throws away what is in a queue.

Every step can be done again, and every wait ends: what is interrupted is gone on with by who calls next.
"""

from __future__ import annotations

import contextlib

from lab.live.flow_files import CONTEXT, mark_of, marked, snapshot, version
from lab.live.nifi import HEAVY, NEW, Json, Late, Nifi
from lakelab.errors import LabError

LOADING = ("In the process of", "Initializing runtime")  # as NiFi says of a processor in Python that is not there yet
STOPPING = 60.0  # seconds that work in hand may take; longer is interrupted, and its files stay in their queue
PARTS = ("processors", "connections", "inputPorts", "outputPorts", "controllerServices", "labels", "funnels")


class Refused(LabError):
    """NiFi would have to throw something away: to be done by hand, or later."""


def make(nifi: Nifi, name: str, flow: Json) -> None:
    """A new group. Late: NiFi may go on with it."""
    root = nifi.root
    body = {
        "groupId": root,
        "groupName": name,
        "positionDTO": flow["flowContents"]["position"],
        "revisionDTO": NEW,
        "flowSnapshot": snapshot(name, flow),
    }
    nifi.call("POST", f"/process-groups/{root}/process-groups/import", body, HEAVY)


def is_whole(nifi: Nifi, group: str, flow: Json) -> bool:
    """The group has as many parts of each kind as the file."""
    found = nifi.get(f"/process-groups/{group}/download?includeReferencedServices=false")["flowContents"]
    return all(len(found.get(part) or ()) == len(flow["flowContents"].get(part) or ()) for part in PARTS)


def replace(nifi: Nifi, group: str, name: str, flow: Json) -> None:
    """In place: what is in the queues stays there. Refused, with the group running as before: NiFi does not do it, as
    where a queue that the new flow lacks holds something."""
    stop(nifi, group)
    revision = nifi.get(f"/process-groups/{group}")["revision"]
    body = {"processGroupRevision": revision, "versionedFlowSnapshot": snapshot(name, flow)}
    try:
        nifi.request(f"/process-groups/{group}/replace-requests", body, "request", HEAVY)
    except Late:
        raise
    except LabError as error:
        with contextlib.suppress(LabError):
            start(nifi, group)
        fix = "let the queues of the group run empty, or empty them in the browser"
        raise Refused(f"{name} stays as it was: {error.what}", where=f"nifi/flows/{name}.json", fix=fix) from None


def remove(nifi: Nifi, group: str, name: str) -> None:
    """Delete a group that is half made, with what links it. Refused: something is in its queues."""
    stop(nifi, group)
    links = [
        link for link in nifi.get(f"/process-groups/{nifi.root}/connections")["connections"]
        if group in (link["sourceGroupId"], link["destinationGroupId"])
    ]  # fmt: skip
    waiting = nifi.queued(group) + sum(link["status"]["aggregateSnapshot"]["flowFilesQueued"] for link in links)
    if waiting:
        fix = "start the group in the browser, or empty its queues"
        raise Refused(f"{name} is half made, and {waiting} flow files wait in it", where="NiFi's canvas", fix=fix)
    for at in [*(f"/connections/{link['id']}" for link in links), f"/process-groups/{group}"]:
        nifi.call("DELETE", f"{at}?version={nifi.get(at)['revision']['version']}")


def stop(nifi: Nifi, group: str) -> None:
    """Stop the processors and disable the services. What takes too long is interrupted: its files stay queued."""
    nifi.call("PUT", f"/flow/process-groups/{group}", {"id": group, "state": "STOPPED"})
    try:
        nifi.wait(lambda: _stands(nifi, group), "processors to end what they do", STOPPING)
    except Late:
        for processor in nifi.processors(group).values():
            nifi.call("DELETE", f"/processors/{processor['id']}/threads")
        nifi.wait(lambda: _stands(nifi, group), "processors to be interrupted", STOPPING)
    _services(nifi, group, "DISABLED")


def _stands(nifi: Nifi, group: str) -> bool:
    found = nifi.get(f"/process-groups/{group}")
    return not found["runningCount"] and not found["status"]["aggregateSnapshot"]["activeThreadCount"]


def _services(nifi: Nifi, group: str, state: str) -> None:
    at = f"/flow/process-groups/{group}/controller-services"
    nifi.call("PUT", at, {"id": group, "state": state})

    def are() -> bool:
        found = nifi.get(f"{at}?includeInherited=false&includeDescendantGroups=true")["controllerServices"]
        return all(service["component"]["state"] == state for service in found)

    nifi.wait(are, f"the services of the flow to be {state.lower()}")


def bind(nifi: Nifi, group: str) -> None:
    """Let the group read the parameters. NiFi refuses that while something of the group runs, so it is stopped."""
    context = next(c["id"] for c in nifi.get("/flow/parameter-contexts")["parameterContexts"]
                   if c["component"]["name"] == CONTEXT)  # fmt: skip
    if (nifi.get(f"/process-groups/{group}")["component"].get("parameterContext") or {}).get("id") != context:
        stop(nifi, group)
        revision = nifi.get(f"/process-groups/{group}")["revision"]
        component = {"id": group, "parameterContext": {"id": context}}
        nifi.call("PUT", f"/process-groups/{group}", {"revision": revision, "component": component}, HEAVY)


def start(nifi: Nifi, group: str) -> None:
    """Enable the services of a group and run its processors. LabError with what is not valid."""
    _services(nifi, group, "ENABLED")
    nifi.wait(lambda: not _pending(nifi, group), "NiFi to check the processors, and to start those in Python", HEAVY)
    wrong = [f"{p['component']['name']}: {'; '.join(p['component']['validationErrors'])}"
             for p in nifi.processors(group).values() if p["component"].get("validationErrors")]  # fmt: skip
    if wrong:
        raise LabError(f"processors are not valid: {' | '.join(wrong)}", where=f"group {group}", fix="correct the flow")
    nifi.call("PUT", f"/flow/process-groups/{group}", {"id": group, "state": "RUNNING"})
    nifi.wait(lambda: _runs(nifi, group), "the processors to run")


def _runs(nifi: Nifi, group: str) -> bool:
    return all(p["component"]["state"] == "RUNNING" for p in nifi.processors(group).values())


def _pending(nifi: Nifi, group: str) -> bool:
    """Valid or not is not known yet: NiFi checks, or a process of Python is being started."""
    found = [processor["component"] for processor in nifi.processors(group).values()]
    return any(
        c["validationStatus"] == "VALIDATING"
        or any(text in error for error in c.get("validationErrors") or () for text in LOADING)
        for c in found
    )


def sign(nifi: Nifi, group: str, name: str, flow: Json) -> None:
    """Last of all: what is interrupted before is gone on with."""
    found = nifi.get(f"/process-groups/{group}")
    comments = marked(found["component"].get("comments") or "", name, version(flow), done=True)
    component = {"id": group, "comments": comments}
    nifi.call("PUT", f"/process-groups/{group}", {"revision": found["revision"], "component": component})


def bring(nifi: Nifi, found: Json | None, name: str, flow: Json) -> str:
    """The flow as a group, in place of what is there. Returns a line of what was done."""
    file, wanted = f"nifi/flows/{name}.json", version(flow)
    if found is None:
        nifi.tell(f"{name}: making the group of {file}")
        make(nifi, name, flow)
        return f"{name}: new, of {file} ({wanted})"
    mark, group = mark_of(found), found["id"]
    if not mark.done and mark.version == wanted:
        try:
            nifi.wait(lambda: is_whole(nifi, group, flow), f"group {name} to be whole", STOPPING)
            return f"{name}: gone on with, of {file} ({wanted})"
        except Late:
            remove(nifi, group, name)
            make(nifi, name, flow)
            return f"{name}: was half made; made anew, of {file} ({wanted})"
    nifi.tell(f"{name}: replacing the group by {file}")
    replace(nifi, group, name, flow)
    return (f"{name}: {file} is another one now ({mark.version or 'made by hand'} → {wanted}): "
            "it has taken the place of the group, with what was changed in the browser")  # fmt: skip
