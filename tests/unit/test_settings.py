"""Settings and the one-line errors of bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakelab.errors import LabError
from lakelab.settings import load_settings


def test_defaults():
    settings = load_settings({})
    assert (settings.bucket, settings.erp_port, settings.students) == ("5data-bucket", 15432, 5000)
    assert settings.stage_uri == "s3://5data-bucket/stage"
    assert settings.log_uri == "s3://5data-bucket/"


def test_the_environment_changes_them(tmp_path):
    settings = load_settings({"LAB_HOME": str(tmp_path), "LAB_BUCKET": "other-bucket", "LAB_ERP_PORT": "25432"})
    assert settings.home == Path(tmp_path)
    assert settings.key_uri == "s3://other-bucket/keys/pseudonym.key"
    assert settings.erp_port == 25432


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAB_BUCKET", "No_Capitals"),
        ("LAB_ERP_PORT", "0"),
        ("LAB_ERP_PORT", "70000"),
        ("LAB_ERP_PORT", "port"),
        ("LAB_STUDENTS", "1e6"),
        ("LAB_SEED", "-1"),
    ],
)
def test_a_bad_value_is_named_with_its_variable(name, value):
    with pytest.raises(LabError) as raised:
        load_settings({name: value})
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_error_is_one_line():
    error = LabError("a\nb", where="here", fix="do\nthis")
    assert str(error) == "a b (here): do this"
