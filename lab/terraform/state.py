"""Terraform's plans and states as `terraform show -json` gives them.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Shape = dict[str, Any]


def managed(state: Shape) -> Iterator[Shape]:
    """Every resource of a state, of all modules."""
    modules = [state.get("values", {}).get("root_module", {})]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        yield from (each for each in module.get("resources", []) if each["mode"] == "managed")


def changes(plan: Shape) -> list[str]:
    """Addresses of what the plan changes."""
    found = (each for each in plan.get("resource_changes", []) if each["mode"] == "managed")
    return [each["address"] for each in found if each["change"]["actions"] not in (["no-op"], ["read"])]
