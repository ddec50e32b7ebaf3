"""How the lake is called, for those who look at it without being it."""

from __future__ import annotations

DATABASE = "lake_erp"  # in Hive
GROUP = "lake"  # in Kafka; without members: it shows how far the lake is, and nobody goes on from there
EMAILS = ("email", "personal_email")  # columns of students by which other rows are found to be theirs
