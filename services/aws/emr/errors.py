"""A class per AWS error code. The wire layer sends `code`, `status` and the message; the engine only raises."""

from __future__ import annotations

from services.aws.errors import AwsError


class EmrError(AwsError):
    """Base of the errors of the EMR API; the message is the one that a client sees."""


class ValidationException(EmrError):
    """What the older operations (RunJobFlow, AddJobFlowSteps, TerminateJobFlows …) answer to a bad request."""

    code = "ValidationException"


class InvalidRequestException(EmrError):
    """What the newer operations (Describe…, List…, CancelSteps, ModifyCluster) answer to a bad request."""

    code = "InvalidRequestException"
    error_code = "ValidationError"

    @property
    def members(self) -> dict[str, str]:
        return {"ErrorCode": self.error_code}


class InternalServerException(EmrError):
    """The engine itself failed; the request may be sent again."""

    code = "InternalServerException"
    status = 500
