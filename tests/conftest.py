"""Fixtures that several kinds of tests share."""

from demo_lab import demo_lab, fresh_lab, own_lab, spare_lab

__all__ = ["demo_lab", "fresh_lab", "own_lab", "spare_lab"]
