"""A service: botocore's model of it, and the object that executes its operations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import OperationModel, ServiceModel

from services.aws.errors import AwsError
from services.aws.server import shapes
from services.aws.server.errors import UnknownOperation

Operation = Callable[[dict[str, Any]], Mapping[str, Any] | None]


@functools.cache
def model_of(name: str) -> ServiceModel:
    """botocore's model of a service, by the name that `boto3.client` takes."""
    return botocore.session.get_session().get_service_model(name)


class Service:
    """Executes the operations that `target` has a method for: `describe_cluster` for DescribeCluster.

    A method takes the request's members and returns the answer's, or raises an AwsError.
    """

    def __init__(self, model: ServiceModel, target: object) -> None:
        if model.metadata["protocol"] != "json":
            raise ValueError(f"{model.service_name} does not speak AWS JSON")
        self.model = model
        self.signing_name: str = model.signing_name
        self.prefix: str = model.metadata["targetPrefix"]
        self._target = target

    def executes(self, operation: str) -> bool:
        return self._method(operation) is not None

    def call(self, operation: str, document: Any) -> dict[str, Any] | None:
        """Check the request by the model, execute it, and shape the answer. AwsError: what the client shall see."""
        method = self._method(operation)
        if method is None:
            told = f"{self.prefix}.{operation} is not executed by the lab." if self._knows(operation) else ""
            raise UnknownOperation(told)
        model = self._operation(operation)
        return shapes.write(model.output_shape, method(shapes.read(model.input_shape, document)))

    def error(self, error: AwsError) -> dict[str, str]:
        """The document of an error: by its shape where the model has one, else as AWS's front end writes it."""
        shape = self.model.shape_for_error_code(error.code)
        if shape is None:
            return front_error(error)
        members = {name: text for name, text in error.members.items() if name in shape.members}
        message = {"Message": error.message} if "Message" in shape.members else {"message": error.message}
        return {"__type": error.code, **members, **message}

    def _knows(self, operation: str) -> bool:
        return operation in self.model.operation_names

    def _operation(self, operation: str) -> OperationModel:
        return self.model.operation_model(operation)

    def _method(self, operation: str) -> Operation | None:
        if not self._knows(operation):
            return None
        method: Operation | None = getattr(self._target, xform_name(operation), None)
        return method


def front_error(error: AwsError) -> dict[str, str]:
    """The document of an error that belongs to no service."""
    return {"__type": error.code, **({"message": error.message} if error.message else {})}
