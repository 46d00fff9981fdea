"""A deviation that somebody entered in the wrong chart or in error leaves like a fact: marked by who entered it,
confirmed by a second person. A trend that was none without it is withdrawn. Nothing is left to be done about it."""

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
        WHERE mark.id = NEW.mark_id AND mark.confirmed
            AND mark.course_id = coalesce(fact.course_id, note.course_id{course})
            AND NEW.session_record_id IS NOT DISTINCT FROM coalesce(fact.session_record_id, note.session_record_id)
            {deviation}
    ) THEN
        RAISE EXCEPTION 'a record leaves only with a confirmed mark of its own course'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'left_with_its_mark';
    END IF;
    RETURN NEW;
END $$;
"""
TREND_STAYS = """
DROP TRIGGER agreed_stays ON therapy_sessions_deviationtrend;
CREATE TRIGGER agreed_stays BEFORE UPDATE OR DELETE ON therapy_sessions_deviationtrend
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_agreed_stays({settled});
"""
GUARDS = (
    LEFT_WITH_ITS_MARK.format(
        join="LEFT JOIN therapy_sessions_deviationrecord deviation ON deviation.id = NEW.deviation_id",
        course=", deviation.course_id",
        # What the engine raised is disproved by facts, and leaves by no mark.
        deviation="AND (NEW.deviation_id IS NULL"
        " OR mark.deviation_id = NEW.deviation_id AND deviation.entered_by_id IS NOT NULL)",
    )
    + TREND_STAYS.format(settled="'closed_at', 'withdrawn'")
    + """
CREATE VIEW never_work_left_of_an_error AS
    SELECT action.clinic_id, action.id FROM therapy_sessions_enteredinerror gone
    JOIN therapy_sessions_deviationaction action ON action.deviation_id = gone.deviation_id
    WHERE action.finished_at IS NULL
    UNION ALL
    SELECT report.clinic_id, report.id FROM therapy_sessions_enteredinerror gone
    JOIN therapy_sessions_deviationreport report ON report.deviation_id = gone.deviation_id
    WHERE report.reported_at IS NULL AND report.withdrawn_at IS NULL;
"""
)
UNGUARD = (
    "DROP VIEW never_work_left_of_an_error;"
    + TREND_STAYS.format(settled="'closed_at'")
    + LEFT_WITH_ITS_MARK.format(join="", course="", deviation="")
)


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0021_where_the_clinic_texts_its_staff'),
        ('protocols', '0007_wordings_have_a_language'),
        ('therapy_sessions', '0027_a_rater_who_may_not_rate'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='enteredinerror',
            name='what_was_entered_in_error_is_a_fact_or_a_note',
        ),
        migrations.RemoveConstraint(
            model_name='errormark',
            name='an_error_mark_names_one_record',
        ),
        migrations.AddField(
            model_name='deviationtrend',
            name='withdrawn',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='enteredinerror',
            name='deviation',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entered_in_error', to='therapy_sessions.deviationrecord'),
        ),
        migrations.AddField(
            model_name='errormark',
            name='deviation',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='error_marks', to='therapy_sessions.deviationrecord'),
        ),
        migrations.AddConstraint(
            model_name='deviationtrend',
            constraint=models.CheckConstraint(condition=models.Q(('withdrawn', False), ('closed_at__isnull', False), _connector='OR'), name='a_withdrawn_trend_is_closed'),
        ),
        migrations.AddConstraint(
            model_name='enteredinerror',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deviation__isnull', True), ('fact__isnull', False), ('note__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', False)), models.Q(('deviation__isnull', False), ('fact__isnull', True), ('note__isnull', True)), _connector='OR'), name='what_was_entered_in_error_is_one_record'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deviation__isnull', True), ('fact__isnull', False), ('note__isnull', True), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', False), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('session_record__isnull', False)), models.Q(('deviation__isnull', False), ('fact__isnull', True), ('note__isnull', True), ('session_record__isnull', True)), _connector='OR'), name='an_error_mark_names_one_record'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.UniqueConstraint(condition=models.Q(('deviation__isnull', False), ('settled_at__isnull', True)), fields=('clinic', 'deviation'), name='one_open_error_mark_per_deviation'),
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
