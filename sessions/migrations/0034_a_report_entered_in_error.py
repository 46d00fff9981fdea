"""A report recorded as made in error leaves like a fact; another row asks for it anew, by the clock that went on."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


LEFT_WITH_ITS_MARK = """
CREATE OR REPLACE FUNCTION therapy_sessions_left_with_its_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM therapy_sessions_errormark mark
        LEFT JOIN therapy_sessions_factrecord fact ON fact.id = NEW.fact_id
        LEFT JOIN therapy_sessions_noterecord note ON note.id = NEW.note_id
        {join}
        LEFT JOIN therapy_sessions_deviationrecord deviation ON deviation.id = {deviation}
        WHERE mark.id = NEW.mark_id AND mark.confirmed
            AND mark.course_id = coalesce(fact.course_id, note.course_id, deviation.course_id)
            AND NEW.session_record_id IS NOT DISTINCT FROM coalesce(fact.session_record_id, note.session_record_id)
            AND (NEW.deviation_id IS NULL
                OR mark.deviation_id = NEW.deviation_id AND deviation.entered_by_id IS NOT NULL)
            {report}
    ) THEN
        RAISE EXCEPTION 'a record leaves only with a confirmed mark of its own course'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'left_with_its_mark';
    END IF;
    RETURN NEW;
END $$;
"""
GUARDS = (
    LEFT_WITH_ITS_MARK.format(
        join="LEFT JOIN therapy_sessions_deviationreport report ON report.id = NEW.report_id",
        deviation="coalesce(NEW.deviation_id, report.deviation_id)",
        report="AND (NEW.report_id IS NULL"
        " OR mark.report_id = NEW.report_id AND report.reported_at IS NOT NULL)",
    )
    + """
CREATE FUNCTION therapy_sessions_asked_anew_after_an_error() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM therapy_sessions_enteredinerror gone
        JOIN therapy_sessions_deviationreport report ON report.id = gone.report_id
        WHERE report.id = NEW.instead_of_id
            AND (report.deviation_id, report.clock_id) = (NEW.deviation_id, NEW.clock_id)
    ) THEN
        RAISE EXCEPTION 'a report is asked for anew only when the first was entered in error'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'asked_anew_after_an_error';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER asked_anew_after_an_error BEFORE INSERT ON therapy_sessions_deviationreport
    FOR EACH ROW WHEN (NEW.instead_of_id IS NOT NULL)
    EXECUTE FUNCTION therapy_sessions_asked_anew_after_an_error();
"""
)
UNGUARD = """
DROP TRIGGER asked_anew_after_an_error ON therapy_sessions_deviationreport;
DROP FUNCTION therapy_sessions_asked_anew_after_an_error();
""" + LEFT_WITH_ITS_MARK.format(join="", deviation="NEW.deviation_id", report="")


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0023_what_the_loop_read_of_the_clock'),
        ('therapy_sessions', '0033_moves_taken_back'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='deviationreport',
            name='one_report_per_deviation_and_clock',
        ),
        migrations.RemoveConstraint(
            model_name='enteredinerror',
            name='what_was_entered_in_error_is_one_record',
        ),
        migrations.RemoveConstraint(
            model_name='errormark',
            name='an_error_mark_names_one_record',
        ),
        migrations.AddField(
            model_name='deviationreport',
            name='instead_of',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='asked_anew', to='therapy_sessions.deviationreport'),
        ),
        migrations.AddField(
            model_name='enteredinerror',
            name='report',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entered_in_error', to='therapy_sessions.deviationreport'),
        ),
        migrations.AddField(
            model_name='errormark',
            name='report',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='error_marks', to='therapy_sessions.deviationreport'),
        ),
        migrations.AddConstraint(
            model_name='deviationreport',
            constraint=models.UniqueConstraint(fields=('clinic', 'deviation', 'clock', 'instead_of'), name='one_report_per_deviation_and_clock', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='enteredinerror',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deviation__isnull', True), ('fact__isnull', False), ('note__isnull', True), ('report__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', False), ('report__isnull', True)), models.Q(('deviation__isnull', False), ('fact__isnull', True), ('note__isnull', True), ('report__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('report__isnull', False)), _connector='OR'), name='what_was_entered_in_error_is_one_record'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deviation__isnull', True), ('fact__isnull', False), ('note__isnull', True), ('report__isnull', True), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', False), ('report__isnull', True), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('report__isnull', True), ('session_record__isnull', False)), models.Q(('deviation__isnull', False), ('fact__isnull', True), ('note__isnull', True), ('report__isnull', True), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('report__isnull', False), ('session_record__isnull', True)), _connector='OR'), name='an_error_mark_names_one_record'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.UniqueConstraint(condition=models.Q(('report__isnull', False), ('settled_at__isnull', True)), fields=('clinic', 'report'), name='one_open_error_mark_per_report'),
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
