"""What moto's CloudFormation lacks for a template such as cloudformation/lakelab.yaml, given to it by moto's own means.

All that a stack makes is moto's: remembered. Neither MinIO nor the EMR that executes hears of it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from typing import Any

IMAGES = "/aws/service/canonical/ubuntu/"  # Canonical's public parameters, each the id of an image
UBUNTU = "ami-785db401"  # an Ubuntu that moto knows
EMRS_OWN = "ElasticMapReduce-ServiceAccess"  # a group that moto's EMR makes for each VPC

_Start = Callable[..., Any]
_Wsgi = Callable[[dict[str, Any], _Start], Iterable[bytes]]


def with_cloudformation(app: _Wsgi) -> _Wsgi:
    """The application, whose CloudFormation is completed when it is first asked: half of moto comes with it."""

    def answer(request: dict[str, Any], start: _Start) -> Iterable[bytes]:
        if "/cloudformation/aws4_request" in str(request.get("HTTP_AUTHORIZATION", "")):
            complete()
        return app(request, start)

    return answer


@functools.cache
def complete() -> None:
    """Give moto's CloudFormation what it lacks, once."""
    import yaml  # type: ignore[import-untyped]
    from moto.cloudformation import models, parsing
    from moto.emr.models import Cluster

    yaml.add_constructor("!Condition", lambda _, node: {"Condition": node.value}, yaml.Loader)
    _read_images(parsing.ResourceMap)
    _name_the_primary(Cluster)
    _tell_outputs(models.CloudFormationBackend)
    _change_what_depends(parsing.ResourceMap)
    _keep_what_cannot_be_changed(parsing)
    _delete_the_network(parsing.ResourceMap)


def _read_images(resources: Any) -> None:
    """The image of a public parameter. The next deployment gives what the first one read: that stays as it is."""
    read = resources.parse_ssm_parameter

    def parse_ssm_parameter(self: Any, value: str, value_type: str) -> Any:
        if value.startswith(IMAGES):
            return UBUNTU
        return value if value.startswith("ami-") else read(self, value, value_type)

    resources.parse_ssm_parameter = parse_ssm_parameter


def _name_the_primary(cluster: Any) -> None:
    """What a template can read of a cluster beside its id: Fn::GetAtt of AWS::EMR::Cluster in AWS's reference."""
    from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

    def get_cfn_attribute(self: Any, attribute: str) -> str:
        if attribute != "MasterPublicDNS":
            raise UnformattedGetAttTemplateException
        return str(self.master_public_dns_name)

    cluster.get_cfn_attribute = get_cfn_attribute
    cluster.has_cfn_attr = classmethod(lambda _, attribute: attribute == "MasterPublicDNS")


def _tell_outputs(backend: Any) -> None:
    """A stack that a change set made or changed has outputs, too."""
    execute = backend.execute_change_set

    def execute_change_set(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
        execute(self, change_set_name, stack_name)
        change_set = self.describe_change_set(change_set_name)
        stack = change_set.stack
        stack.template_dict, stack.parameters = change_set.template_dict, change_set.parameters
        stack.output_map = stack._create_output_map()

    backend.execute_change_set = execute_change_set


def _change_what_depends(resources: Any) -> None:
    """A parameter changes what names it in a text or hangs on a condition, too, and not only by `Ref`."""
    compare = resources.build_resource_diff

    def build_resource_diff(self: Any, template: Any, parameters: dict[str, Any] | None = None) -> Any:
        actions = compare(self, template, parameters)
        given = parameters or {}
        changed = [name for name, value in given.items() if self.resolved_parameters.get(name) != value]
        marks = ['"Fn::If"', '"Condition"', *(f"${{{name}}}" for name in changed)] if changed else []
        for name, resource in template["Resources"].items():
            text = json.dumps(resource, default=str)
            if name in self._resource_json_map and any(mark in text for mark in marks):
                actions["Modify"] += [name] if name not in actions["Modify"] else []
        return actions

    resources.build_resource_diff = build_resource_diff


def _keep_what_cannot_be_changed(parsing: Any) -> None:
    """It stays in the stack as it was, so that it goes with the stack."""
    change = parsing.parse_and_update_resource

    def parse_and_update_resource(name: str, resource: Any, resources: Any, account_id: str, region_name: str) -> Any:
        there = name in resources._parsed_resources
        found = resources[name]  # made now, where its condition has come true
        if not there or found is None:
            return found
        return change(name, resource, resources, account_id=account_id, region_name=region_name) or found

    parsing.parse_and_update_resource = parse_and_update_resource


def _delete_the_network(resources: Any) -> None:
    """Gateway, routes and endpoint go with their stack; else they keep the VPC from going."""
    from moto.ec2.models import ec2_backends

    delete = resources._delete_resource

    def delete_resource(self: Any, resource: Any, about: dict[str, Any]) -> None:
        undo = _DELETIONS.get(about["Type"])
        if undo:
            undo(ec2_backends[self._account_id][self._region_name], resource)
        else:
            delete(self, resource, about)

    resources._delete_resource = delete_resource


def _delete_endpoint(ec2: Any, endpoint: Any) -> None:
    endpoint.route_table_ids = [table for table in endpoint.route_table_ids if table in ec2.route_tables]
    ec2.delete_vpc_endpoints([endpoint.id])


def _end_cluster(ec2: Any, cluster: Any) -> None:
    cluster.emr_backend.terminate_job_flows([cluster.id])
    group = ec2.get_security_group_from_id(cluster.service_access_security_group)
    if group and group.name == EMRS_OWN:
        ec2.delete_security_group(group_id=group.id)


_DELETIONS: dict[str, Callable[[Any, Any], Any]] = {
    "AWS::EC2::InternetGateway": lambda ec2, gateway: ec2.delete_internet_gateway(gateway.id),
    "AWS::EC2::RouteTable": lambda ec2, table: ec2.delete_route_table(table.id),
    "AWS::EC2::VPCEndpoint": _delete_endpoint,
    "AWS::EC2::VPCGatewayAttachment": lambda ec2, made: ec2.detach_internet_gateway(made.gateway_id, made.vpc_id),
    "AWS::EMR::Cluster": _end_cluster,
}
