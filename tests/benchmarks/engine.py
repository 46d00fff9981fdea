"""The engine over a full MDMA course: how many a second, what twice the history costs, and what one refresh
costs with its writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from statistics import median, quantiles
from uuid import uuid4

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from clinic import clock
from protocols.queries import definition_of
from sessions.models import Course, CourseRequirement
from sessions.rules.engine import requirements
from sessions.rules.facts import CourseEnded, DosingStopped, Fact, History, SessionHeld
from tests.benchmarks.caseload import full_history, refreshed, stored
from tests.benchmarks.lines import Line, alternating, milliseconds, seconds
from tests.support.cast import make_cast

WRITES = ("INSERT", "UPDATE", "DELETE")


def lines(full: bool) -> Iterator[Line]:
    now = clock.now()
    cast = make_cast("engine", now=now)
    assert cast.version is not None
    definition = definition_of(cast.version.pk)
    once = full_history(cast, start=now - timedelta(days=200))
    twice = doubled(once)
    end = max(fact.occurred_at for fact in once.facts) + timedelta(hours=1)
    answer = {
        row.key: row.status
        for row in requirements(definition=definition, history=once, as_of=end).requirements
    }
    assert len(answer) > 50, "not a full course"

    def over(history: History) -> None:
        for _ in range(5):
            requirements(definition=definition, history=history, as_of=end)

    one, two = alternating(lambda: over(once), lambda: over(twice), times=60 if full else 20)
    yield Line(
        name="requirements(), history doubled",
        ours=f"{5 / two:,.0f}courses/s({len(twice.facts)}facts)",
        against=f"{5 / one:,.0f}courses/s({len(once.facts)}facts)",
        ratio=two / one,
        target=2.2,
        at_least=False,
    )

    course = stored(cast, once, code="F-001")
    count = 0
    for name, from_nothing in (("refresh, nothing changed", False), ("refresh, all rows written", True)):
        ours, bare = refreshes(course, from_nothing=from_nothing, times=200 if full else 60)
        count = CourseRequirement.objects.filter(course=course).count()
        yield Line(
            name=name,
            ours=f"{milliseconds(median(ours))}(p95={milliseconds(quantiles(ours, n=20)[-1])},{count}rows)",
            against=f"{milliseconds(median(bare))}(its statements alone)",
            ratio=median(ours) / median(bare),
            target=4,
            at_least=False,
        )
    with CaptureQueriesContext(connection) as queries:
        refreshed(course, now=now)
    written = sum(query["sql"].lstrip().startswith(WRITES) for query in queries)
    yield Line(
        name="refresh, nothing changed: writes",
        ours=f"{written}",
        against="0",
        ratio=written,
        target=0,
        at_least=False,
        unit="",
    )


def refreshes(course: Course, *, from_nothing: bool, times: int) -> tuple[list[float], list[float]]:
    """Seconds of each refresh of the course, and of the same statements sent by nobody who thinks: what the
    database, the driver and the disk need in any case, in turns so that the machine's mood burdens both."""

    def start() -> None:
        if from_nothing:
            CourseRequirement.objects.filter(course=course).delete()

    start()
    with CaptureQueriesContext(connection) as queries:
        refreshed(course, now=clock.now())
    statements = [query["sql"] for query in queries if query["sql"] not in ("BEGIN", "COMMIT")]

    def replay() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                if cursor.description:
                    cursor.fetchall()

    ours, bare = [], []
    for _ in range(times):
        start()
        ours.append(seconds(partial(refreshed, course, now=clock.now())))
        start()
        bare.append(seconds(replay))
    return ours, bare


def doubled(history: History) -> History:
    """Twice the facts about the same sessions: readings, contacts, answers and ticks again, a minute on."""
    repeatable = [
        fact
        for fact in sorted(history.facts, key=lambda one: (one.occurred_at, str(one.id)))
        if not isinstance(fact.value, SessionHeld | CourseEnded | DosingStopped)
    ]
    more: list[Fact] = []
    while len(more) < len(history.facts):
        for fact in repeatable[: len(history.facts) - len(more)]:
            at = fact.occurred_at + timedelta(minutes=1)
            more.append(replace(fact, id=uuid4(), occurred_at=at, aware_at=at, recorded_at=at))
    return replace(history, facts=history.facts | frozenset(more))
