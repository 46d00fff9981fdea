"""The end of a course, a hold and its end may be entered in error: the course, and the visits that the end cancelled,
go back; only then, and only to where the acts that stand put it."""

from __future__ import annotations

from django.db import migrations

_BACK = [
    *((ended, goal) for ended in ("completed", "discontinued", "withdrawn") for goal in ("active", "enrolled", "on_hold")),
    ("active", "enrolled"),
    ("on_hold", "enrolled"),
]
_ROWS = [f"('therapy_sessions_course', '{start}', '{goal}')" for start, goal in _BACK] + [
    "('therapy_sessions_sessionbooking', 'cancelled', 'booked')"
]

# Named to fire after `only_listed_moves`: what is no move at all is refused as that.
GUARDS = f"""
INSERT INTO therapy_sessions_move VALUES {", ".join(_ROWS)};

CREATE FUNCTION therapy_sessions_only_an_error_is_taken_back() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_course bigint := CASE TG_TABLE_NAME WHEN 'therapy_sessions_course' THEN to_jsonb(NEW) ->> 'id'
        ELSE to_jsonb(NEW) ->> 'course_id' END;
    kinds text[] := CASE WHEN OLD.status IN ('active', 'on_hold') THEN ARRAY['hold_begun', 'hold_ended']
        ELSE ARRAY['course_ended'] END;
BEGIN
    IF (OLD.status IN ('completed', 'discontinued', 'withdrawn', 'cancelled')
            OR OLD.status IN ('active', 'on_hold') AND NEW.status = 'enrolled')
        AND OLD.status <> NEW.status AND (
        NOT EXISTS (
            SELECT FROM therapy_sessions_enteredinerror gone
            JOIN therapy_sessions_factrecord fact ON fact.id = gone.fact_id
            WHERE fact.course_id = of_course AND fact.kind = ANY(kinds))
        OR EXISTS (
            SELECT FROM therapy_sessions_factrecord fact
            WHERE fact.course_id = of_course AND fact.kind = 'course_ended'
                AND NOT EXISTS (SELECT FROM therapy_sessions_enteredinerror gone WHERE gone.fact_id = fact.id)))
    THEN
        RAISE EXCEPTION '% % goes back only when the act that moved it was entered in error', TG_TABLE_NAME, OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'only_an_error_is_taken_back';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER taken_back_only_in_error BEFORE UPDATE OF status ON therapy_sessions_course
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_only_an_error_is_taken_back();
CREATE TRIGGER taken_back_only_in_error BEFORE UPDATE OF status ON therapy_sessions_sessionbooking
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_only_an_error_is_taken_back();
"""
UNGUARD = f"""
DROP TRIGGER taken_back_only_in_error ON therapy_sessions_course;
DROP TRIGGER taken_back_only_in_error ON therapy_sessions_sessionbooking;
DROP FUNCTION therapy_sessions_only_an_error_is_taken_back();
DELETE FROM therapy_sessions_move WHERE (row_of, from_status, to_status) IN ({", ".join(_ROWS)});
"""


class Migration(migrations.Migration):
    dependencies = [("therapy_sessions", "0032_a_task_to_name_another_rater")]
    operations = [migrations.RunSQL(GUARDS, UNGUARD)]
