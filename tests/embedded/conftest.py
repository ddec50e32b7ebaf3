"""Fixtures of the tests that need Postgres or Spark. Each part keeps its own in a module beside this file."""

from emr_database import database
from erp_server import erp_server, loaded, school
from spark_session import spark

__all__ = ["database", "erp_server", "loaded", "school", "spark"]
