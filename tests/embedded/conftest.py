"""Fixtures of the tests that need Postgres or Spark. Each part keeps its own in a module beside this file."""

from erp_server import erp_server, loaded, school
from spark_session import spark

__all__ = ["erp_server", "loaded", "school", "spark"]
