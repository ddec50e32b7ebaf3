"""The pages of the live half in a browser: Kafka's topics, the API's calls, and changes as they come."""

from __future__ import annotations

from browsing import SLOW
from live import Live
from pages import address
from playwright.sync_api import Page, expect

from lab.embedded.postgres import OWNER


def test_the_page_of_kafka_shows_topics_and_a_change_as_it_comes(page: Page, live: Live):
    page.goto(address(live, "Kafka's topics"))
    expect(page.locator("#all")).to_have_text("all replicas are in sync", timeout=SLOW)
    page.get_by_role("button", name="erp.public.subjects", exact=True).click()
    expect(page.locator("#messages tr")).not_to_have_count(0, timeout=SLOW)
    for name in ("Live, too", "Data Engineering"):
        with live.stack.connecting(OWNER)() as session, session.cursor() as cursor:
            cursor.execute("UPDATE subjects SET name = %s WHERE id = '5DATA'", (name,))
        expect(page.locator("#messages tr").first).to_contain_text(f"→ {name}", timeout=SLOW)


def test_a_call_is_tried_on_the_page_of_the_api(page: Page, live: Live):
    page.goto(address(live, "API"))
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").fill(live.stack.environment["API_READER_TOKEN"])
    page.get_by_role("button", name="Apply credentials").click()
    page.locator(".close-modal").click()
    page.locator("[data-tag=quotes]").click()
    call = page.locator(".opblock-get").filter(has=page.locator("[data-path='/quotes/{symbol}']"))
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_placeholder("symbol").fill("SUPI")
    call.get_by_role("button", name="Execute").click()
    answer = call.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200", timeout=SLOW)
    expect(answer).to_contain_text('"symbol": "SUPI"')


def test_the_live_page_shows_quotes_and_a_change_and_refuses_a_wrong_token(page: Page, live: Live):
    page.goto(address(live, "Live page"))
    for token, said in (("wrong", "token"), (live.stack.environment["API_READER_TOKEN"], "watching")):
        page.locator("#token").fill(token)
        page.get_by_role("button", name="Watch").click()
        expect(page.locator("#state")).to_contain_text(said, timeout=SLOW)
    expect(page.locator("#quotes tr")).not_to_have_count(0, timeout=SLOW)
    with live.stack.connecting(OWNER)() as session, session.cursor() as cursor:
        cursor.execute("UPDATE campuses SET capacity = capacity WHERE id = 1")
    expect(page.locator("#changes tr").filter(has_text="campuses")).not_to_have_count(0, timeout=SLOW)
