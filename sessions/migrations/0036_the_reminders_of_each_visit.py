"""By which reminders each booked visit is announced, and the views that are still missing of what must never be:
a visit with other reminders than those, and a status changed without its event wherever there are moves."""

from __future__ import annotations

import django.contrib.postgres.fields
from django.db import migrations, models

# A status is reached by one of these moves; what a row is born with needs none.
_REACHED = """
    SELECT row.clinic_id, row.id FROM {table} row
    JOIN (VALUES {moves}) AS move (status, verbs) ON move.status = row.status
    WHERE NOT EXISTS (
        SELECT FROM clinic_event event WHERE event.clinic_id = row.clinic_id
            AND event.subject_type = '{subject}' AND event.subject_id = row.id AND event.verb = ANY(move.verbs))
"""


def _moves(**verbs: str) -> str:
    return ", ".join(f"('{status}', string_to_array('{said}', ' '))" for status, said in verbs.items())


VIEWS = {
    "never_a_stage_moved_unrecorded": _REACHED.format(
        table="therapy_sessions_coursestage",
        subject="coursestage",
        moves=_moves(
            active="stage_entered stage_reopened", finished="stage_finished", skipped="stage_skipped"
        ),
    ),
    "never_a_session_moved_unrecorded": _REACHED.format(
        table="therapy_sessions_sessionrecord",
        subject="sessionrecord",
        moves=_moves(
            ended="session_ended",
            void="session_started_in_error",
            signed="record_signed",
            entered_in_error="session_entered_in_error",
        ),
    ),
    "never_a_version_moved_unrecorded": _REACHED.format(
        table="protocols_protocolversion",
        subject="protocolversion",
        moves=_moves(
            in_review="protocol_sent_for_review",
            reviewed="protocol_approved",
            published="protocol_published",
            retired="protocol_retired",
        ),
    ),
    # Waiting, gone, or with its reason in the log. A course that is due to be looked at is known to be behind.
    # Kept back on a dosing day of another course: planned anew for the day after.
    "never_a_visit_with_other_reminders": """
        SELECT booking.clinic_id, booking.id FROM therapy_sessions_sessionbooking booking
        JOIN therapy_sessions_course course ON course.id = booking.course_id
        WHERE booking.status IN ('booked', 'checked_in') AND booking.starts_at > clinic_now()
            AND booking.reminders IS NOT NULL
            AND (course.look_again_at IS NULL OR course.look_again_at > clinic_now())
            AND (EXISTS (
                SELECT FROM unnest(booking.reminders) AS wanted (code)
                WHERE NOT EXISTS (
                    SELECT FROM clinic_message message WHERE message.clinic_id = booking.clinic_id
                        AND message.subject_key = 'course:' || booking.course_id || ':' || booking.key
                        AND message.rule_code = wanted.code AND message.target_at = booking.starts_at)
                AND NOT EXISTS (
                    SELECT FROM clinic_messagelog log WHERE log.clinic_id = booking.clinic_id
                        AND log.subject_key = 'course:' || booking.course_id || ':' || booking.key
                        AND log.rule_code = wanted.code AND log.target_at = booking.starts_at
                        AND (log.state <> 'cancelled' OR log.reason = 'dosing_day')))
            OR EXISTS (
                SELECT FROM clinic_message message WHERE message.clinic_id = booking.clinic_id
                    AND message.subject_key = 'course:' || booking.course_id || ':' || booking.key
                    AND message.target_at = booking.starts_at AND message.state = 'planned'
                    AND message.purpose IN ('visit_reminder', 'practice')
                    AND message.rule_code <> ALL (booking.reminders)))
    """,
}


class Migration(migrations.Migration):
    dependencies = [
        ("clinic", "0009_what_must_never_be_found"),
        ("protocols", "0008_legal_bases"),
        ("therapy_sessions", "0035_a_rating_handed_in_in_error"),
    ]

    operations = [
        migrations.AddField(
            model_name="sessionbooking",
            name="reminders",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), editable=False, null=True, size=None
            ),
        ),
        *(migrations.RunSQL(f"CREATE VIEW {name} AS {query}", f"DROP VIEW {name}") for name, query in VIEWS.items()),
    ]
