"""Tags of clusters: what AWS allows, and how they change."""

from __future__ import annotations

from collections.abc import Sequence

from services.aws.emr.errors import EmrError
from services.aws.emr.requests import Request

MAX_TAGS = 50
_MAX_KEY, _MAX_VALUE = 128, 256
Tags = list[dict[str, str]]


def merged(old: Sequence[Request], new: Sequence[Request], error: type[EmrError]) -> Tags:
    """The tags after others were added: a key that exists gets the new value. `error` for what AWS refuses."""
    found = {tag["Key"]: tag["Value"] for tag in old}
    for tag in new:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not 1 <= len(key) <= _MAX_KEY:
            raise error(
                f"Invalid tag key: '{key or 'null'}'. Tag keys must be between 1 and {_MAX_KEY} characters in length."
            )
        if key.lower().startswith("aws:"):
            raise error(f"Invalid tag key: '{key}'. Tag keys that start with 'aws:' are reserved.")
        if len(value) > _MAX_VALUE:
            raise error(
                f"Invalid tag value: '{value}'. Tag values must be between 0 and {_MAX_VALUE} characters in length."
            )
        found[key] = value
    if len(found) > MAX_TAGS:
        raise error(f"The number of tags exceeds the limit of {MAX_TAGS} tags for a resource.")
    return [{"Key": key, "Value": value} for key, value in found.items()]


def without(old: Sequence[Request], keys: Sequence[str]) -> Tags:
    """The tags without those of the keys; keys that no tag has do not matter."""
    return [dict(tag) for tag in old if tag["Key"] not in keys]
