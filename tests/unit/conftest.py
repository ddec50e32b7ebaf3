"""Fixtures of the fast tests. Each part keeps its own in a module beside this file."""

from emr_lab import emr

__all__ = ["emr"]
