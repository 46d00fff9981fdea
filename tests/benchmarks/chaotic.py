"""Texts through killed workers, a restarted database, an emptied Redis and a provider that misbehaves: what
was lost, doubled and left in doubt, by the outbox and by one Celery ETA task each; and how late texts go at a
steady pace. Each run is a process with servers of its own, as durable as in production."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from clinic.local import places
from tests.benchmarks.lines import Line

PACE = 500  # a second
LATEST = 2.0  # seconds, of 99 in a hundred


def lines(full: bool) -> Iterator[Line]:
    messages, seconds = (100_000, 120) if full else (2_000, 30)
    ours = run("--messages", str(messages), "--seed", "7")
    theirs = run("--messages", "2000", "--seed", "7", "--peer")
    for name in ("lost", "doubled"):
        yield Line(
            name=f"chaos, {messages:,} texts: {name}",
            ours=f"{ours[name]}({ours['kills']}kills,{ours['restarts']}restarts,{ours['seconds']:.0f}s)",
            against=f"{theirs[name]}of{theirs['messages']:,}(one Celery ETA task each)",
            ratio=ours[name],
            target=0,
            at_least=False,
            unit="",
        )
    yield Line(
        name=f"chaos, {messages:,} texts: uncertain",
        ours=str(ours["uncertain"]),
        against=f"{theirs['uncertain']}of{theirs['messages']:,}(never noted as sent)",
        ratio=ours["uncertain"],
        target=0,
        at_least=False,
        unit="",
    )
    steady = run("--steady", str(PACE), "--seconds", str(seconds))
    yield Line(
        name=f"{PACE} texts a second: lateness, p99",
        ours=f"{steady['late']:.2f}s({steady['messages']:,}texts)",
        against=f"{LATEST:g}s",
        ratio=steady["late"] / LATEST,
        target=1,
        at_least=False,
    )


def run(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=places.PROJECT,
        env={name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
    )
    last = done.stdout.strip().rpartition("\n")[2]
    if not last.startswith("{"):
        raise RuntimeError(f"the run ended without a report:\n{done.stderr[-3000:]}")
    report: dict[str, Any] = json.loads(last)
    return report
