"""A record on its way past a supervisor is answered once; what was said of its passages stays."""

import clinic.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


GUARDS = """
CREATE FUNCTION therapy_sessions_submission_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.settled_at IS NOT NULL OR
        to_jsonb(OLD) - 'outcome' - 'settled_at' - 'settled_by_id' - 'words' - 'seen'
        IS DISTINCT FROM to_jsonb(NEW) - 'outcome' - 'settled_at' - 'settled_by_id' - 'words' - 'seen' THEN
        RAISE EXCEPTION 'what was sent for review is answered once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'submission_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER submission_stays BEFORE UPDATE OR DELETE ON therapy_sessions_recordsubmission
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_submission_stays();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON therapy_sessions_passagecomment
    FOR EACH ROW EXECUTE FUNCTION refuse_any_change();
"""

UNGUARD = """
DROP TRIGGER append_only ON therapy_sessions_passagecomment;
DROP TRIGGER submission_stays ON therapy_sessions_recordsubmission;
DROP FUNCTION therapy_sessions_submission_stays();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0012_records_that_are_co_signed'),
        ('therapy_sessions', '0018_records_entered_in_error'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RecordSubmission',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('submitted_at', models.DateTimeField()),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.TextField(blank=True, choices=[('returned', 'Returned'), ('co_signed', 'Co Signed'), ('withdrawn', 'Withdrawn')], default='')),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('words', models.TextField(blank=True, default='')),
                ('seen', models.TextField(blank=True, default='')),
                ('clinic', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic')),
                ('course', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='submissions', to='therapy_sessions.course')),
                ('session_record', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='submissions', to='therapy_sessions.sessionrecord')),
                ('settled_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('submitted_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='PassageComment',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('quote', models.TextField()),
                ('text', models.TextField()),
                ('praise', models.BooleanField(default=False)),
                ('written_at', models.DateTimeField()),
                ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('clinic', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic')),
                ('note', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='therapy_sessions.noterecord')),
                ('submission', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to='therapy_sessions.recordsubmission')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AddIndex(
            model_name='recordsubmission',
            index=models.Index(condition=models.Q(('settled_at__isnull', True)), fields=['clinic', 'submitted_at'], name='submissions_to_review'),
        ),
        migrations.AddConstraint(
            model_name='recordsubmission',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='recordsubmission_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='recordsubmission',
            constraint=models.UniqueConstraint(condition=models.Q(('settled_at__isnull', True)), fields=('clinic', 'session_record'), name='a_record_waits_for_review_once'),
        ),
        migrations.AddConstraint(
            model_name='recordsubmission',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome', ''), ('settled_at__isnull', True), ('settled_by__isnull', True)), models.Q(models.Q(('outcome', ''), _negated=True), ('settled_at__isnull', False), ('settled_by__isnull', False)), _connector='OR'), name='a_submission_is_settled_whole'),
        ),
        migrations.AddConstraint(
            model_name='recordsubmission',
            constraint=models.CheckConstraint(condition=models.Q(('settled_by__isnull', True), ('outcome', 'withdrawn'), models.Q(('settled_by', models.F('submitted_by')), _negated=True), _connector='OR'), name='nobody_reviews_what_they_submitted'),
        ),
        migrations.AddConstraint(
            model_name='passagecomment',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='passagecomment_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='passagecomment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('quote', ''), _negated=True), models.Q(('text', ''), _negated=True)), name='a_comment_says_something_of_a_passage'),
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
