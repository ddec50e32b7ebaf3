"""The EC2 instance types that EMR takes: sizes and memory by family.

From the table "Supported instance types with Amazon EMR" (Amazon EMR Management Guide), without the generations that
new clusters no longer get.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

_SIZES = {  # vCPUs
    "large": 2, "xlarge": 4, "2xlarge": 8, "3xlarge": 12, "4xlarge": 16, "6xlarge": 24, "8xlarge": 32,
    "9xlarge": 36, "12xlarge": 48, "16xlarge": 64, "18xlarge": 72, "24xlarge": 96, "32xlarge": 128, "48xlarge": 192,
}  # fmt: skip
_OLD = ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")
_NEW = (*_OLD, "32xlarge")
_LARGEST = (*_OLD, "48xlarge")
_GRAVITON = _OLD[:-1]
_COMPUTE = ("xlarge", "2xlarge", "4xlarge", "9xlarge", "12xlarge", "18xlarge", "24xlarge")
# Family: GB of memory for each vCPU, GB of instance storage for each vCPU, processor, sizes.
_FAMILIES: dict[str, tuple[float, float, str, tuple[str, ...]]] = {
    "c5": (2, 0, "X86_64", _COMPUTE), "c5a": (2, 0, "X86_64", _OLD), "c5d": (2, 25, "X86_64", _COMPUTE),
    "c5n": (2.625, 0, "X86_64", ("xlarge", "2xlarge", "4xlarge", "9xlarge", "18xlarge")),
    "c6a": (2, 0, "X86_64", _LARGEST), "c6g": (2, 0, "ARM64", _GRAVITON), "c6gd": (2, 29.6, "ARM64", _GRAVITON),
    "c6i": (2, 0, "X86_64", _NEW), "c6id": (2, 59.3, "X86_64", _NEW), "c7a": (2, 0, "X86_64", _LARGEST),
    "c7g": (2, 0, "ARM64", _GRAVITON), "c7gd": (2, 29.6, "ARM64", _GRAVITON), "c7i": (2, 0, "X86_64", _LARGEST),
    "d3": (8, 1480, "X86_64", ("xlarge", "2xlarge", "4xlarge", "8xlarge")),
    "i3": (7.625, 237.5, "X86_64", ("xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge")),
    "i3en": (8, 625, "X86_64", ("xlarge", "2xlarge", "3xlarge", "6xlarge", "12xlarge", "24xlarge")),
    "i4i": (8, 234.3, "X86_64", ("xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge", "32xlarge")),
    "m5": (4, 0, "X86_64", _OLD), "m5a": (4, 0, "X86_64", _OLD), "m5d": (4, 37.5, "X86_64", _OLD),
    "m5n": (4, 0, "X86_64", _OLD), "m5zn": (4, 0, "X86_64", ("xlarge", "2xlarge", "3xlarge", "6xlarge", "12xlarge")),
    "m6a": (4, 0, "X86_64", _LARGEST), "m6g": (4, 0, "ARM64", _GRAVITON), "m6gd": (4, 59.3, "ARM64", _GRAVITON),
    "m6i": (4, 0, "X86_64", _NEW), "m6id": (4, 59.3, "X86_64", _NEW), "m6idn": (4, 59.3, "X86_64", _NEW),
    "m7a": (4, 0, "X86_64", _LARGEST), "m7g": (4, 0, "ARM64", _GRAVITON), "m7gd": (4, 59.3, "ARM64", _GRAVITON),
    "m7i": (4, 0, "X86_64", _LARGEST), "m7i-flex": (4, 0, "X86_64", ("xlarge", "2xlarge", "4xlarge", "8xlarge")),
    "r5": (8, 0, "X86_64", _OLD), "r5a": (8, 0, "X86_64", _OLD), "r5b": (8, 0, "X86_64", _OLD),
    "r5d": (8, 37.5, "X86_64", _OLD), "r5n": (8, 0, "X86_64", _OLD), "r6a": (8, 0, "X86_64", _LARGEST),
    "r6g": (8, 0, "ARM64", _GRAVITON), "r6gd": (8, 59.3, "ARM64", _GRAVITON), "r6i": (8, 0, "X86_64", _NEW),
    "r6id": (8, 59.3, "X86_64", _NEW), "r7a": (8, 0, "X86_64", _LARGEST), "r7g": (8, 0, "ARM64", _GRAVITON),
    "r7gd": (8, 59.3, "ARM64", _GRAVITON), "r7i": (8, 0, "X86_64", _LARGEST),
    "x2gd": (16, 59.3, "ARM64", _GRAVITON),
    "z1d": (8, 37.5, "X86_64", ("xlarge", "2xlarge", "3xlarge", "6xlarge", "12xlarge")),
}  # fmt: skip


@dataclass(frozen=True)
class InstanceType:
    name: str
    family: str
    vcpus: int
    memory_gb: float
    storage_gb: int
    architecture: str


@functools.cache
def supported() -> dict[str, InstanceType]:
    """All types by name."""
    types = (
        InstanceType(
            f"{family}.{size}", family, _SIZES[size], _SIZES[size] * memory, round(_SIZES[size] * storage), processor
        )
        for family, (memory, storage, processor, sizes) in _FAMILIES.items()
        for size in sizes
    )
    return {each.name: each for each in types}
