"""A class per AWS error code. The wire layer sends `code`, `status` and the message; the engine only raises."""

from __future__ import annotations

from typing import ClassVar


class EmrError(Exception):
    """Base of the errors of the EMR API; the message is the one that a client sees."""

    code: ClassVar[str]
    status: ClassVar[int]

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class ValidationException(EmrError):
    """What the older operations (RunJobFlow, AddJobFlowSteps, TerminateJobFlows …) answer to a bad request."""

    code = "ValidationException"
    status = 400


class InvalidRequestException(EmrError):
    """What the newer operations (Describe…, List…, CancelSteps, ModifyCluster) answer to a bad request."""

    code = "InvalidRequestException"
    status = 400
    error_code = "ValidationError"


class InternalServerException(EmrError):
    """The engine itself failed; the request may be sent again."""

    code = "InternalServerException"
    status = 500
