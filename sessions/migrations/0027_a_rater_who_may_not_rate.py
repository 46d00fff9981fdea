"""Whoever was named to rate a session and may not do so any more gives up their place. A rating that is in is
never changed nor deleted, as before."""

from __future__ import annotations

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION therapy_sessions_rating_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF {kept} THEN
            RAISE EXCEPTION 'a rating is never changed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'rating_is_final';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.submitted_at IS NOT NULL OR NEW.rater_id <> OLD.rater_id
        OR NEW.review_id <> OLD.review_id OR NEW.place <> OLD.place THEN
        RAISE EXCEPTION 'a rating is never changed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rating_is_final';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("therapy_sessions", "0026_somebody_booked_is_away")]

    operations = [
        migrations.RunSQL(
            FUNCTION.format(kept="OLD.submitted_at IS NOT NULL"), FUNCTION.format(kept="true")
        )
    ]
