"""As a person does it: a browser logs in to Airflow, triggers the pipeline and sees it green; opens the other pages."""

from __future__ import annotations

import re

from browsing import SLOW
from live import DAG, PATIENCE, Live
from pages import address
from playwright.sync_api import Page, expect


def log_in_to_airflow(page: Page, live: Live) -> None:
    page.goto(address(live, "Airflow"))
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password", exact=True).fill(live.stack.environment["AIRFLOW_ADMIN_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Dags", exact=True)).to_be_visible(timeout=SLOW)


def test_the_pipeline_is_triggered_and_seen_green(page: Page, live: Live):
    before = live.stack.airflow.last_run(DAG)
    log_in_to_airflow(page, live)
    page.goto(f"{address(live, 'Airflow')}dags/{DAG}")
    page.get_by_test_id("trigger-dag-button").first.click()
    submit = page.get_by_test_id("trigger-dag-submit")
    # A pipeline that has run before offers to run again with the same parameters: a menu comes first.
    menu = page.get_by_role("menuitem", name="Trigger", exact=True)
    menu.or_(submit).first.wait_for()
    if menu.is_visible():
        menu.click()
    submit.click()
    expect(submit).to_be_hidden(timeout=SLOW)
    newest = live.stack.airflow.last_run(DAG)
    assert newest is not None
    assert newest != before
    page.goto(f"{address(live, 'Airflow')}dags/{DAG}/runs/{newest['dag_run_id']}")
    expect(page.get_by_text(re.compile("^Success$", re.IGNORECASE)).first).to_be_visible(timeout=PATIENCE * 1000)
    assert live.ended(newest["dag_run_id"]) == "success"


def test_the_start_page_shows_everything_well_and_leads_there(page: Page, live: Live, run_id: str):
    page.goto(address(live, "Start page"))
    expect(page.locator("#all")).to_have_text(re.compile(r"^(\d+) of \1 are well$"), timeout=SLOW)
    for name in ("Airflow", "EMR console", "MinIO", "YARN", "HDFS", "Spark history"):
        link = page.get_by_role("article").get_by_role("link", name=name, exact=True)
        assert link.get_attribute("href") == address(live, name)
    page.get_by_role("article").filter(has_text="Airflow").get_by_text("show").click()
    expect(page.get_by_text(live.stack.environment["AIRFLOW_ADMIN_PASSWORD"])).to_be_visible()


def test_the_emr_console_shows_the_steps_of_the_run_and_their_logs(page: Page, live: Live, run_id: str):
    page.goto(address(live, "Start page"))
    page.get_by_role("link", name="EMR console", exact=True).first.click()
    page.locator(f"a[href='/emr/clusters/{live.cluster}']").click()
    page.get_by_role("button", name="Completed").click()
    rows = page.locator("table.steps tbody tr")
    expect(rows.filter(has_text="completed")).not_to_have_count(0, timeout=SLOW)
    page.get_by_role("searchbox").fill("students")
    page.locator("table.steps a", has_text=re.compile("students", re.IGNORECASE)).first.click()
    expect(page.locator(".now")).to_contain_text("completed")
    expect(page.locator(".code").first).to_contain_text("s3://")
    page.get_by_role("tab", name="controller").click()
    expect(page.locator("#log")).to_contain_text("Step succeeded", timeout=SLOW)
    expect(page.locator("#log")).to_contain_text("Process ended with exit code 0")


def test_a_wrong_password_does_not_enter_airflow(page: Page, live: Live):
    page.goto(address(live, "Airflow"))
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password", exact=True).fill("admin")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text(re.compile("invalid|unauthorized", re.IGNORECASE)).first).to_be_visible(timeout=SLOW)


def test_yarn_lists_the_applications_of_the_steps(page: Page, live: Live, run_id: str):
    page.goto(address(live, "YARN"))
    expect(page.get_by_text("All Applications").first).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(r"application_\d+_\d+")).first).to_be_visible()


def test_hdfs_shows_its_folders(page: Page, live: Live, run_id: str):
    page.goto(f"{address(live, 'HDFS')}explorer.html#/dev/data/ERP")
    expect(page.get_by_text("STUDENTS", exact=True)).to_be_visible()


def test_minio_shows_the_stage(page: Page, live: Live, run_id: str):
    values = live.stack.environment
    page.goto(address(live, "MinIO"))
    page.locator("input#accessKey").fill(values["AWS_ACCESS_KEY_ID"])
    page.locator("input#secretKey").fill(values["AWS_SECRET_ACCESS_KEY"])
    page.get_by_role("button", name="Login").click()
    page.wait_for_url(re.compile("/browser"))  # to go on earlier would end the login
    page.goto(f"{address(live, 'MinIO')}browser/{live.stack.settings.bucket}/stage%2F")
    expect(page.get_by_text("grades.csv").first).to_be_visible()


def test_spark_history_lists_the_jobs(page: Page, live: Live, run_id: str):
    page.goto(address(live, "Spark history"))
    expect(page.get_by_role("link", name=re.compile(r"application_\d+_\d+")).first).to_be_visible()
