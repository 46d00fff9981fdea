"""A fidelity rating that was handed in in error leaves like a fact and gives its place up; otherwise a rating that is in
is never changed nor deleted, as before."""

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
        LEFT JOIN therapy_sessions_deviationreport report ON report.id = NEW.report_id
        LEFT JOIN therapy_sessions_deviationrecord deviation
            ON deviation.id = coalesce(NEW.deviation_id, report.deviation_id)
        {join}
        WHERE mark.id = NEW.mark_id AND mark.confirmed
            AND mark.course_id = coalesce(fact.course_id, note.course_id, deviation.course_id{course})
            AND NEW.session_record_id IS NOT DISTINCT FROM coalesce(fact.session_record_id, note.session_record_id)
            AND (NEW.deviation_id IS NULL
                OR mark.deviation_id = NEW.deviation_id AND deviation.entered_by_id IS NOT NULL)
            AND (NEW.report_id IS NULL
                OR mark.report_id = NEW.report_id AND report.reported_at IS NOT NULL)
            {rating}
    ) THEN
        RAISE EXCEPTION 'a record leaves only with a confirmed mark of its own course'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'left_with_its_mark';
    END IF;
    RETURN NEW;
END $$;
"""
RATING_IS_FINAL = """
CREATE OR REPLACE FUNCTION therapy_sessions_rating_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.submitted_at IS NOT NULL THEN
            RAISE EXCEPTION 'a rating is never changed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'rating_is_final';
        END IF;
        RETURN OLD;
    END IF;
    {leaves}
    IF OLD.submitted_at IS NOT NULL OR NEW.rater_id <> OLD.rater_id
        OR NEW.review_id <> OLD.review_id OR NEW.place <> OLD.place {more} THEN
        RAISE EXCEPTION 'a rating is never changed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rating_is_final';
    END IF;
    RETURN NEW;
END $$;
"""
GUARDS = LEFT_WITH_ITS_MARK.format(
    join="LEFT JOIN therapy_sessions_fidelityrating rating ON rating.id = NEW.rating_id"
    " LEFT JOIN therapy_sessions_fidelityreview review ON review.id = rating.review_id"
    " LEFT JOIN therapy_sessions_sessionrecord rated ON rated.id = review.session_record_id",
    course=", rated.course_id",
    rating="AND (NEW.rating_id IS NULL"
    " OR mark.rating_id = NEW.rating_id AND rating.submitted_at IS NOT NULL)",
) + RATING_IS_FINAL.format(
    leaves="""
    IF OLD.submitted_at IS NOT NULL AND NOT OLD.in_error AND NEW.in_error
        AND to_jsonb(OLD) - 'in_error' = to_jsonb(NEW) - 'in_error'
        AND EXISTS (SELECT FROM therapy_sessions_enteredinerror gone WHERE gone.rating_id = OLD.id) THEN
        RETURN NEW;
    END IF;
""",
    more="OR NEW.in_error",
)
UNGUARD = LEFT_WITH_ITS_MARK.format(join="", course="", rating="") + RATING_IS_FINAL.format(leaves="", more="")


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0023_what_the_loop_read_of_the_clock'),
        ('therapy_sessions', '0034_a_report_entered_in_error'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='enteredinerror',
            name='what_was_entered_in_error_is_one_record',
        ),
        migrations.RemoveConstraint(
            model_name='errormark',
            name='an_error_mark_names_one_record',
        ),
        migrations.RemoveConstraint(
            model_name='fidelityrating',
            name='two_different_raters',
        ),
        migrations.RemoveConstraint(
            model_name='fidelityrating',
            name='one_rater_per_place',
        ),
        migrations.AddField(
            model_name='enteredinerror',
            name='rating',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entered_in_error', to='therapy_sessions.fidelityrating'),
        ),
        migrations.AddField(
            model_name='errormark',
            name='rating',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='error_marks', to='therapy_sessions.fidelityrating'),
        ),
        migrations.AddField(
            model_name='fidelityrating',
            name='in_error',
            field=models.BooleanField(default=False),
        ),
        migrations.AddConstraint(
            model_name='enteredinerror',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deviation__isnull', True), ('fact__isnull', False), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', False), ('rating__isnull', True), ('report__isnull', True)), models.Q(('deviation__isnull', False), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', False)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', False), ('report__isnull', True)), _connector='OR'), name='what_was_entered_in_error_is_one_record'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deviation__isnull', True), ('fact__isnull', False), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', True), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', False), ('rating__isnull', True), ('report__isnull', True), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', True), ('session_record__isnull', False)), models.Q(('deviation__isnull', False), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', True), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', True), ('report__isnull', False), ('session_record__isnull', True)), models.Q(('deviation__isnull', True), ('fact__isnull', True), ('note__isnull', True), ('rating__isnull', False), ('report__isnull', True), ('session_record__isnull', True)), _connector='OR'), name='an_error_mark_names_one_record'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.UniqueConstraint(condition=models.Q(('rating__isnull', False), ('settled_at__isnull', True)), fields=('clinic', 'rating'), name='one_open_error_mark_per_rating'),
        ),
        migrations.AddConstraint(
            model_name='fidelityrating',
            constraint=models.UniqueConstraint(condition=models.Q(('in_error', False)), fields=('clinic', 'review', 'rater'), name='two_different_raters'),
        ),
        migrations.AddConstraint(
            model_name='fidelityrating',
            constraint=models.UniqueConstraint(condition=models.Q(('in_error', False)), fields=('clinic', 'review', 'place'), name='one_rater_per_place'),
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
