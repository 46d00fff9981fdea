"""Writing down messages that ought to go, in the outbox's own set-based statement, against COPY of the very
same rows into the very same table; and again, when nothing has changed. What to say to whom is the engine's
to decide, course by course: that is measured as the refresh of a course."""

from __future__ import annotations

import io
from collections.abc import Iterator

from django.db import connection

from clinic import clock
from clinic.models import Clinic, Message
from clinic.outbox.statements import PLAN, SPEC_COLUMNS
from tests.benchmarks.lines import Line, per_second, seconds
from tests.benchmarks.outbox import plan_storm

TOGETHER = 2_000  # specs in one statement


def lines(full: bool) -> Iterator[Line]:
    count = 1_000_000 if full else 100_000
    clinic = Clinic.objects.create(
        slug="planning", name="Planning House", zone="UTC", sender_name="Planning House", phone="555-0100"
    )
    plan_storm(clinic, count)  # the rows, as the outbox would hold them
    specs, rows = as_specs(), as_rows()
    now = clock.now()

    def planned() -> int:
        written = 0
        with connection.cursor() as cursor:
            for chunk in specs:
                cursor.execute(PLAN, {**chunk, "now": now})
                written += cursor.rowcount
        return written

    def copied() -> None:
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY clinic_message ({COLUMNS}) FROM STDIN") as copy,
        ):
            while data := rows.read(1 << 20):
                copy.write(data)

    ours, theirs = [], []
    for _round in range(1 if full else 3):
        empty()
        rows.seek(0)
        theirs.append(seconds(copied))
        assert Message.objects.count() == count
        empty()
        ours.append(seconds(planned))
        assert Message.objects.count() == count
    again: list[int] = []
    unchanged = seconds(lambda: again.append(planned()))
    empty()
    yield Line(
        name=f"planning {count:,} / COPY",
        ours=per_second(count, min(ours)),
        against=per_second(count, min(theirs)),
        ratio=min(theirs) / min(ours),
        target=0.6,
    )
    yield Line(
        name="planning again, nothing changed",
        ours=f"{again[0]}rowswritten({per_second(count, unchanged)})",
        against="0",
        ratio=again[0],
        target=0,
        at_least=False,
        unit="",
    )


COLUMNS = (
    "public_id, clinic_id, purpose, subject_key, rule_code, occurrence, target_at, channel, course_id, data, "
    "local_at, zone, send_at, not_after, state, attempt, planned_at, unknown_outcomes"
)


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE clinic_message, clinic_messagelog, clinic_messageattempt")
        cursor.execute("CHECKPOINT")


def as_specs() -> list[dict[str, str]]:
    """The same rows again as the outbox is given them: so many at a time, each column as one text."""
    columns = ["public_id", *SPEC_COLUMNS]
    texts = ", ".join(f"string_agg({name}::text, E'\\x1f' ORDER BY id)" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {texts} FROM clinic_message GROUP BY id / {TOGETHER} ORDER BY id / {TOGETHER}"
        )
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def as_rows() -> io.BytesIO:
    kept = io.BytesIO()
    with connection.cursor() as cursor, cursor.copy(f"COPY clinic_message ({COLUMNS}) TO STDOUT") as copy:
        for data in copy:
            kept.write(bytes(data))
    return kept
