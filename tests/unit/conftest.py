"""Fixtures of the fast tests. Each part keeps its own in a module beside this file."""

from aws_endpoint import aws
from cluster_lab import cluster_emr, yarn
from command_lab import storage
from emr_lab import emr
from fake_webhdfs import hdfs

__all__ = ["aws", "cluster_emr", "emr", "hdfs", "storage", "yarn"]
