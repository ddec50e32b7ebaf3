"""Imported by every component of Airflow at its start.

The scheduler forks a process for each task. What it has imported before, no task imports again, and the pages are
shared: a chain of short tasks takes a third less time. Not our own library: a change of it is to be seen at once.
"""

import importlib
import sys

OF_TASKS = (
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.amazon.aws.operators.emr",
    "airflow.providers.amazon.aws.sensors.emr",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.standard.operators.python",
    "airflow.providers.standard.sensors.python",
    "boto3.s3.inject",
    "psycopg2",
)

if "scheduler" in sys.argv:
    for name in OF_TASKS:
        importlib.import_module(name)
