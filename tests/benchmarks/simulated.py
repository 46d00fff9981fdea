"""Clinics over months or years with everything that goes wrong on the way: what was lost, doubled, late for
no reason or not as stored. A process with servers of its own: it checks all that is in its database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

from clinic.local import places
from tests.benchmarks.lines import Line


def lines(full: bool) -> Iterator[Line]:
    clinics, days, courses = (3, 5 * 365, 2) if full else (2, 60, 2)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "tests.simulation", "--seed", "7", "--clinics", str(clinics)),
            *("--days", str(days), "--courses", str(courses)),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=places.PROJECT,
        env={name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
    )
    print(run.stdout if run.returncode == 0 else run.stderr[-4000:])
    yield Line(
        name=f"simulation, {clinics} clinics, {days} days",
        ours="0wrong" if run.returncode == 0 else "broken(see above)",
        against="0",
        ratio=abs(run.returncode),
        target=0,
        at_least=False,
        unit="",
    )
