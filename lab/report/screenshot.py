"""A picture of a page, taken by a Chromium that is installed: `python -m lab.report.screenshot page.html out.png`."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import click

from lakelab.errors import LabError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_MAC = ("Google Chrome", "Chromium", "Microsoft Edge")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
)
# A charted page is drawn within this time of the page's own clock, which runs as fast as the machine allows.
_BUDGET_MS = 20_000


def find_browser() -> Path:
    """The browser of CHROMIUM, else the first on PATH or among the Mac applications. LabError when there is none."""
    asked = os.environ.get("CHROMIUM")
    for name in [asked] if asked else NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    for name in () if asked else _MAC:
        path = Path(f"/Applications/{name}.app/Contents/MacOS/{name}")
        if path.exists():
            return path
    raise LabError(
        f"no browser {asked} to take the picture" if asked else "no Chromium or Chrome to take the picture",
        where="CHROMIUM" if asked else "PATH",
        fix="install chromium, or name the program in the variable CHROMIUM",
    )


def screenshot(page: Path, out: Path, *, width: int = 1280, height: int = 1600, dark: bool = False) -> None:
    """Write a PNG of the top `height` pixels of a page. LabError when there is no page, browser or picture."""
    if not page.is_file():
        raise LabError("there is no page to take a picture of", where=str(page), fix="run `make demo` first")
    photograph(page.resolve().as_uri(), out, width=width, height=height, dark=dark)


def photograph(
    url: str, out: Path, *, width: int = 1280, height: int = 1600, dark: bool = False, budget_ms: int = _BUDGET_MS
) -> None:
    """The same of the page at an address, after that time of the page's own clock."""
    with tempfile.TemporaryDirectory(prefix="lab-browser-") as folder:
        picture = Path(folder) / "page.png"
        command = [
            str(find_browser()),
            *_FLAGS,
            f"--user-data-dir={folder}/profile",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            f"--window-size={width},{height}",
            f"--virtual-time-budget={budget_ms}",
            f"--screenshot={picture}",
            url,
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        except subprocess.TimeoutExpired:
            raise LabError("the browser did not finish in 3 minutes", where=command[0]) from None
        if not picture.is_file():
            # A browser without a desktop always complains of its message bus.
            said = [line for line in done.stderr.splitlines() if line.strip() and "dbus" not in line]
            raise LabError(f"the browser made no picture: {said[-1] if said else done.returncode}", where=command[0])
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(picture, out)


@click.command()
@click.argument("page", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--width", default=1280, show_default=True, help="Width in pixels.")
@click.option("--height", default=1600, show_default=True, help="Height in pixels.")
@click.option("--dark", is_flag=True, help="The dark theme.")
def main(page: Path, out: Path, width: int, height: int, dark: bool) -> None:
    """Take a picture OUT (PNG) of the HTML file PAGE."""
    try:
        screenshot(page, out, width=width, height=height, dark=dark)
    except LabError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
