"""terraform/platform with variables of the tests' own, on moto's server of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.terraform import package
from lab.terraform.rehearse import VARIABLES
from lab.terraform.tool import Terraform

KEYS = {"AWS_ACCESS_KEY_ID": "AKIALAKELABTESTS0001", "AWS_SECRET_ACCESS_KEY": "of-the-tests"}


@dataclass(frozen=True)
class Place:
    """A folder for the state, and an endpoint to plan on."""

    folder: Path
    endpoint: str

    def terraform(self, **values: str) -> Terraform:
        packed = self.folder / "package"
        if not packed.exists():
            package.make(packed)
        given = {"endpoint": self.endpoint, "package_folder": str(packed), **values}
        return Terraform(self.folder / "state", [VARIABLES], given, KEYS)

    def planned(self, **values: str) -> dict[str, Any]:
        """What would be made with these variables, as `terraform show -json` gives it."""
        terraform, out = self.terraform(**values), self.folder / "plan"
        assert terraform.plan(out), "the plan makes nothing"
        return terraform.show(out)


@contextmanager
def moto() -> Iterator[str]:
    """moto's server, for its answers to what a plan asks: zones, account, image."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
