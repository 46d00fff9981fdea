"""A decision that dosing stops may be entered in error: the visits that it cancelled go back as those of an end do. Of
what could not be given back a coordinator is told."""

from django.db import migrations, models

TAKEN_BACK = """
CREATE OR REPLACE FUNCTION therapy_sessions_only_an_error_is_taken_back() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_course bigint := CASE TG_TABLE_NAME WHEN 'therapy_sessions_course' THEN to_jsonb(NEW) ->> 'id'
        ELSE to_jsonb(NEW) ->> 'course_id' END;
    kinds text[] := CASE WHEN OLD.status IN ('active', 'on_hold') THEN ARRAY['hold_begun', 'hold_ended']
        {visits}ELSE ARRAY['course_ended'] END;
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
"""
GUARD = TAKEN_BACK.format(visits="WHEN OLD.status = 'cancelled' THEN ARRAY['course_ended', 'dosing_stopped']\n        ")
UNGUARD = TAKEN_BACK.format(visits="")


class Migration(migrations.Migration):

    dependencies = [
        ('therapy_sessions', '0037_an_enrolment_in_error'),
    ]

    operations = [
        migrations.AlterField(
            model_name='stafftask',
            name='kind',
            field=models.TextField(choices=[('worrying_answer', 'Worrying Answer'), ('call_asked', 'Call Asked'), ('no_answer', 'No Answer'), ('not_reached', 'Not Reached'), ('missed_contact', 'Missed Contact'), ('message_not_sent', 'Message Not Sent'), ('safety_limit', 'Safety Limit'), ('time_asked', 'Time Asked'), ('visit_moved', 'Visit Moved'), ('link_locked', 'Link Locked'), ('missed_visit', 'Missed Visit'), ('ring_instead', 'Ring Instead'), ('text_came', 'Text Came'), ('staff_gone', 'Staff Gone'), ('staff_away', 'Staff Away'), ('visit_to_book', 'Visit To Book'), ('rater_not_blind', 'Rater Not Blind'), ('fidelity_rater', 'Fidelity Rater'), ('deviation_action', 'Deviation Action'), ('effectiveness_check', 'Effectiveness Check'), ('deviation_report', 'Deviation Report')]),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
