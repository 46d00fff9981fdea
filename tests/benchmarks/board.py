"""The supervisor's board with 200,000 courses in one database: how long the database takes for it, against
adding up the rows at every look; and that after thousands of random events nothing has drifted.

Ten clinics. 10,000 courses are in flight, with everything the operations would have left; 190,000 have ended
and keep what came due: some twenty sessions each, as records and as requirements.
"""

from __future__ import annotations

import json
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from statistics import median, quantiles
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model, QuerySet

from clinic import clock
from clinic.actors import acting
from clinic.models import Resource
from sessions.models import Course, CourseRequirement, Patient, SessionRecord
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.verifying import differences_of
from sessions.queries.off_track import departed_most, overdue_longest
from tests.benchmarks.caseload import caseload
from tests.benchmarks.lines import Line
from tests.support.cast import Cast, make_cast
from tests.support.random_events import Happenings, courses_that_do_not_add_up

CLINICS = 10
IN_FLIGHT = 10_000
COURSES = 200_000
SESSIONS = 4_000_000
SAMPLED = 2_000
TOGETHER = 200
# What nobody did in every second course.
LEFT_OUT = frozenset(
    {
        *("pcl5.baseline", "check_in@dosing.1", "cssrs.day_7@dosing.1", "cssrs.day_after@dosing.2"),
        *(f"contact.daily@dosing.{cycle}#{day}" for cycle in (1, 2, 3) for day in (2, 5)),
    }
)
MILLISECONDS = 3.0

# The same two lists, added up from the requirements themselves.
LIVE = """
SELECT c.public_id, p.code, r.overdue, r.since, r.departed, r.important
FROM (
    SELECT course_id, count(*) FILTER (WHERE departed) AS departed,
        count(*) FILTER (WHERE departed AND important) AS important,
        count(*) FILTER (WHERE status = 'overdue') AS overdue,
        min(due_at) FILTER (WHERE status = 'overdue') AS since
    FROM (
        SELECT course_id, important, status, due_at, firm AND came_due_at IS NOT NULL AND status IN
            ('met_early', 'met_late', 'missed', 'out_of_bounds', 'not_done', 'overridden') AS departed
        FROM therapy_sessions_courserequirement WHERE clinic_id = %(clinic)s) x
    GROUP BY course_id) r
JOIN therapy_sessions_course c ON c.id = r.course_id
JOIN therapy_sessions_patient p ON p.id = c.patient_id
"""
LIVE_LISTS = (
    LIVE + "WHERE r.since IS NOT NULL ORDER BY r.since, c.id LIMIT 50",
    LIVE + "WHERE r.departed > 0 AND c.status IN ('enrolled', 'active', 'on_hold') "
    "ORDER BY r.important DESC, r.departed DESC, c.id DESC LIMIT 50",
)


def lines(full: bool) -> Iterator[Line]:
    casts = [make_cast(f"board-{number}", now=clock.now()) for number in range(CLINICS)]
    filled(casts)
    assert Course.objects.count() >= COURSES
    assert SessionRecord.objects.count() >= SESSIONS
    drifted = list(drift(casts, events=100_000 if full else 10_000))
    chance = Random(4)
    took = [in_database(cast) for cast in chance.choices(casts, k=400)]
    live = [sum(asked(statement, {"clinic": cast.clinic.pk}) for statement in LIVE_LISTS) for cast in casts]
    p99 = quantiles(took, n=100)[-1]
    assert same_answer(casts[0])
    yield Line(
        name="board of 200,000 courses, p99",
        ours=f"{p99:.2f}ms",
        against=f"{MILLISECONDS:g}ms",
        ratio=p99 / MILLISECONDS,
        target=1,
        at_least=False,
    )
    yield Line(
        name="board / adding up the rows",
        ours=f"{median(took):.2f}ms",
        against=f"{median(live):.1f}ms",
        ratio=median(live) / median(took),
        target=40,
    )
    yield from drifted


# --- the board ----------------------------------------------------------------------------------------------


