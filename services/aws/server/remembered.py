"""What Terraform asks of a budget and of a bucket, and moto or MinIO does not know: remembered here, by moto's means.

A budget's tags and the addresses of its notifications. A bucket's block of public access and its object ownership:
MinIO has neither, so that Nginx leads those calls to moto, where each bucket that is asked for is taken to be there. A
bucket that is deleted and made again finds there what it had; Terraform takes its settings away before the bucket.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from typing import Any

SETTINGS = ("publicAccessBlock", "ownershipControls")
ACCOUNT = "123456789012"  # moto's

_Start = Callable[..., Any]
_Wsgi = Callable[[dict[str, Any], _Start], Iterable[bytes]]


def complete_budgets() -> None:
    """Give moto's budgets the calls that they lack."""
    from moto.budgets.responses import BudgetsResponse

    calls: Any = BudgetsResponse
    create, tags = BudgetsResponse.create_budget, _Tags()

    def create_budget(response: Any) -> str:
        done: str = create(response)
        account, name = response._get_param("AccountId"), response._get_param("Budget")["BudgetName"]
        tags.put(f"arn:aws:budgets::{account}:budget/{name}", response._get_param("ResourceTags") or [], anew=True)
        return done

    def tag_resource(response: Any) -> str:
        tags.put(response._get_param("ResourceARN"), response._get_param("ResourceTags"))
        return "{}"

    def untag_resource(response: Any) -> str:
        tags.take(response._get_param("ResourceARN"), response._get_param("ResourceTagKeys"))
        return "{}"

    def list_tags_for_resource(response: Any) -> str:
        return json.dumps({"ResourceTags": tags.of(response._get_param("ResourceARN"))})

    for call in (create_budget, tag_resource, untag_resource, list_tags_for_resource):
        setattr(calls, call.__name__, call)
    calls.describe_subscribers_for_notification = _subscribers


class _Tags:
    """Tags by ARN; a budget that is made anew begins without its former ones."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, str]] = {}

    def put(self, arn: str, tags: list[dict[str, str]], *, anew: bool = False) -> None:
        former = {} if anew else self.of_names(arn)
        self._kept[arn] = {**former, **{tag["Key"]: tag["Value"] for tag in tags}}

    def take(self, arn: str, names: list[str]) -> None:
        self._kept[arn] = {name: value for name, value in self.of_names(arn).items() if name not in names}

    def of(self, arn: str) -> list[dict[str, str]]:
        return [{"Key": name, "Value": value} for name, value in self.of_names(arn).items()]

    def of_names(self, arn: str) -> dict[str, str]:
        return self._kept.get(arn, {})


def _subscribers(response: Any) -> str:
    name, wanted = response._get_param("BudgetName"), response._get_param("Notification")
    budget = response.backend.budgets[response._get_param("AccountId")].get(name)
    for one in budget.notifications if budget else ():
        if _same(one.details, wanted):
            return json.dumps({"Subscribers": one.subscribers})
    return json.dumps({"Subscribers": []})


def _same(kept: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether it is that notification: by what makes one of a budget, whatever else its caller says of it."""
    names = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
    return [kept.get(name) for name in names] == [wanted.get(name, kept.get(name)) for name in names]


def with_bucket_settings(app: _Wsgi, account: str = ACCOUNT) -> _Wsgi:
    """The application, in which a bucket is there when one of its settings is asked for."""

    def answer(request: dict[str, Any], start: _Start) -> Iterable[bytes]:
        setting = str(request.get("QUERY_STRING", "")).split("&")[0].partition("=")[0]
        bucket = str(request.get("PATH_INFO", "")).strip("/").partition("/")[0]
        if setting in SETTINGS and bucket:
            _ensure(bucket, account)
        return app(request, start)

    return answer


def _ensure(bucket: str, account: str) -> None:
    from moto.core.exceptions import ServiceException
    from moto.s3.models import s3_backends

    backend = s3_backends[account]["aws"]
    if bucket not in backend.buckets:
        with contextlib.suppress(ServiceException):  # a name that S3 does not take: the call itself is told so
            backend.create_bucket(bucket, "eu-west-1")
