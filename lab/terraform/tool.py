"""Terraform, or OpenTofu, as a program: found on this machine, its provider too, and its errors in one line.

Terraform looks for the provider in a registry. A machine without a network has it in a folder, laid out as
`<host>/hashicorp/aws/…` (a filesystem mirror): LAB_TF_PLUGINS names one, and a few usual places are looked at. Each
program asks for it by its own registry's name; the provider is built from the same source, so a folder serves both.
https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakelab.errors import LabError
from lakelab.settings import REPOSITORY

PLATFORM = REPOSITORY / "terraform" / "platform"
NAMES = ("terraform", "tofu")
GET_TERRAFORM = "install Terraform 1.9 or newer (or OpenTofu) so that `terraform` or `tofu` is on the PATH"
NAME_ONE = "`terraform`, `tofu`, or the path of one"
GET_PROVIDER = (
    "give it a network, or a folder with the provider: `terraform providers mirror FOLDER` fills one where there is a "
    "network; then LAB_TF_PLUGINS=FOLDER"
)
ASKING = 'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'
# Where machines without a network keep folders of plugins; ~/.terraform.d and the like Terraform knows by itself.
PLUGIN_FOLDERS = ("/opt", "/opt/terraform", "/usr/local/lib/terraform")

Event = dict[str, Any]


def program() -> str:
    """The path of Terraform or OpenTofu: what LAB_TERRAFORM names, else the first on the PATH. LabError for none."""
    named = os.environ.get("LAB_TERRAFORM")
    if named:
        chosen = shutil.which(Path(named).expanduser())
        if not chosen:
            raise LabError("no such program", where=f"LAB_TERRAFORM={named}", fix=f"name {NAME_ONE}")
        return str(Path(chosen).absolute())
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    raise LabError("there is no Terraform here", where="PATH", fix=GET_TERRAFORM)


def plugins(environment: Mapping[str, str] | None = None) -> Path | None:
    """The folder that has the provider; None where Terraform shall look by itself. LabError for a wrong setting."""
    env = os.environ if environment is None else environment
    named = env.get("LAB_TF_PLUGINS")
    if named:
        if not _has_provider(Path(named)):
            raise LabError("no provider hashicorp/aws there", where=f"LAB_TF_PLUGINS={named}", fix=GET_PROVIDER)
        return Path(named).absolute()
    usual = (folder for parent in PLUGIN_FOLDERS for folder in sorted(Path(parent).glob("*")))
    return next((folder for folder in usual if _has_provider(folder)), None)


def _has_provider(folder: Path) -> bool:
    return any(folder.glob("*/hashicorp/aws"))


@dataclass(frozen=True)
class Terraform:
    """One root module with a state of its own.

    home: folder of the state, of Terraform's own data and its log.  files: of variables.  keys: the environment.
    """

    home: Path
    files: Sequence[Path] = ()
    values: Mapping[str, str] | None = None
    keys: Mapping[str, str] | None = None
    root: Path = PLATFORM

    @property
    def state(self) -> Path:
        return self.home / "terraform.tfstate"

    @property
    def name(self) -> str:
        """How the program is called here."""
        return Path(program()).name

    def version(self) -> str:
        """Which program, as in "OpenTofu v1.10.10". LabError where it is another one."""
        said = self.run("version", check=False).stdout.splitlines()
        if not said or not said[0].startswith(("Terraform v", "OpenTofu v")):
            raise LabError("neither Terraform nor OpenTofu", where=program(), fix=f"LAB_TERRAFORM names {NAME_ONE}")
        return said[0]

    def init(self) -> None:
        """Fetch the provider. LabError says how to get it where it cannot be had."""
        done = self.run("init", "-input=false", "-reconfigure", f"-backend-config=path={self.state}", check=False)
        if done.returncode:
            said = _first_error(done.stderr) or f"{self.name} init failed"
            offline = any(word in done.stderr for word in ("registry", "available provider packages"))
            raise LabError(said, where=str(self.root), fix=GET_PROVIDER if offline else "mend it, then again")

    def plan(self, out: Path, *, destroy: bool = False, seen: Callable[[Event], None] | None = None) -> bool:
        """Write a plan; returns whether it changes anything."""
        destroying = ["-destroy"] if destroy else []
        return self._events("plan", "-detailed-exitcode", f"-out={out}", *destroying, *self.variables, seen=seen) == 2

    def apply(self, plan: Path, seen: Callable[[Event], None] | None = None) -> None:
        """Do what the plan says. LabError with Terraform's own words for the first thing that went wrong."""
        self._events("apply", str(plan), seen=seen)

    def show(self, plan: Path | None = None) -> dict[str, Any]:
        """The plan, or the state, as JSON."""
        found: dict[str, Any] = json.loads(self.run("show", "-json", *([str(plan)] if plan else [])).stdout)
        return found

    def outputs(self) -> dict[str, Any]:
        return {name: about["value"] for name, about in json.loads(self.run("output", "-json").stdout).items()}

    @property
    def variables(self) -> list[str]:
        """The options that give the variables their values."""
        files = [f"-var-file={path.absolute()}" for path in self.files]
        return [*files, *(f"-var={name}={value}" for name, value in (self.values or {}).items())]

    def environment(self) -> dict[str, str]:
        """Of the calls: nothing of a user's own account, and a provider that is on this machine where there is one."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_"))}
        if not Path(ours.get("TF_CLI_CONFIG_FILE", "")).is_file():
            ours.pop("TF_CLI_CONFIG_FILE", None)
        ours |= {"TF_DATA_DIR": str(self.home / "data"), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        folder = plugins()
        if folder:
            self.home.mkdir(parents=True, exist_ok=True)
            configuration = self.home / "cli.tfrc"
            mirrors = "".join(f'  filesystem_mirror {{\n    path = "{each}"\n  }}\n' for each in self._mirrors(folder))
            configuration.write_text(f"provider_installation {{\n{mirrors}}}\n", encoding="utf-8")
            ours["TF_CLI_CONFIG_FILE"] = str(configuration)
        return {**ours, "AWS_EC2_METADATA_DISABLED": "true", **(self.keys or {})}

    def _mirrors(self, folder: Path) -> list[Path]:
        """The folder, and one of links where the program asks for the provider by another name than is there."""
        asked = _registry(program())
        if not asked or (folder / asked / "hashicorp" / "aws").exists():
            return [folder]
        links = self.home / "mirror"
        shutil.rmtree(links, ignore_errors=True)
        _link(next(folder.glob("*/hashicorp/aws")), links / asked / "hashicorp" / "aws")
        return [folder, links]

    def run(self, command: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A call with its words kept. LabError with the first error unless `check` is False."""
        self.home.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [program(), f"-chdir={self.root}", command, "-no-color", *arguments],
            env=self.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise LabError(_first_error(done.stderr) or f"{self.name} {command} failed", where=str(self.root))
        return done

    def _events(self, command: str, *arguments: str, seen: Callable[[Event], None] | None) -> int:
        """A call with `-json`, each of its events handed on; returns 0, or 2 of a plan that changes something."""
        self.home.mkdir(parents=True, exist_ok=True)
        errors: list[Event] = []
        with (self.home / "terraform.log").open("a", encoding="utf-8") as log, subprocess.Popen(
            [program(), f"-chdir={self.root}", command, "-json", "-input=false", *arguments],
            env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as process:  # fmt: skip
            for line in process.stdout or ():
                log.write(line)
                event = _event(line)
                if event.get("@level") == "error" and "diagnostic" in event:
                    errors.append(event["diagnostic"])
                if seen:
                    seen(event)
        if process.returncode not in (0, 2) or errors:
            raise self._failure(command, errors)
        return process.returncode

    def _failure(self, command: str, errors: list[Event]) -> LabError:
        log = str(self.home / "terraform.log")
        if not errors:
            return LabError(f"{self.name} {command} failed", where=log, fix="read the end of that file")
        first = errors[0]
        said = " ".join(f"{first['summary']}: {first.get('detail', '')}".split())
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return LabError(f"{self.name} {command}: {said}{more}", where=first.get("address") or log)


@functools.cache
def _registry(path: str) -> str | None:
    """The registry by whose name the program at that path asks for the provider, as it says itself; else None."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.tf").write_text(ASKING, encoding="utf-8")
        call = [path, f"-chdir={folder}", "providers"]
        said = subprocess.run(call, capture_output=True, text=True, check=False).stdout
    found = re.search(r"provider\[([^/\]]+)/hashicorp/aws\]", said)
    return found[1] if found else None


def _link(there: Path, here: Path) -> None:
    """Releases of a provider, packed or not, under another name: links to folders above a package are not followed."""
    packages = [path for each in there.iterdir() for path in (each.iterdir() if each.is_dir() else [each])]
    for package in packages:
        link = here / package.relative_to(there)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(package)


def _event(line: str) -> Event:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _first_error(text: str) -> str:
    """The first error of what Terraform tells people, as one line without its frame."""
    lines = [line.lstrip("│╷╵ ").strip() for line in text.splitlines()]
    start = next((number for number, line in enumerate(lines) if line.startswith("Error: ")), None)
    if start is None:
        return ""
    rest = lines[start:]
    end = next((number for number, line in enumerate(rest[1:], 1) if line.startswith("Error: ")), len(rest))
    return " ".join(" ".join(rest[:end]).removeprefix("Error: ").split())
