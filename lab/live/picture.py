"""The picture of NiFi's canvas in docs: `python -m lab.live.picture docs/nifi.png`, on a stack that runs with NiFi."""

from __future__ import annotations

from pathlib import Path

import click

from lab.live.nifi_commands import by_login
from lab.report.screenshot import find_browser
from lab.stack.compose import Compose
from lab.stack.environment import read_environment

_SLOW = 60_000  # milliseconds


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--group", default="changes", show_default=True)
def main(out: Path, group: str) -> None:
    """Photograph a group of the canvas, all of it in the window."""
    from playwright.sync_api import sync_playwright

    stack = Compose(read_environment())
    nifi = by_login(stack)
    login = {"username": "admin", "password": stack.environment["NIFI_ADMIN_PASSWORD"]}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page(
            ignore_https_errors=True,  # the lab's own authority
            http_credentials=login,  # type: ignore[arg-type]
            viewport={"width": 1480, "height": 760},
        )
        page.set_default_timeout(_SLOW)
        page.goto(f"{nifi.url}/nifi/#/process-groups/{nifi.groups()[group]['id']}")
        page.locator("g.processor").first.wait_for()
        page.locator("button:has(.icon-zoom-fit)").click()
        page.add_style_tag(content="graph-controls { display: none }")  # it would lie over the flow
        page.locator("g.processor").last.wait_for()
        page.screenshot(path=out)
        browser.close()
    click.echo(f"{out}: group {group}")


if __name__ == "__main__":
    main()
