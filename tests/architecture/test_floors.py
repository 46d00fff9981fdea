"""The houses and their floors, as import-linter reads them from pyproject.toml."""

from __future__ import annotations

import subprocess
import sys

from tests.architecture.source import PROJECT


def test_every_import_goes_down_the_floors() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
