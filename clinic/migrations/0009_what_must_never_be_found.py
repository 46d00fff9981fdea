"""Views that must show no row. Each is a promise of the outbox as a query; whoever looks after the database can read
them with nothing but psql."""

from __future__ import annotations

from django.db import migrations

VIEWS = {
    # The loop turns every second; 120 s is what `late` means on the health page.
    "never_waiting_past_its_time": """
        SELECT clinic_id, id AS message_id FROM clinic_message
        WHERE state IN ('planned', 'uncertain') AND send_at < clinic_now() - interval '120 seconds'
    """,
    "never_leased_for_ever": """
        SELECT clinic_id, id AS message_id FROM clinic_message
        WHERE state = 'leased' AND lease_until < clinic_now() - interval '120 seconds'
    """,
    "never_sent_without_an_intent": """
        SELECT clinic_id, id AS message_id FROM clinic_messagelog log
        WHERE state IN ('handed_off', 'delivered') AND NOT EXISTS (
            SELECT FROM clinic_messageattempt attempt
            WHERE attempt.clinic_id = log.clinic_id AND attempt.message_id = log.id AND attempt.step = 'intent')
    """,
    "never_sent_after_it_was_cancelled": """
        SELECT clinic_id, id AS message_id FROM clinic_messagelog log
        WHERE state = 'cancelled' AND EXISTS (
            SELECT FROM clinic_messageattempt attempt
            WHERE attempt.clinic_id = log.clinic_id AND attempt.message_id = log.id
                AND attempt.step = 'intent' AND attempt.at > log.finished_at)
    """,
    "never_accepted_twice": """
        SELECT clinic_id, message_id FROM clinic_messageattempt
        WHERE result = 'accepted' GROUP BY clinic_id, message_id HAVING count(*) > 1
    """,
}


class Migration(migrations.Migration):
    dependencies = [("clinic", "0008_who_is_away_and_who_stands_in")]

    operations = [
        migrations.RunSQL(f"CREATE VIEW {name} AS {query}", f"DROP VIEW {name}") for name, query in VIEWS.items()
    ]
