"""Loads a job of spark-jobs/, whose folder is no package since EMR runs its files one by one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

JOBS = Path(__file__).resolve().parents[1] / "spark-jobs"


def load_job(name: str) -> ModuleType:
    """The job's module; nothing in it runs."""
    spec = importlib.util.spec_from_file_location(name, JOBS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
