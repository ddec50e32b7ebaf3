"""Terraform on this machine with its provider, and moto beside it: what the tests of terraform/ plan on.

Where either cannot be had the tests are skipped, and say what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from terraform_place import Place, moto

from lab.terraform.tool import program
from lakelab.errors import LabError


@pytest.fixture(scope="session")
def terraform_program() -> str:
    try:
        return program()
    except LabError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, terraform_program: str) -> Iterator[Place]:
    """The platform, initialised once; each plan has its own file."""
    folder = tmp_path_factory.mktemp("terraform")
    with moto() as endpoint:
        found = Place(folder, endpoint)
        try:
            found.terraform().init()
        except LabError as error:
            pytest.skip(str(error))
        yield found


@pytest.fixture(scope="session")
def planned(place: Place) -> dict[str, Any]:
    """The plan of the rehearsal's variables, as JSON."""
    return place.planned()
