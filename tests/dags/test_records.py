"""What Airflow's container writes into its database before Airflow starts, in the image, on a database of the test."""

from __future__ import annotations

import pytest
from airflow_image import run_inside

ENVIRONMENT = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////tmp/airflow.db",
    "AIRFLOW__CORE__FERNET_KEY": "Zml2ZS1kYXRhLW9mLWEtc2Nob29sLWluLWEtbGFrZSE=",
    "ERP_HOST": "postgres",
    "ERP_UNLOADER_PASSWORD": "of-the-unloader",
    "HIVESERVER2_HOST": "hiveserver2",
    "AWS_ENDPOINT_URL": "http://nginx:4566",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "of-the-endpoint",
}


@pytest.fixture(scope="module")
def starts():
    return run_inside("records_twice.py", ENVIRONMENT)


def test_the_lab_s_connections_are_there_for_users_to_see(starts):
    assert starts["first"]["connections"] == {
        "5DATA-ERP": "postgres://erp_unloader:of-the-unloader@postgres:5432/ERP",
        "aws_default": "aws://AKIAEXAMPLE:of-the-endpoint@/?region_name=eu-west-1&endpoint_url=http%3A%2F%2Fnginx%3A4566",
        "hiveserver2_default": "generic://hadoop@hiveserver2:10000/data_dev_5data",
    }


def test_the_database_holds_no_password_in_clear(starts):
    stored = starts["first"]["stored_passwords"]
    assert len(stored) == 2
    assert not {"of-the-unloader", "of-the-endpoint"} & set(stored)


def test_variables_come_from_the_lab_with_a_default_for_the_pace(starts):
    assert starts["first"]["variables"] == {
        "bucket_name": "first-bucket",
        "emr_cluster_id": "j-1",
        "emr_poll_seconds": "1",
    }


def test_the_next_start_brings_what_is_new_and_keeps_what_users_made(starts):
    assert starts["second"]["variables"] == {
        "bucket_name": "first-bucket",
        "emr_cluster_id": "j-2",
        "emr_poll_seconds": "7",
        "own": "kept",
    }
    connections = starts["second"]["connections"]
    assert connections["5DATA-ERP"] == "postgres://erp_unloader:changed%2Fat%20once@postgres:5432/ERP"
    assert set(connections) == {"5DATA-ERP", "aws_default", "hiveserver2_default", "own"}
