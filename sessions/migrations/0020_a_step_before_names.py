"""Before names and clinical words a patient shows that it is them; a try stays a try."""

import clinic.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0013_how_patients_show_that_it_is_them'),
        ('therapy_sessions', '0019_records_past_a_supervisor'),
    ]

    operations = [
        migrations.CreateModel(
            name='StepUpCode',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('channel', models.TextField(choices=[('email', 'Email'), ('text', 'Text')])),
                ('asked_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='StepUpTry',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('way', models.TextField(choices=[('code', 'code'), ('word', 'word'), ('birth_date', 'birth_date')])),
                ('right', models.BooleanField()),
                ('tried_at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='contactdetails',
            name='word_hash',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='contactdetails',
            name='word_set_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='patientlink',
            name='channel',
            field=models.TextField(choices=[('email', 'Email'), ('text', 'Text')], default='email'),
        ),
        migrations.AlterField(
            model_name='stafftask',
            name='kind',
            field=models.TextField(choices=[('worrying_answer', 'Worrying Answer'), ('call_asked', 'Call Asked'), ('no_answer', 'No Answer'), ('missed_contact', 'Missed Contact'), ('message_not_sent', 'Message Not Sent'), ('safety_limit', 'Safety Limit'), ('time_asked', 'Time Asked'), ('link_locked', 'Link Locked'), ('missed_visit', 'Missed Visit'), ('ring_instead', 'Ring Instead'), ('text_came', 'Text Came'), ('staff_gone', 'Staff Gone'), ('deviation_action', 'Deviation Action'), ('effectiveness_check', 'Effectiveness Check'), ('deviation_report', 'Deviation Report')]),
        ),
        migrations.AddConstraint(
            model_name='contactdetails',
            constraint=models.CheckConstraint(condition=models.Q(('word_hash', ''), ('word_set_at__isnull', False), _connector='OR'), name='a_word_says_since_when'),
        ),
        migrations.AddField(
            model_name='stepupcode',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='stepupcode',
            name='link',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='codes', to='therapy_sessions.patientlink'),
        ),
        migrations.AddField(
            model_name='stepuptry',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='stepuptry',
            name='code',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tries', to='therapy_sessions.stepupcode'),
        ),
        migrations.AddField(
            model_name='stepuptry',
            name='link',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tries', to='therapy_sessions.patientlink'),
        ),
        migrations.AddField(
            model_name='stepuptry',
            name='patient',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='step_up_tries', to='therapy_sessions.patient'),
        ),
        migrations.AddConstraint(
            model_name='stepupcode',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='stepupcode_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='stepupcode',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('asked_at'))), name='a_code_expires_after_it_is_asked_for'),
        ),
        migrations.AddIndex(
            model_name='stepuptry',
            index=models.Index(fields=['clinic', 'patient', 'tried_at'], name='step_up_tries_of_a_patient'),
        ),
        migrations.AddConstraint(
            model_name='stepuptry',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='stepuptry_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='stepuptry',
            constraint=models.UniqueConstraint(fields=('clinic', 'code'), name='a_code_opens_once'),
        ),
        migrations.AddConstraint(
            model_name='stepuptry',
            constraint=models.CheckConstraint(condition=models.Q(('code__isnull', True), models.Q(('right', True), ('way', 'code')), _connector='OR'), name='only_a_right_code_is_used'),
        ),
        migrations.RunSQL(
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON therapy_sessions_stepupcode"
            " FOR EACH ROW EXECUTE FUNCTION refuse_any_change();"
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON therapy_sessions_stepuptry"
            " FOR EACH ROW EXECUTE FUNCTION refuse_any_change();",
            "DROP TRIGGER append_only ON therapy_sessions_stepupcode;"
            "DROP TRIGGER append_only ON therapy_sessions_stepuptry;",
        ),
    ]
