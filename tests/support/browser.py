"""Debian's Chromium, driven by Playwright; and what axe finds wrong with a page."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

# A screenshot of every page, for who wants to look: SCREENSHOTS=folder make test
SHOTS = os.environ.get("SCREENSHOTS", "")

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# What is right is only counted: to say where it stands takes longer than all the rest.
_AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# Transitions are ended, not waited for: on a page that draws no frames theirs would never end.
_WEAR = """(theme) => {
  document.documentElement.dataset.theme = theme;
  for (const one of document.getAnimations()) one.finish();
}"""
# What a page promises is waited for without an end, where it isn't told otherwise.
_IN_TIME = """(argument) => Promise.race([
  (%s)(argument),
  new Promise((_, refuse) => setTimeout(() => refuse(new Error("no answer within 20 s")), 20000)),
])"""
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


class NoChromium(Exception):
    """The browser tests need Chromium. On Debian or Ubuntu: `sudo apt-get install chromium`; on Fedora:
    `sudo dnf install chromium`; on macOS: `brew install --cask chromium`; or set CHROMIUM to its program."""

    def __str__(self) -> str:
        return " ".join((self.__doc__ or "").split())


def chromium() -> str:
    if given := os.environ.get("CHROMIUM"):
        return given
    if found := _on_path():
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "--quiet"], env=quiet, check=False)
        subprocess.run(
            ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium"],
            env=quiet,
            check=False,
        )
        if found := _on_path():
            return found
    raise NoChromium


def _on_path() -> str | None:
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def wrong_with(page: Page) -> list[tuple[str, Any]]:
    """What axe finds, and where first. It is put into the page from outside, which the policy of the page
    rightly forbids: the context needs `bypass_csp`."""
    found = Axe().run(page, options=_AXE).response["violations"]
    return [(one["id"], one["nodes"][0]["target"]) for one in found]


def gone(page: Page) -> None:
    """A page without a network is closed. Its last request is kept from going: the pretence of no network
    ends with the page, and now and then before that request."""
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('no network')); }")
    page.close()


def promised(page: Page, script: str, argument: object = None) -> Any:
    """What the function `script` of the page promises; fails when that does not come."""
    return page.evaluate(_IN_TIME % script, argument)


def too_wide(page: Page) -> int:
    """How far it goes beyond the screen."""
    return max(0, int(page.evaluate("document.documentElement.scrollWidth - innerWidth")))


def shoot(page: Page, name: str, *, full_page: bool = True) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=full_page)


def shoot_at_each_width(page: Page, name: str) -> None:
    """At the three that people use it at. Leaves the page as wide as it was."""
    before = page.viewport_size
    for width in (390, 820, 1280) if SHOTS else ():
        page.set_viewport_size({"width": width, "height": 900})
        shoot(page, f"{name}-{width}")
    if SHOTS and before is not None:
        page.set_viewport_size(before)


def worn(page: Page, *looks: tuple[int, str]) -> Iterator[str]:
    """The open page in each width and theme, one after the other: neither needs it from the server again."""
    for width, theme in looks:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(_WEAR, theme)
        yield f"{width}-{theme}"
