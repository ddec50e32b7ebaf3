"""Variables that a rehearsal is given besides its file: `lab rehearse --var transient=true`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lab.terraform.tool import PLATFORM
from lakelab.errors import LabError

# The rehearsal sets them itself: with others it would leave the lab, or could not take away what it made.
OWN = ("endpoint", "region", "package_folder", "force_destroy", "upload_days")


def read(given: Sequence[str]) -> dict[str, str]:
    """Values by name, out of NAME=VALUE each. LabError for what is no variable of terraform/platform; values of a wrong
    kind Terraform refuses."""
    return dict(_pair(text) for text in given)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise LabError("not NAME=VALUE", where=f"--var {text}", fix="as in --var transient=true")
    if name in OWN:
        raise LabError("the rehearsal sets it itself", where=f"--var {text}", fix=f"leave out {', '.join(OWN)}")
    if name not in names():
        raise LabError("no such variable", where=f"--var {text}", fix="terraform/platform/README.md has them all")
    return name, value


def names() -> list[str]:
    """The variables of terraform/platform."""
    return re.findall(r'^variable "(\w+)"', (PLATFORM / "variables.tf").read_text(encoding="utf-8"), re.MULTILINE)
