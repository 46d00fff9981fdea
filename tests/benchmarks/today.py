"""The page that everybody opens first, with a caseload of ten and of a thousand: as many queries, and hardly
more time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.actors import acting
from sessions.queries.today import today
from tests.benchmarks.caseload import caseload
from tests.benchmarks.lines import Line, alternating, milliseconds
from tests.support.cast import Cast, make_cast


def lines(full: bool) -> Iterator[Line]:
    few, many = make_cast("few", now=clock.now()), make_cast("many", now=clock.now())
    caseload(few, count=10)
    caseload(many, count=1000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    times = 200 if full else 40
    for name in ("ada", "carla"):
        who = "therapist" if name == "ada" else "supervisor"
        yield from compared(f"Today query, {who}", query(few, name), query(many, name), times=times)
        yield from compared(f"Today page, {who}", page(few, name), page(many, name), times=times)


def query(cast: Cast, name: str) -> Callable[[], object]:
    def ask() -> object:
        now = clock.now()
        actor = cast.actor(name, at=now)
        with acting(actor):
            return today(actor, now=now)

    return ask


def page(cast: Cast, name: str) -> Callable[[], object]:
    client = Client(SERVER_NAME="localhost")
    client.force_login(cast.people[name])

    def ask() -> object:
        answer = client.get(f"/c/{cast.clinic.slug}/")
        assert answer.status_code == 200, f"{answer.status_code} {answer.content[:300]!r}"
        return answer

    return ask


def compared(
    name: str, few: Callable[[], object], many: Callable[[], object], *, times: int
) -> Iterator[Line]:
    for _ in range(3):  # plans, caches and templates
        few(), many()
    asked_for_few, asked_for_many = asked(few), asked(many)
    quick, slow = alternating(few, many, times=times)
    yield Line(
        name=f"{name}, 1000 / 10",
        ours=milliseconds(slow),
        against=milliseconds(quick),
        ratio=slow / quick,
        target=1.5,
        at_least=False,
    )
    yield Line(
        name=f"{name}, queries",
        ours=str(asked_for_many),
        against=str(asked_for_few),
        ratio=asked_for_many / asked_for_few,
        target=1,
        at_least=False,
    )


def asked(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        act()
    return len(queries)  # now: the next request forgets them
