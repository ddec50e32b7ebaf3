"""Errors of the AWS front end itself, before a service sees the request, in AWS's words."""

from __future__ import annotations

from services.aws.errors import AwsError


class FrontError(AwsError):
    """Base of what the front end answers."""


class MissingAuthenticationToken(FrontError):
    """The request carries no signature at all."""

    code = "MissingAuthenticationTokenException"

    def __init__(self) -> None:
        super().__init__("Missing Authentication Token")


class IncompleteSignature(FrontError):
    """The Authorization header lacks something."""

    code = "IncompleteSignatureException"


class UnrecognizedClient(FrontError):
    """Nobody has that access key."""

    code = "UnrecognizedClientException"

    def __init__(self) -> None:
        super().__init__("The security token included in the request is invalid.")


class InvalidSignature(FrontError):
    """The signature is not that of the key's owner over this very request, or it is too old."""

    code = "InvalidSignatureException"


class UnknownOperation(FrontError):
    """No service of ours executes the operation that the X-Amz-Target names."""

    code = "UnknownOperationException"


class Serialization(FrontError):
    """The body is not JSON, or a member has another type than the model says."""

    code = "SerializationException"


class Validation(FrontError):
    """A member breaks a constraint of the model."""

    code = "ValidationException"


class RequestTooLarge(FrontError):
    code = "RequestEntityTooLargeException"
    status = 413


class InternalFailure(FrontError):
    """A fault of ours; the request may be sent again."""

    code = "InternalFailure"
    status = 500

    def __init__(self) -> None:
        super().__init__("The request processing has failed because of an unknown error, exception or failure.")
