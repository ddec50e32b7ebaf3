"""What AWS checks of a request beyond its shape, and records made from a request: a module for each kind of thing.

Words of errors are AWS's where they are known: from its documentation, and from what clients have quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from services.aws.emr.errors import EmrError, InvalidRequestException, ValidationException

Request = Mapping[str, Any]
FINISHED = "A job flow that is shutting down, terminated, or finished may not be modified."
_JOB_FLOW_ID = re.compile(r"j-[0-9A-Z]{10,}")


def need(request: Request, name: str, error: type[EmrError]) -> Any:
    """A required member, or AWS's words for its absence."""
    if request.get(name) is None:
        member = name[0].lower() + name[1:]
        raise error(
            f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
            "Member must not be null"
        )
    return request[name]


def need_some(request: Request, name: str, error: type[EmrError]) -> Any:
    """A required list with something in it."""
    found = need(request, name, error)
    if not found:
        raise error(f"The {name.removesuffix('s')} list cannot be empty")
    return found


def within(value: int, least: int, most: int, member: str) -> None:
    """ValidationException when a number is out of bounds that botocore's model does not know."""
    if least <= value <= most:
        return
    bound = f"greater than or equal to {least}" if value < least else f"less than or equal to {most}"
    raise ValidationException(
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"Member must have value {bound}"
    )


def no_such_job_flow(cluster_id: str) -> ValidationException:
    """What the operations that speak of job flows answer to an id of none."""
    known_form = _JOB_FLOW_ID.fullmatch(cluster_id)
    return ValidationException(
        "Specified job flow ID does not exist." if known_form else "Specified job flow ID not valid."
    )


def no_such_cluster(cluster_id: str) -> InvalidRequestException:
    """What the operations that speak of clusters answer to an id of none."""
    return InvalidRequestException(f"Cluster id '{cluster_id}' is not valid.")
