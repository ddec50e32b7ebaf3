"""The base of AWS's errors: what the wire sends of an exception, whichever service raised it."""

from __future__ import annotations

from typing import ClassVar


class AwsError(Exception):
    """An error as a client of AWS sees it: a code, the HTTP status and a message."""

    code: ClassVar[str]
    status: ClassVar[int] = 400

    def __init__(self, message: str = "") -> None:
        self.message = message
        super().__init__(message)

    @property
    def members(self) -> dict[str, str]:
        """Members of the error's shape beside the message."""
        return {}
