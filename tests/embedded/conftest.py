"""Fixtures of the tests that need Postgres or Spark. Each part keeps its own in a module beside this file."""

from demo_lab import demo_lab, own_lab
from erp_server import erp_server, loaded, school

__all__ = ["demo_lab", "erp_server", "loaded", "own_lab", "school"]
