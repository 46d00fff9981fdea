"""Before publishing: what a new version would change for two hundred courses in flight, all shown at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.actors import acting
from protocols.operations import load_protocol
from sessions.queries.preview import Preview, preview
from tests.benchmarks.caseload import caseload
from tests.benchmarks.lines import Line, median_seconds
from tests.support.cast import make_cast
from tests.support.second_version import second_text

COURSES = 200
SECONDS = 2.0
WRITES = ("INSERT", "UPDATE", "DELETE")


def lines(full: bool) -> Iterator[Line]:
    cast = make_cast("preview", now=clock.now())
    caseload(cast, count=COURSES)
    draft = load_protocol(
        actor=cast.actor("finn"), clinic=cast.clinic, text=second_text(), now=clock.now() - timedelta(hours=1)
    )

    def ask() -> Preview:
        now = clock.now()
        actor = cast.actor("carla", at=now)
        with acting(actor):
            return preview(actor, version=draft, now=now)

    found = ask()
    assert found.count == COURSES, f"{found.count} courses"
    assert found.touched("dates") > COURSES / 2, "the second version changes most of them"
    took = median_seconds(ask, times=9 if full else 5)
    yield Line(
        name=f"preview of {COURSES} courses",
        ours=f"{took:.2f}s",
        against=f"{SECONDS:g}s",
        ratio=took / SECONDS,
        target=1,
        at_least=False,
    )
    with CaptureQueriesContext(connection) as queries:
        ask()
    written = sum(query["sql"].lstrip().startswith(WRITES) for query in queries)
    yield Line(
        name="preview: writes",
        ours=str(written),
        against="0",
        ratio=written,
        target=0,
        at_least=False,
        unit="",
    )
