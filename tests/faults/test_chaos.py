"""Two thousand texts to a provider that misbehaves, by Celery workers that are killed with -9 all the while,
with two immediate restarts of the database, Redis emptied, and a worker that stood still beyond its lease."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from clinic.local import places


@pytest.mark.processes
@pytest.mark.timeout(600)
def test_of_two_thousand_texts_through_killed_workers_none_is_lost_doubled_or_left_uncertain() -> None:
    # A process of its own: it brings servers as durable as in production, and restarts them.
    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--messages", "2000", "--seed", "3"],
        check=False,
        capture_output=True,
        text=True,
        timeout=400,
        cwd=places.PROJECT,
    )
    assert run.stdout.startswith("{"), run.stderr[-3000:]
    report = json.loads(run.stdout)
    assert (report["lost"], report["doubled"], report["uncertain"]) == (0, 0, 0), report
    assert report["messages"] == 2000
    assert report["kills"] >= 5, report
    assert report["restarts"] == 2, report
