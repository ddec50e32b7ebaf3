"""What the processors share: declaring properties and reading them. The one module that imports NiFi's Python API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nifiapi.properties import ExpressionLanguageScope, PropertyDescriptor, StandardValidators

ENVIRONMENT = ExpressionLanguageScope.ENVIRONMENT
FLOW_FILE = ExpressionLanguageScope.FLOWFILE_ATTRIBUTES
NUMBER = StandardValidators.POSITIVE_INTEGER_VALIDATOR


def declare(name: str, description: str, default: str | None = None, **more: Any) -> Any:
    """A property that must have a value. A choice of values takes no expressions."""
    scope = ExpressionLanguageScope.NONE if more.get("allowable_values") else ENVIRONMENT
    options = {"validators": [StandardValidators.NON_EMPTY_VALIDATOR], "expression_language_scope": scope, **more}
    return PropertyDescriptor(name=name, description=description, default_value=default, required=True, **options)


def values(context: Any, descriptors: Sequence[Any]) -> dict[str, str]:
    """The values of properties that do not depend on a flow file."""
    return {d.name: _value(context, d.name) for d in descriptors if d.expressionLanguageScope is not FLOW_FILE}


def _value(context: Any, name: str) -> str:
    found = context.getProperty(name)
    return str(found.property_value.evaluateAttributeExpressions().getValue())
