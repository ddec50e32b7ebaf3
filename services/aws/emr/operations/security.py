"""Security configurations: named JSON documents of the account. They are kept; what they ask for is AWS's to do."""

from __future__ import annotations

from services.aws.emr import paging
from services.aws.emr.errors import InvalidRequestException
from services.aws.emr.model import SecurityConfiguration
from services.aws.emr.operations.base import Operations
from services.aws.emr.requests import Request, need
from services.aws.emr.requests.clusters import check_document
from services.aws.emr.shapes import Shape


class SecurityOperations(Operations):
    def create_security_configuration(self, request: Request) -> Shape:
        name, document = need(request, "Name", InvalidRequestException), request["SecurityConfiguration"]
        if not name or "\0" in name:
            raise InvalidRequestException("The name of a security configuration must not be empty.")
        check_document(document, InvalidRequestException)
        with self._lock:
            if self._store.security_configuration(name):
                raise InvalidRequestException(f"SecurityConfiguration with name '{name}' already exists.")
            made = SecurityConfiguration(name, document, self._clock())
            self._store.save(made)
        return {"Name": name, "CreationDateTime": made.created}

    def describe_security_configuration(self, request: Request) -> Shape:
        found = self._security_configuration(request)
        return {"Name": found.name, "SecurityConfiguration": found.document, "CreationDateTime": found.created}

    def list_security_configurations(self, request: Request) -> Shape:
        found = [
            {"Name": each.name, "CreationDateTime": each.created} for each in self._store.security_configurations()
        ]
        return paging.page(found, request, "SecurityConfigurations", "Name")

    def delete_security_configuration(self, request: Request) -> Shape:
        """Clusters that were made with it keep its name."""
        with self._lock:
            self._store.delete_security_configuration(self._security_configuration(request).name)
        return {}

    def _security_configuration(self, request: Request) -> SecurityConfiguration:
        name = need(request, "Name", InvalidRequestException)
        found = self._store.security_configuration(name)
        if found is None:
            raise InvalidRequestException(f"Security configuration with name '{name}' does not exist.")
        return found
