"""Views over courses that must show no row, like those of the outbox."""

from __future__ import annotations

from django.db import migrations

# Whatever has left the status it began with left it by a move, and every move writes an event beside the first one.
_MOVED = """
    SELECT row.clinic_id, row.id FROM {table} row
    WHERE row.status NOT IN ({initial}) AND NOT EXISTS (
        SELECT FROM clinic_event event WHERE event.clinic_id = row.clinic_id
            AND event.subject_type = '{subject}' AND event.subject_id = row.id
        OFFSET {others})
"""
VIEWS = {
    "never_a_course_moved_unrecorded": _MOVED.format(
        table="therapy_sessions_course", initial="'enrolled'", subject="course", others=1
    ),
    "never_a_booking_moved_unrecorded": _MOVED.format(
        table="therapy_sessions_sessionbooking", initial="'booked'", subject="sessionbooking", others=1
    ),
    "never_signed_by_nobody": """
        SELECT record.clinic_id, record.id FROM therapy_sessions_sessionrecord record
        WHERE record.status = 'signed' AND NOT EXISTS (
            SELECT FROM therapy_sessions_signaturerecord signature
            JOIN clinic_event event ON event.clinic_id = signature.clinic_id
                AND event.subject_type = 'signaturerecord' AND event.subject_id = signature.id
            WHERE signature.session_record_id = record.id)
    """,
    "never_adding_up_otherwise": """
        SELECT course.clinic_id, course.id FROM therapy_sessions_course course
        LEFT JOIN (
            SELECT course_id, sum(weight) FILTER (WHERE status = 'met') AS met, sum(weight) AS due
            FROM therapy_sessions_courserequirement
            WHERE firm AND came_due_at IS NOT NULL AND status <> 'withdrawn'
            GROUP BY course_id) rows ON rows.course_id = course.id
        WHERE course.met_weight <> coalesce(rows.met, 0) OR course.due_weight <> coalesce(rows.due, 0)
    """,
}


class Migration(migrations.Migration):
    dependencies = [
        ("clinic", "0009_what_must_never_be_found"),
        ("therapy_sessions", "0013_the_life_of_a_deviation"),
    ]

    operations = [
        migrations.RunSQL(f"CREATE VIEW {name} AS {query}", f"DROP VIEW {name}") for name, query in VIEWS.items()
    ]
