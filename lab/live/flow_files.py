"""The flows of NiFi as files, nifi/flows/*.json: a file is what NiFi exports of a group, without what is of one NiFi.

A group on the canvas remembers in its comments which file it was made of, or is being made of.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.live.nifi import Json
from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

FOLDER = REPOSITORY / "nifi" / "flows"
CONTEXT = "lab"  # the parameters, which every group uses
_MARK = re.compile(r"\s*\[(being )?made of nifi/flows/[\w.-]+ ([0-9a-f]{12})\]$")


@dataclass(frozen=True)
class Mark:
    """version: of the file, "" where a group was made by hand.  done: everything was brought, and started."""

    version: str
    done: bool


def flow_files() -> dict[str, Json]:
    """Every flow by its group's name. LabError: a file is no flow."""
    found = {}
    for path in sorted(FOLDER.glob("*.json")):
        try:
            found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
            found[path.stem]["flowContents"]["name"]
        except (ValueError, KeyError, TypeError) as error:
            raise LabError(f"no flow of NiFi: {error}", where=f"nifi/flows/{path.name}", fix="correct it") from None
    return found


def version(flow: Json) -> str:
    """Twelve digits that tell one content of a file from another."""
    return hashlib.sha256(json.dumps(flow, sort_keys=True).encode()).hexdigest()[:12]


def mark_of(group: Json) -> Mark:
    """What a group says of its file."""
    found = _MARK.search(group["component"].get("comments") or "")
    return Mark(found[2], not found[1]) if found else Mark("", done=True)


def marked(comments: str, name: str, wanted: str, *, done: bool) -> str:
    """Comments that say so, in place of what they said before."""
    begun = "" if done else "being "
    return f"{_MARK.sub('', comments)} [{begun}made of nifi/flows/{name}.json {wanted}]"


def snapshot(name: str, flow: Json) -> Json:
    """The flow as NiFi takes it: with the parameters' context, and marked as begun."""
    contents = flow["flowContents"]
    comments = marked(contents.get("comments") or "", name, version(flow), done=False)
    context = {CONTEXT: {"name": CONTEXT, "parameters": []}}
    return {**flow, "flowContents": {**contents, "comments": comments}, "parameterContexts": context}


def types(flows: Mapping[str, Json]) -> set[tuple[str, str]]:
    """Every type of processor that the flows name, with its version."""
    parts = (part for flow in flows.values() for part in flow["flowContents"]["processors"])
    return {(part["type"], part["bundle"]["version"]) for part in parts}


def tidy(flow: Json) -> str:
    """An exported flow as its file: the same text for the same flow, wherever it was exported.

    Left out are what is of one NiFi alone and values of parameters; sets, which NiFi lists in any order, are sorted.
    """
    cleaned = _clean({key: flow[key] for key in ("flowContents", "flowEncodingVersion")})
    contents = cleaned["flowContents"]
    contents["comments"] = _MARK.sub("", contents.get("comments") or "")
    contents["parameterContextName"] = CONTEXT
    text = json.dumps(cleaned, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    # Each NiFi makes an identifier of its own for the group, which every part names.
    return text.replace(contents["identifier"], str(uuid.uuid5(uuid.NAMESPACE_URL, f"nifi/flows/{contents['name']}")))


def _clean(part: Any) -> Any:
    """A copy without ids of instances, and with descriptors of those properties alone that name a service."""
    if isinstance(part, list):
        return _sorted([_clean(item) for item in part])
    if isinstance(part, float) and part.is_integer():
        return int(part)
    if not isinstance(part, dict):
        return part
    kept = {k: v for k, v in part.items() if k not in ("instanceIdentifier", "instanceGroupId") and v is not None}
    if "propertyDescriptors" in kept:
        kept["propertyDescriptors"] = {
            name: d for name, d in kept["propertyDescriptors"].items() if d.get("identifiesControllerService")
        }
    return {key: _clean(value) for key, value in kept.items()}


def _sorted(items: list[Any]) -> list[Any]:
    """Parts by name; relationships and other words by themselves; points of a line stay in their order."""
    if all(isinstance(item, str) for item in items):
        return sorted(items)
    if all(isinstance(item, dict) and "identifier" in item for item in items):
        return sorted(items, key=lambda item: (item.get("name") or item.get("label") or "", item["identifier"]))
    return items
