"""An enrolment of the wrong patient or on the wrong protocol leaves with all of its course, when two people say so."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


_STATUSES = ("enrolled", "active", "on_hold", "completed", "withdrawn", "discontinued")
_ROWS = ", ".join(f"('therapy_sessions_course', '{status}', 'entered_in_error')" for status in _STATUSES)
LEFT_WITH_ITS_MARK = """
CREATE OR REPLACE FUNCTION therapy_sessions_left_with_its_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM therapy_sessions_errormark mark
        LEFT JOIN therapy_sessions_factrecord fact ON fact.id = NEW.fact_id
        LEFT JOIN therapy_sessions_noterecord note ON note.id = NEW.note_id
        LEFT JOIN therapy_sessions_deviationreport report ON report.id = NEW.report_id
        LEFT JOIN therapy_sessions_deviationrecord deviation
            ON deviation.id = coalesce(NEW.deviation_id, report.deviation_id)
        LEFT JOIN therapy_sessions_fidelityrating rating ON rating.id = NEW.rating_id
        LEFT JOIN therapy_sessions_fidelityreview review ON review.id = rating.review_id
        LEFT JOIN therapy_sessions_sessionrecord rated ON rated.id = review.session_record_id
        WHERE mark.id = NEW.mark_id AND mark.confirmed
            AND mark.course_id = coalesce(fact.course_id, note.course_id, deviation.course_id, rated.course_id)
            AND NEW.session_record_id IS NOT DISTINCT FROM coalesce(fact.session_record_id, note.session_record_id)
            AND (NEW.deviation_id IS NULL{enrolment}
                OR mark.deviation_id = NEW.deviation_id AND deviation.entered_by_id IS NOT NULL)
            AND (NEW.report_id IS NULL
                OR mark.report_id = NEW.report_id AND report.reported_at IS NOT NULL)
            AND (NEW.rating_id IS NULL
                OR mark.rating_id = NEW.rating_id AND rating.submitted_at IS NOT NULL)
    ) THEN
        RAISE EXCEPTION 'a record leaves only with a confirmed mark of its own course'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'left_with_its_mark';
    END IF;
    RETURN NEW;
END $$;
"""
GUARDS = (
    LEFT_WITH_ITS_MARK.format(enrolment=" OR mark.enrolment_id = deviation.course_id")
    + f"""
INSERT INTO therapy_sessions_move VALUES {_ROWS};
CREATE FUNCTION therapy_sessions_two_people_take_out_an_enrolment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM therapy_sessions_errormark WHERE enrolment_id = NEW.id AND confirmed) THEN
        RAISE EXCEPTION 'course % is entered in error only when two people say so', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'two_people_take_out_an_enrolment';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER two_people_take_out_an_enrolment BEFORE UPDATE OF status ON therapy_sessions_course
    FOR EACH ROW WHEN (NEW.status = 'entered_in_error' AND OLD.status <> NEW.status)
    EXECUTE FUNCTION therapy_sessions_two_people_take_out_an_enrolment();
"""
)
UNGUARD = (
    "DROP TRIGGER two_people_take_out_an_enrolment ON therapy_sessions_course;"
    "DROP FUNCTION therapy_sessions_two_people_take_out_an_enrolment();"
    f"DELETE FROM therapy_sessions_move WHERE (row_of, from_status, to_status) IN ({_ROWS});"
    + LEFT_WITH_ITS_MARK.format(enrolment="")
)


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0023_what_the_loop_read_of_the_clock'),
        ('therapy_sessions', '0036_the_reminders_of_each_visit'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='errormark',
            name='an_error_mark_names_one_record',
        ),
        migrations.AddField(
            model_name='errormark',
            name='enrolment',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='therapy_sessions.course'),
        ),
        migrations.AlterField(
            model_name='course',
            name='status',
            field=models.TextField(choices=[('enrolled', 'Enrolled'), ('active', 'Active'), ('on_hold', 'On Hold'), ('completed', 'Completed'), ('withdrawn', 'Withdrawn'), ('discontinued', 'Discontinued'), ('entered_in_error', 'Entered In Error')], default='enrolled'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deviation__isnull', True), ('enrolment__isnull', True), ('fact__isnull', False), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', True), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('enrolment__isnull', True), ('fact__isnull', True), ('note__isnull', False), ('rating__isnull', True), ('report__isnull', True), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('enrolment__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', True), ('session_record__isnull', False)), models.Q(('deviation__isnull', False), ('enrolment__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', True), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('enrolment__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', False), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('enrolment__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', False), ('report__isnull', True), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('enrolment__isnull', False), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', True), ('session_record__isnull', True)), _connector='OR'), name='an_error_mark_names_one_record'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.UniqueConstraint(condition=models.Q(('enrolment__isnull', False), ('settled_at__isnull', True)), fields=('clinic', 'enrolment'), name='one_open_error_mark_per_enrolment'),
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
