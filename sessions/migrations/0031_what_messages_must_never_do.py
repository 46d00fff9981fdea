"""Two more views that must show no row: of messages that a patient could be woken or misled by."""

from __future__ import annotations

from django.db import migrations

# Of messages that keep out of them, as the clinic has them since it last changed them. Asked two minutes ago as well:
# a sender that began in time may still be at it.
_QUIET = """CASE WHEN clinic.quiet_from <= clinic.quiet_until
        THEN {at}::time >= clinic.quiet_from AND {at}::time < clinic.quiet_until
        ELSE {at}::time >= clinic.quiet_from OR {at}::time < clinic.quiet_until END"""
VIEWS = {
    "never_sent_in_quiet_hours": f"""
        SELECT log.clinic_id, log.id AS message_id FROM clinic_messagelog log
        JOIN clinic_clinic clinic ON clinic.id = log.clinic_id
        JOIN clinic_messageattempt attempt ON attempt.clinic_id = log.clinic_id
            AND attempt.message_id = log.id AND attempt.step = 'intent'
        WHERE log.purpose IN ('visit_reminder', 'check_in', 'questionnaire', 'practice', 'missed_visit')
            AND clinic.quiet_from <> clinic.quiet_until
            AND {_QUIET.format(at="(attempt.at AT TIME ZONE log.zone)")}
            AND {_QUIET.format(at="((attempt.at - interval '120 seconds') AT TIME ZONE log.zone)")}
            AND NOT EXISTS (
                SELECT FROM clinic_event event WHERE event.clinic_id = log.clinic_id
                    AND event.verb = 'clinic_changed' AND event.occurred_at > attempt.at
                    AND event.data ?| ARRAY['quiet_from', 'quiet_until'])
    """,
    "never_waiting_for_a_visit_that_is_not": """
        SELECT message.clinic_id, message.id AS message_id FROM clinic_message message
        WHERE message.purpose IN ('visit_reminder', 'practice') AND message.state = 'planned'
            AND NOT EXISTS (
                SELECT FROM therapy_sessions_sessionbooking booking
                WHERE booking.course_id = message.course_id AND booking.key = message.data ->> 'key'
                    AND booking.starts_at = message.target_at AND booking.status IN ('booked', 'checked_in'))
    """,
}


class Migration(migrations.Migration):
    dependencies = [
        ("clinic", "0009_what_must_never_be_found"),
        ("therapy_sessions", "0030_texts_that_stand_in_no_note_yet"),
    ]

    operations = [
        migrations.RunSQL(f"CREATE VIEW {name} AS {query}", f"DROP VIEW {name}") for name, query in VIEWS.items()
    ]
