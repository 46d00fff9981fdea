"""Records entered in error: marked by their author, confirmed by a second person, and gone from every view but
the audit."""

import clinic.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


GUARDS = """
INSERT INTO therapy_sessions_move VALUES
    ('therapy_sessions_sessionrecord', 'ended', 'entered_in_error'),
    ('therapy_sessions_sessionrecord', 'signed', 'entered_in_error');

CREATE OR REPLACE FUNCTION therapy_sessions_signed_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status IN ('signed', 'entered_in_error') AND (
        to_jsonb(OLD) - 'status' - 'counts' IS DISTINCT FROM to_jsonb(NEW) - 'status' - 'counts'
        OR (OLD.counts <> NEW.counts AND OLD.kind <> 'dosing')
    ) THEN
        RAISE EXCEPTION 'session % is signed; it is amended, never changed', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'signed_is_frozen';
    END IF;
    IF NEW.status = 'entered_in_error' AND OLD.status <> NEW.status AND NOT EXISTS (
        SELECT FROM therapy_sessions_errormark WHERE session_record_id = NEW.id AND confirmed
    ) THEN
        RAISE EXCEPTION 'session % is entered in error only when two people say so', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'two_people_enter_in_error';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION therapy_sessions_error_mark_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.settled_at IS NOT NULL OR
        to_jsonb(OLD) - 'settled_at' - 'settled_by_id' - 'confirmed' - 'answer'
        IS DISTINCT FROM to_jsonb(NEW) - 'settled_at' - 'settled_by_id' - 'confirmed' - 'answer' THEN
        RAISE EXCEPTION 'what was said of an error is only added to'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'error_mark_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER error_mark_stays BEFORE UPDATE OR DELETE ON therapy_sessions_errormark
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_error_mark_stays();

CREATE FUNCTION therapy_sessions_left_with_its_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM therapy_sessions_errormark mark
        LEFT JOIN therapy_sessions_factrecord fact ON fact.id = NEW.fact_id
        LEFT JOIN therapy_sessions_noterecord note ON note.id = NEW.note_id
        WHERE mark.id = NEW.mark_id AND mark.confirmed
            AND mark.course_id = coalesce(fact.course_id, note.course_id)
            AND NEW.session_record_id IS NOT DISTINCT FROM coalesce(fact.session_record_id, note.session_record_id)
    ) THEN
        RAISE EXCEPTION 'a record leaves only with a confirmed mark of its own course'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'left_with_its_mark';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER left_with_its_mark BEFORE INSERT ON therapy_sessions_enteredinerror
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_left_with_its_mark();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON therapy_sessions_enteredinerror
    FOR EACH ROW EXECUTE FUNCTION refuse_any_change();
"""

UNGUARD = """
DROP TRIGGER append_only ON therapy_sessions_enteredinerror;
DROP TRIGGER left_with_its_mark ON therapy_sessions_enteredinerror;
DROP FUNCTION therapy_sessions_left_with_its_mark();
DROP TRIGGER error_mark_stays ON therapy_sessions_errormark;
DROP FUNCTION therapy_sessions_error_mark_stays();
DELETE FROM therapy_sessions_move WHERE to_status = 'entered_in_error';
"""


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0006_credentials_and_reasons'),
        ('protocols', '0004_one_index_less'),
        ('therapy_sessions', '0017_a_visit_missed_after_a_dose'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EnteredInError',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ErrorMark',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('reason', models.TextField()),
                ('asked_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('confirmed', models.BooleanField(blank=True, null=True)),
                ('answer', models.TextField(blank=True, default='')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.RemoveConstraint(
            model_name='sessionrecord',
            name='one_session_held_per_requirement',
        ),
        migrations.AddField(
            model_name='signaturerecord',
            name='last_error_id',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='sessionrecord',
            name='status',
            field=models.TextField(choices=[('under_way', 'Under Way'), ('ended', 'Ended'), ('signed', 'Signed'), ('void', 'Void'), ('entered_in_error', 'Entered In Error')], default='under_way'),
        ),
        migrations.AddConstraint(
            model_name='sessionrecord',
            constraint=models.UniqueConstraint(condition=models.Q(('counts', True), ('key__isnull', False), models.Q(('status__in', ['void', 'entered_in_error']), _negated=True)), fields=('clinic', 'course', 'key'), name='one_session_held_per_requirement'),
        ),
        migrations.AddField(
            model_name='enteredinerror',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='enteredinerror',
            name='fact',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entered_in_error', to='therapy_sessions.factrecord'),
        ),
        migrations.AddField(
            model_name='enteredinerror',
            name='note',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entered_in_error', to='therapy_sessions.noterecord'),
        ),
        migrations.AddField(
            model_name='enteredinerror',
            name='session_record',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='therapy_sessions.sessionrecord'),
        ),
        migrations.AddField(
            model_name='errormark',
            name='asked_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='errormark',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='errormark',
            name='course',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='error_marks', to='therapy_sessions.course'),
        ),
        migrations.AddField(
            model_name='errormark',
            name='fact',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='therapy_sessions.factrecord'),
        ),
        migrations.AddField(
            model_name='errormark',
            name='note',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='therapy_sessions.noterecord'),
        ),
        migrations.AddField(
            model_name='errormark',
            name='session_record',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='therapy_sessions.sessionrecord'),
        ),
        migrations.AddField(
            model_name='errormark',
            name='settled_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='enteredinerror',
            name='mark',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rows', to='therapy_sessions.errormark'),
        ),
        migrations.AddIndex(
            model_name='errormark',
            index=models.Index(condition=models.Q(('settled_at__isnull', True)), fields=['clinic', 'asked_at'], name='error_marks_to_settle'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='errormark_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('fact__isnull', False), ('note__isnull', True), ('session_record__isnull', True)), models.Q(('fact__isnull', True), ('note__isnull', False), ('session_record__isnull', True)), models.Q(('fact__isnull', True), ('note__isnull', True), ('session_record__isnull', False)), _connector='OR'), name='an_error_mark_names_one_record'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='an_error_mark_says_why'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('confirmed__isnull', True), ('settled_at__isnull', True), ('settled_by__isnull', True)), models.Q(('confirmed__isnull', False), ('settled_at__isnull', False), ('settled_by__isnull', False)), _connector='OR'), name='an_error_mark_is_settled_whole'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.CheckConstraint(condition=models.Q(('settled_by__isnull', True), models.Q(('settled_by', models.F('asked_by')), _negated=True), _connector='OR'), name='a_second_person_settles_an_error_mark'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.UniqueConstraint(condition=models.Q(('fact__isnull', False), ('settled_at__isnull', True)), fields=('clinic', 'fact'), name='one_open_error_mark_per_fact'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.UniqueConstraint(condition=models.Q(('note__isnull', False), ('settled_at__isnull', True)), fields=('clinic', 'note'), name='one_open_error_mark_per_note'),
        ),
        migrations.AddConstraint(
            model_name='errormark',
            constraint=models.UniqueConstraint(condition=models.Q(('session_record__isnull', False), ('settled_at__isnull', True)), fields=('clinic', 'session_record'), name='one_open_error_mark_per_session_record'),
        ),
        migrations.AddConstraint(
            model_name='enteredinerror',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='enteredinerror_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='enteredinerror',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('fact__isnull', False), ('note__isnull', True)), models.Q(('fact__isnull', True), ('note__isnull', False)), _connector='OR'), name='what_was_entered_in_error_is_a_fact_or_a_note'),
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
