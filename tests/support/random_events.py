"""What happens in a clinic, drawn from a seed and done by its own operations: contacts, also entered days
later, corrections, visits booked and moved, sessions entered afterwards, courses put on hold and resumed. And
the recount in plain SQL that what a course adds up to is held against."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from random import Random

from django.db import connection

from clinic.actors import acting
from clinic.errors import Refusal
from sessions.models import Course, CourseRequirement, FactRecord
from sessions.operations.booking import book_session
from sessions.operations.contacts import record_contact
from sessions.operations.correcting import amend_fact
from sessions.operations.entering import log_session
from sessions.operations.records import value_from
from sessions.operations.workflow import put_course_on_hold, resume_course
from sessions.rules.facts import ContactResult, Mode
from tests.support.cast import Cast

ANYTHING = frozenset({"outside-window", "course-closed"})
ACTS = (
    *("contact", "contact", "contact_entered_later", "contact_entered_later", "correction", "correction"),
    *("visit_booked_or_moved", "visit_booked_or_moved", "session_entered_later", "hold_or_resume"),
)

# Every column of every course against its rows, told apart from what the operations wrote by being SQL.
RECOUNT = """
SELECT count(*) FROM therapy_sessions_course c
LEFT JOIN (
    SELECT course_id,
        coalesce(sum(weight) FILTER (WHERE counts AND status = 'met'), 0) AS met,
        coalesce(sum(weight) FILTER (WHERE counts), 0) AS due,
        count(*) FILTER (WHERE departed) AS departed,
        count(*) FILTER (WHERE departed AND important) AS important,
        count(*) FILTER (WHERE status = 'overdue') AS overdue,
        min(due_at) FILTER (WHERE status = 'overdue') AS since
    FROM (
        SELECT *, firm AND came_due_at IS NOT NULL AND status <> 'withdrawn' AS counts,
            firm AND came_due_at IS NOT NULL AND status IN
                ('met_early', 'met_late', 'missed', 'out_of_bounds', 'not_done', 'overridden') AS departed
        FROM therapy_sessions_courserequirement) r
    GROUP BY course_id) s ON s.course_id = c.id
WHERE (c.met_weight, c.due_weight, c.departed_count, c.important_count, c.overdue_count, c.overdue_since)
    IS DISTINCT FROM (coalesce(s.met, 0), coalesce(s.due, 0), coalesce(s.departed, 0),
        coalesce(s.important, 0), coalesce(s.overdue, 0), s.since)
"""


def courses_that_do_not_add_up() -> int:
    with connection.cursor() as cursor:
        cursor.execute(RECOUNT)
        (count,) = cursor.fetchone()
    return int(count)


class Happenings:
    """`done` and `refused` count what was tried, by kind: a clinic also tries what it may not."""

    def __init__(self, *, seed: int) -> None:
        self.chance = Random(seed)
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def happen(self, cast: Cast, course: Course, *, now: datetime) -> None:
        """One thing, to that course."""
        act = self.chance.choice(ACTS)
        try:
            happened = getattr(self, f"_{act}")(cast, course, now)
        except Refusal:
            self.refused[act] += 1
        else:
            self.done[act if happened is not False else "nothing_to_do"] += 1

    def _ago(self, now: datetime, *, days: int) -> datetime:
        return now - timedelta(minutes=self.chance.randint(1, days * 24 * 60))

    def _key(self, course: Course, kind: str, *statuses: str) -> str | None:
        keys = CourseRequirement.objects.filter(
            clinic_id=course.clinic_id, course=course, kind=kind, status__in=statuses
        )
        found = list(keys.order_by("due_at", "key").values_list("key", flat=True)[:3])
        return self.chance.choice(found) if found else None

    def _contact(self, cast: Cast, course: Course, now: datetime) -> object:
        return self._reach(cast, course, now, at=self._ago(now, days=1))

    def _contact_entered_later(self, cast: Cast, course: Course, now: datetime) -> object:
        return self._reach(cast, course, now, at=self._ago(now, days=21))

    def _reach(self, cast: Cast, course: Course, now: datetime, *, at: datetime) -> object:
        key = self._key(course, "contact", "open", "overdue", "missed")
        reached = self.chance.random() < 0.7
        return record_contact(
            actor=cast.actor("ada", at=now),
            course_id=course.public_id,
            result=ContactResult.REACHED if reached else ContactResult.NO_ANSWER,
            mode=Mode.PHONE,
            occurred_at=max(at, course.enrolled_at),
            safe=True if reached else None,
            key=key,
            patient_location="at home",
            call_back_number="555-0142",
            now=now,
        )

    def _correction(self, cast: Cast, course: Course, now: datetime) -> object:
        """Of a contact or a reading: that it was at another time, or another value."""
        facts = FactRecord.objects.filter(
            clinic_id=course.clinic_id,
            course=course,
            kind__in=["contact_made", "vitals_taken"],
            amended_by__isnull=True,
        )
        found = list(facts.order_by("-occurred_at", "-id")[:8])
        if not found:
            return False
        row = self.chance.choice(found)
        value = dict(row.value)
        if "systolic" in value:
            value["systolic"] = self.chance.choice((118, 126, 134))
        return amend_fact(
            actor=cast.actor("ada", at=now),
            fact_id=row.public_id,
            value=value_from(row.kind, value),
            occurred_at=min(row.occurred_at + timedelta(minutes=self.chance.randint(-2880, 2880)), now),
            reason="The time was read wrongly.",
            now=now,
        )

    def _visit_booked_or_moved(self, cast: Cast, course: Course, now: datetime) -> object:
        key = self._key(course, "session", "upcoming", "open", "overdue")
        if key is None:
            return False
        return book_session(
            actor=cast.actor("ada", at=now),
            course_id=course.public_id,
            key=key,
            starts_at=now + timedelta(minutes=self.chance.randint(30, 20 * 24 * 60)),
            confirmed=ANYTHING,
            now=now,
        )

    def _session_entered_later(self, cast: Cast, course: Course, now: datetime) -> object:
        key = self._key(course, "session", "open", "overdue", "missed")
        if key is None or key.startswith("dosing"):
            return False
        ended_at = self._ago(now, days=10)
        return log_session(
            actor=cast.actor("ada", at=now),
            course_id=course.public_id,
            key=key,
            started_at=ended_at - timedelta(minutes=90),
            ended_at=ended_at,
            staff=[cast.id("ben")],
            confirmed=ANYTHING,
            now=now,
        )

    def _hold_or_resume(self, cast: Cast, course: Course, now: datetime) -> object:
        actor = cast.actor("dov", at=now)
        with acting(actor):
            status = Course.objects.values_list("status", flat=True).get(pk=course.pk)
        if status == "on_hold":
            return resume_course(actor=actor, course_id=course.public_id, now=now)
        return put_course_on_hold(actor=actor, course_id=course.public_id, reason="travelling", now=now)
