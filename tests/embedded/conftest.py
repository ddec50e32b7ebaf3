"""Fixtures of the tests that need Postgres or Spark. Each part keeps its own in a module beside this file."""

from api_server import api, api_settings, broker, two
from emr_database import database
from erp_server import erp_server, loaded, school
from spark_session import spark

__all__ = ["api", "api_settings", "broker", "database", "erp_server", "loaded", "school", "spark", "two"]
