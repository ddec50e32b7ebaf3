"""ListReleaseLabels, DescribeReleaseLabel, ListSupportedInstanceTypes: what AWS has, from our data of it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from services.aws.emr import instance_types, paging, releases
from services.aws.emr.errors import InvalidRequestException
from services.aws.emr.instance_types import InstanceType
from services.aws.emr.operations.base import Operations
from services.aws.emr.releases import Release
from services.aws.emr.requests import Request, need
from services.aws.emr.shapes import Shape

_MOST = 100


class ReleaseOperations(Operations):
    def list_release_labels(self, request: Request) -> Shape:
        """Newest first, by a prefix of the label and by an application such as `spark` or `spark@3.5.6`."""
        filters = request.get("Filters", {})
        prefix, application = filters.get("Prefix", ""), filters.get("Application", "")
        found = [label for label in releases.labels() if label.startswith(prefix) and _has(label, application)]
        start, token = 0, request.get("NextToken")
        if token:
            if token not in found:
                raise InvalidRequestException("NextToken is not valid.")
            start = found.index(token) + 1
        size = _size(request)
        shown = found[start : start + size]
        return {"ReleaseLabels": shown, **({"NextToken": shown[-1]} if len(found) > start + size else {})}

    def describe_release_label(self, request: Request) -> Shape:
        """The release's applications; the newest one's where none is named."""
        if request.get("NextToken"):
            raise InvalidRequestException("NextToken is not valid.")
        _size(request)
        found = _release(request.get("ReleaseLabel") or releases.labels()[0])
        applications = [
            {"Name": name, "Version": releases.concise(version)} for name, version in sorted(found.applications.items())
        ]
        return {"ReleaseLabel": found.label, "Applications": applications, "AvailableOSReleases": []}

    def list_supported_instance_types(self, request: Request) -> Shape:
        _release(need(request, "ReleaseLabel", InvalidRequestException))
        types = [_shape(each) for _, each in sorted(instance_types.supported().items())]
        return paging.page(types, request, "SupportedInstanceTypes", "Type")


def _release(label: str) -> Release:
    found = releases.release(label)
    if found is None:
        raise InvalidRequestException(f"The supplied release label is invalid: {label}.")
    return found


def _size(request: Request) -> int:
    size = int(request.get("MaxResults", _MOST))
    if not 1 <= size <= _MOST:
        raise InvalidRequestException(f"MaxResults must be between 1 and {_MOST}, but was {size}.")
    return size


def _has(label: str, application: str) -> bool:
    if not application:
        return True
    name, _, version = application.partition("@")
    versions: Mapping[str, str] = _release(label).applications
    found = next((each for known, each in versions.items() if known.lower() == name.lower()), None)
    return found is not None and (not version or version in (found, releases.concise(found)))


def _shape(each: InstanceType) -> Shape:
    return {
        "Type": each.name,
        "InstanceFamilyId": each.family,
        "VCPU": each.vcpus,
        "MemoryGB": each.memory_gb,
        "StorageGB": each.storage_gb,
        "NumberOfDisks": math.ceil(each.storage_gb / 7500),
        "EbsStorageOnly": each.storage_gb == 0,
        "EbsOptimizedAvailable": True,
        "EbsOptimizedByDefault": True,
        "Is64BitsOnly": True,
        "Architecture": each.architecture,
    }
