"""Ids in the form of EMR's: a prefix that tells what it is the id of, then upper-case letters and digits."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_uppercase + string.digits


def new_id(prefix: str) -> str:
    """`j-`, `s-`, `ig-`, `if-` or `ci-` with 13 characters that nobody can guess."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(13))