def asked(sql: str, params: Any) -> float:
    """Milliseconds that the database says it took to plan and to run."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + sql, params)
        (found,) = cursor.fetchone()
    (plan,) = json.loads(found) if isinstance(found, str) else found
    return float(plan["Planning Time"] + plan["Execution Time"])


def in_database(cast: Cast) -> float:
    actor = cast.actor("carla", at=clock.now())
    lists: Sequence[QuerySet[Course]] = (overdue_longest(actor), departed_most(actor))
    with acting(actor):
        return sum(asked(*one.query.sql_with_params()) for one in lists)


def same_answer(cast: Cast) -> bool:
    """Whether the board says what adding up says."""
    actor = cast.actor("carla", at=clock.now())
    with acting(actor), connection.cursor() as cursor:
        for statement, ours in zip(LIVE_LISTS, (overdue_longest(actor), departed_most(actor)), strict=True):
            cursor.execute(statement, {"clinic": cast.clinic.pk})
            theirs = [(row[0], row[2], row[4], row[5]) for row in cursor.fetchall()]
            mine = [
                (one.public_id, one.overdue_count, one.departed_count, one.important_count) for one in ours
            ]
            if mine != theirs:
                return False
    return bool(mine)


# --- drift --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    done: Counter[str]
    refused: Counter[str]
    touched: set[int]


def drift(casts: Sequence[Cast], *, events: int) -> Iterator[Line]:
    """Two processes at once, each in clinics of its own, as two workers would be."""
    half = len(casts) // 2
    connection.close()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        parts = pool.starmap(
            happen, [(casts[:half], events // 2, 1), (casts[half:], events - events // 2, 2)], chunksize=1
        )
    done = sum((part.done for part in parts), Counter())
    refused = sum((part.refused for part in parts), Counter())
    touched = set().union(*(part.touched for part in parts))
    assert sum(done.values()) + sum(refused.values()) == events
    assert sum(done.values()) - done["nothing_to_do"] > events / 2, (done, refused)
    for act in ("contact_entered_later", "correction", "visit_booked_or_moved", "session_entered_later"):
        assert done[act], (done, refused)
    now = clock.now()
    while refresh_due_courses(now=now, deadline_seconds=600).refreshed:
        pass
    everybody = set(Course.objects.filter(status__in=["active", "on_hold"]).values_list("pk", flat=True))
    sampled = Random(9).sample(sorted(everybody - touched), min(SAMPLED, len(everybody - touched)))
    different = engine_differences(sorted(touched) + sampled, now=now)
    wrong = courses_that_do_not_add_up()
    yield Line(
        name="drift: courses recounted in SQL",
        ours=f"{wrong}",
        against=f"{Course.objects.count()}({sum(done.values()) - done['nothing_to_do']}events)",
        ratio=wrong,
        target=0,
        at_least=False,
        unit="",
    )
    yield Line(
        name="drift: courses asked of the engine",
        ours=f"{different}",
        against=f"{len(touched)}touched+{len(sampled)}sampled",
        ratio=different,
        target=0,
        at_least=False,
        unit="",
    )


def happen(casts: Sequence[Cast], events: int, seed: int) -> Happened:
    connection.close()  # the parent's
    happenings, chance = Happenings(seed=seed), Random(seed)
    courses = {
        cast.clinic.pk: list(Course.objects.filter(clinic=cast.clinic, status="active").order_by("pk"))
        for cast in casts
    }
    touched: set[int] = set()
    for _ in range(events):
        cast = chance.choice(casts)
        course = chance.choice(courses[cast.clinic.pk])
        happenings.happen(cast, course, now=clock.now())
        touched.add(course.pk)
    connection.close()
    return Happened(done=happenings.done, refused=happenings.refused, touched=touched)


def engine_differences(ids: Sequence[int], *, now: datetime) -> int:
    found = set()
    for start in range(0, len(ids), TOGETHER):
        page = Course.objects.select_related("patient", "clinic", "protocol_version").filter(
            pk__in=ids[start : start + TOGETHER]
        )
        found |= {difference.course.pk for difference in differences_of(list(page), now=now)}
    return len(found)


# --- the data -----------------------------------------------------------------------------------------------


def filled(casts: Sequence[Cast]) -> None:
    now = clock.now()
    for cast in casts:
        caseload(cast, count=IN_FLIGHT // CLINICS, now=now, left_out=LEFT_OUT)
    tables = (SessionRecord._meta.db_table, CourseRequirement._meta.db_table)
    with connection.cursor() as cursor:
        # Loading only: what the foreign keys and triggers would say of these rows is known.
        cursor.execute("SET session_replication_role = replica")
        with without_indexes(cursor, tables):
            for cast in casts:
                ended(cursor, cast, count=(COURSES - IN_FLIGHT) // CLINICS)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def without_indexes(cursor: CursorWrapper, tables: Sequence[str]) -> Iterator[None]:
    """They are made anew afterwards, which is faster than keeping them while millions of rows come in."""
    cursor.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i "
        "WHERE i.indrelid = ANY(%s::regclass[]) "
        "AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)",
        [list(tables)],
    )
    indexes = cursor.fetchall()
    for name, _made in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _name, made in indexes:
        cursor.execute(made)


def ended(cursor: CursorWrapper, cast: Cast, *, count: int) -> None:
    """Courses that ended, some twenty sessions each, a tenth of them not as the protocol wants. Each row is
    like one that the clinic has, but for what is said here."""
    given: dict[str, int | datetime] = {
        "clinic": cast.clinic.pk,
        "count": count,
        "each": -(-SESSIONS // (COURSES - IN_FLIGHT)),
        "long_ago": clock.now() - timedelta(days=900),
    }

    def insert(model: type[Model], rows: str, where: str = "", **columns: str) -> None:
        cursor.execute(like(model, rows, where, columns), given)

    insert(Resource, "generate_series(1, %(count)s) o", "t.kind = 'patient'", label="'E-' || o")
    insert(
        Patient,
        "(SELECT id AS place, label FROM clinic_resource "
        "WHERE clinic_id = %(clinic)s AND label LIKE 'E-%%') o",
        code="o.label",
        resource_id="o.place",
    )
    insert(
        Course,
        "(SELECT p.id AS patient, %(long_ago)s + row_number() OVER () * interval '40 minutes' AS began "
        "FROM therapy_sessions_patient p WHERE p.clinic_id = %(clinic)s AND p.code LIKE 'E-%%') o",
        "t.status = 'active'",
        patient_id="o.patient",
        status="'completed'",
        enrolled_at="o.began",
        live_from="o.began",
        look_again_at="NULL",
        overdue_count="0",
        overdue_since="NULL",
    )
    sessions = (
        "(SELECT c.id AS course, n, c.enrolled_at + n * interval '7 days' AS at, (c.id + n) %% 60 AS luck "
        "FROM therapy_sessions_course c, generate_series(1, %(each)s) n "
        "WHERE c.clinic_id = %(clinic)s AND c.status = 'completed') o"
    )
    insert(
        SessionRecord,
        sessions,
        "t.kind = 'integration' AND t.status = 'signed'",
        course_id="o.course",
        key="'integration.' || o.n",
        started_at="o.at",
        ended_at="o.at + interval '90 minutes'",
    )
    insert(
        CourseRequirement,
        sessions,
        "t.kind = 'session' AND t.rule = 'integration' AND t.status = 'met'",
        course_id="o.course",
        key="'integration.' || o.n",
        target_at="o.at",
        opens_at="o.at - interval '2 days'",
        due_at="o.at + interval '2 days'",
        closes_at="o.at + interval '2 days'",
        status="coalesce((ARRAY['met_late', 'missed', 'out_of_bounds', 'not_done', 'overridden', "
        "'met_early'])[o.luck], 'met')",
        settled_at="o.at",
        came_due_at="o.at",
        important="o.n %% 5 = 0",
        evidence="'[]'",
    )
    cursor.execute(
        """
        UPDATE therapy_sessions_course c SET met_weight = s.met, due_weight = s.due,
            departed_count = s.departed, important_count = s.important
        FROM (SELECT course_id, sum(weight) AS due,
                coalesce(sum(weight) FILTER (WHERE status = 'met'), 0) AS met,
                count(*) FILTER (WHERE status <> 'met') AS departed,
                count(*) FILTER (WHERE status <> 'met' AND important) AS important
            FROM therapy_sessions_courserequirement WHERE clinic_id = %(clinic)s GROUP BY course_id) s
        WHERE s.course_id = c.id AND c.status = 'completed'""",
        given,
    )


def like(model: type[Model], rows: str, where: str, columns: Mapping[str, str]) -> str:
    """One row of the clinic's, as often as there are `rows`, with these columns otherwise."""
    table = model._meta.db_table
    values = {
        field.column: columns.get(field.column, f"t.{field.column}")
        for field in model._meta.local_concrete_fields
        if field.column != "id"
    } | {"public_id": "gen_random_uuid()"}
    return (
        f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} "
        f"FROM (SELECT * FROM {table} t WHERE t.clinic_id = %(clinic)s {'AND ' + where if where else ''} "
        f"ORDER BY t.id LIMIT 1) t, {rows}"
    )
