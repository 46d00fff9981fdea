"""Whatever a document is, it gets an answer: its errors with their places, soon and in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.protocols import malformed

pytestmark = pytest.mark.timeout(900)

DOCUMENTS = 10_000
MEGABYTES = 200


def test_ten_thousand_damaged_documents_give_errors_within_two_seconds_and_200_megabytes() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.protocols.malformed", str(DOCUMENTS), str(MEGABYTES)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    saw = json.loads(ran.stdout)
    assert sum(saw["outcome"].values()) == DOCUMENTS
    assert saw["outcome"]["refused"] > DOCUMENTS / 2 and saw["outcome"]["senseless"] > 100, saw["outcome"]
    kinds = [*malformed.IN_THE_DOCUMENT, *malformed.IN_THE_TEXT, *malformed.IN_THE_BYTES, malformed.huge]
    assert all(saw["used"].get(kind.__name__, 0) >= 30 for kind in kinds), saw["used"]


def test_the_worst_documents_take_less_than_two_seconds_and_200_megabytes_each() -> None:
    """Bombs, aliases, depth, size: each read in a process of its own, whose peak is measured."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.protocols.malformed", "worst"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    saw: dict[str, tuple[str, float, float]] = json.loads(ran.stdout)
    assert len(saw) == len(malformed.worst_documents())
    for name, (became, seconds, megabytes) in saw.items():
        assert (became == "refused") != name.startswith("readable"), name
        assert seconds < malformed.SECONDS and megabytes < MEGABYTES, name
    assert max(row[2] for row in saw.values()) > 1, "something was measured"
