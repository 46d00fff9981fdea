"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import subprocess

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
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
