"""What becomes of a deviation: steps of its review, actions, reports by a clock, signed closures, trends; and
those that somebody entered. What was agreed, signed, reported and reviewed is never changed."""

import clinic.ids
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


APPEND_ONLY = ("closuresignature", "deviationpolicy", "trendmember", "trendreview")

GUARDS = """
CREATE FUNCTION therapy_sessions_agreed_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    settled text[] := TG_ARGV::text[];
    was jsonb;
    now_is jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME
            USING ERRCODE = 'check_violation', CONSTRAINT = 'never_deleted';
    END IF;
    was := to_jsonb(OLD);
    now_is := to_jsonb(NEW);
    -- The first argument names the instant that ends the row, the others what may change until then.
    IF was ->> settled[0] IS NOT NULL OR was - settled <> now_is - settled THEN
        RAISE EXCEPTION '% is ended once and otherwise never changed', TG_TABLE_NAME
            USING ERRCODE = 'check_violation', CONSTRAINT = 'agreed_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER agreed_stays BEFORE UPDATE OR DELETE ON therapy_sessions_deviationaction
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_agreed_stays(
        'finished_at', 'finished_by_id', 'outcome', 'dropped');
CREATE TRIGGER agreed_stays BEFORE UPDATE OR DELETE ON therapy_sessions_reportingclock
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_agreed_stays('ended_at', 'ended_by_id', 'ended_because');
CREATE TRIGGER agreed_stays BEFORE UPDATE OR DELETE ON therapy_sessions_deviationreport
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_agreed_stays(
        'reported_at', 'reported_by_id', 'reference', 'withdrawn_at', 'due_at');
CREATE TRIGGER agreed_stays BEFORE UPDATE OR DELETE ON therapy_sessions_deviationtrend
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_agreed_stays('closed_at');
CREATE TRIGGER what_was_entered_stays BEFORE UPDATE ON therapy_sessions_deviationrecord
    FOR EACH ROW WHEN (
        (OLD.title, OLD.description, OLD.entered_by_id, OLD.key, OLD.course_id, OLD.raised_at)
        IS DISTINCT FROM
        (NEW.title, NEW.description, NEW.entered_by_id, NEW.key, NEW.course_id, NEW.raised_at)
    ) EXECUTE FUNCTION refuse_any_change();
""" + "".join(
    f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON therapy_sessions_{table}
    FOR EACH ROW EXECUTE FUNCTION refuse_any_change();
"""
    for table in APPEND_ONLY
)

UNGUARD = (
    "".join(f"DROP TRIGGER append_only ON therapy_sessions_{table};" for table in APPEND_ONLY)
    + "DROP TRIGGER what_was_entered_stays ON therapy_sessions_deviationrecord;"
    + "".join(
        f"DROP TRIGGER agreed_stays ON therapy_sessions_{table};"
        for table in ("deviationaction", "reportingclock", "deviationreport", "deviationtrend")
    )
    + "DROP FUNCTION therapy_sessions_agreed_stays();"
)

# Until now the system's raising it was the clinic's awareness, and a closed review had been seen.
BACKFILL = """
UPDATE therapy_sessions_deviationrecord SET aware_at = raised_at, acknowledged_at = reviewed_at;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0005_one_index_less'),
        ('protocols', '0004_one_index_less'),
        ('therapy_sessions', '0012_who_has_it_in_whose_stead'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ClosureSignature',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('printed_name', models.TextField()),
                ('role', models.TextField()),
                ('meaning', models.TextField()),
                ('content', models.TextField()),
                ('digest', models.TextField()),
                ('signed_at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='DeviationAction',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('kind', models.TextField(choices=[('corrective', 'Corrective'), ('preventive', 'Preventive')])),
                ('what', models.TextField()),
                ('due_on', models.DateField()),
                ('agreed_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.TextField(blank=True, default='')),
                ('dropped', models.BooleanField(default=False)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='DeviationPolicy',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('days', models.PositiveSmallIntegerField(default=90, validators=[django.core.validators.MinValueValidator(1)])),
                ('in_clinic', models.PositiveSmallIntegerField(default=3, validators=[django.core.validators.MinValueValidator(2)])),
                ('in_protocol', models.PositiveSmallIntegerField(default=3, validators=[django.core.validators.MinValueValidator(2)])),
                ('of_therapist', models.PositiveSmallIntegerField(default=3, validators=[django.core.validators.MinValueValidator(2)])),
                ('days_off', models.JSONField(blank=True, default=list)),
                ('reason', models.TextField()),
                ('set_at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='DeviationReport',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('opened_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('reported_at', models.DateTimeField(blank=True, null=True)),
                ('reference', models.TextField(blank=True, default='')),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='DeviationTrend',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('scope', models.TextField(choices=[('clinic', 'Clinic'), ('protocol', 'Protocol'), ('therapist', 'Therapist')])),
                ('rule', models.TextField()),
                ('kind', models.TextField()),
                ('raised_at', models.DateTimeField()),
                ('threshold', models.PositiveSmallIntegerField()),
                ('days', models.PositiveSmallIntegerField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ReportingClock',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('recipient', models.TextField(choices=[('irb', 'irb'), ('sponsor', 'sponsor'), ('regulator', 'regulator')])),
                ('applies_to', models.TextField(choices=[('important', 'important'), ('hazard', 'hazard'), ('every', 'every')])),
                ('count', models.PositiveSmallIntegerField()),
                ('unit', models.TextField(choices=[('hours', 'hours'), ('calendar_days', 'calendar_days'), ('working_days', 'working_days')])),
                ('from_next_day', models.BooleanField(default=True)),
                ('source', models.TextField()),
                ('set_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_because', models.TextField(blank=True, default='')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='TrendMember',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('joined_at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='TrendReview',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('public_id', models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ('reviewed_at', models.DateTimeField()),
                ('comment', models.TextField()),
                ('closes', models.BooleanField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.RemoveIndex(
            model_name='deviationrecord',
            name='deviations_to_review',
        ),
        migrations.AddField(
            model_name='deviationrecord',
            name='acknowledged_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='deviationrecord',
            name='aware_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='deviationrecord',
            name='aware_at',
            field=models.DateTimeField(),
        ),
        migrations.AddField(
            model_name='deviationrecord',
            name='classified_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='deviationrecord',
            name='description',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='deviationrecord',
            name='entered_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='deviationrecord',
            name='foreseen',
            field=models.TextField(blank=True, choices=[('planned', 'planned'), ('anticipated', 'anticipated'), ('discovered', 'discovered')], default=''),
        ),
        migrations.AddField(
            model_name='deviationrecord',
            name='hazard',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='deviationrecord',
            name='judged_cause',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='deviationrecord',
            name='judged_important',
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='deviationrecord',
            name='repeated',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='deviationrecord',
            name='title',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='deviationreview',
            name='act',
            field=models.TextField(choices=[('comment', 'comment'), ('acknowledge', 'acknowledge'), ('classify', 'classify'), ('set_cause', 'set_cause'), ('find_root_cause', 'find_root_cause'), ('waive', 'waive'), ('plan_check', 'plan_check'), ('judge_effect', 'judge_effect'), ('close', 'close'), ('reopen', 'reopen')], default='comment'),
        ),
        migrations.AddField(
            model_name='deviationreview',
            name='data',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AlterField(
            model_name='stafftask',
            name='kind',
            field=models.TextField(choices=[('worrying_answer', 'Worrying Answer'), ('call_asked', 'Call Asked'), ('no_answer', 'No Answer'), ('missed_contact', 'Missed Contact'), ('message_not_sent', 'Message Not Sent'), ('safety_limit', 'Safety Limit'), ('time_asked', 'Time Asked'), ('staff_gone', 'Staff Gone'), ('deviation_action', 'Deviation Action'), ('effectiveness_check', 'Effectiveness Check'), ('deviation_report', 'Deviation Report')]),
        ),
        migrations.AddIndex(
            model_name='deviationrecord',
            index=models.Index(condition=models.Q(('reviewed_at__isnull', True)), fields=['clinic', '-important', 'raised_at'], name='deviations_to_review'),
        ),
        migrations.AddIndex(
            model_name='deviationrecord',
            index=models.Index(fields=['clinic', 'raised_at', 'id'], name='deviations_as_raised'),
        ),
        migrations.AddIndex(
            model_name='deviationrecord',
            index=models.Index(fields=['clinic', 'rule', 'occurred_at'], name='deviations_of_a_rule'),
        ),
        migrations.AddConstraint(
            model_name='deviationrecord',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('entered_by__isnull', True), ('title', '')), models.Q(('entered_by__isnull', False), models.Q(('title', ''), _negated=True)), _connector='OR'), name='a_deviation_somebody_entered_says_what'),
        ),
        migrations.AddField(
            model_name='closuresignature',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='closuresignature',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='closuresignature',
            name='review',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='signature', to='therapy_sessions.deviationreview'),
        ),
        migrations.AddField(
            model_name='deviationaction',
            name='agreed_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='deviationaction',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='deviationaction',
            name='deviation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='actions', to='therapy_sessions.deviationrecord'),
        ),
        migrations.AddField(
            model_name='deviationaction',
            name='finished_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='deviationaction',
            name='owner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='deviationpolicy',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='deviationpolicy',
            name='set_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='deviationreport',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='deviationreport',
            name='deviation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='therapy_sessions.deviationrecord'),
        ),
        migrations.AddField(
            model_name='deviationreport',
            name='reported_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='deviationtrend',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='deviationtrend',
            name='protocol',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='protocols.protocol'),
        ),
        migrations.AddField(
            model_name='deviationtrend',
            name='therapist',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='reportingclock',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='reportingclock',
            name='ended_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='reportingclock',
            name='protocol',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='protocols.protocol'),
        ),
        migrations.AddField(
            model_name='reportingclock',
            name='set_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='deviationreport',
            name='clock',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='therapy_sessions.reportingclock'),
        ),
        migrations.AddField(
            model_name='trendmember',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='trendmember',
            name='deviation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='trend_members', to='therapy_sessions.deviationrecord'),
        ),
        migrations.AddField(
            model_name='trendmember',
            name='trend',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='members', to='therapy_sessions.deviationtrend'),
        ),
        migrations.AddField(
            model_name='deviationtrend',
            name='deviations',
            field=models.ManyToManyField(related_name='trends', through='therapy_sessions.TrendMember', to='therapy_sessions.deviationrecord'),
        ),
        migrations.AddField(
            model_name='trendreview',
            name='clinic',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinic.clinic'),
        ),
        migrations.AddField(
            model_name='trendreview',
            name='reviewer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='trendreview',
            name='trend',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reviews', to='therapy_sessions.deviationtrend'),
        ),
        migrations.AddConstraint(
            model_name='closuresignature',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='closuresignature_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='deviationaction',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='deviationaction_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='deviationaction',
            constraint=models.CheckConstraint(condition=models.Q(('what', ''), _negated=True), name='an_action_says_what_to_do'),
        ),
        migrations.AddConstraint(
            model_name='deviationaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('dropped', False), ('finished_at__isnull', True), ('outcome', '')), models.Q(('finished_at__isnull', False), models.Q(('outcome', ''), _negated=True)), _connector='OR'), name='a_finished_action_says_how'),
        ),
        migrations.AddConstraint(
            model_name='deviationpolicy',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='deviationpolicy_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='deviationpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('days__gt', 0), ('in_clinic__gt', 1), ('in_protocol__gt', 1), ('of_therapist__gt', 1)), name='a_trend_is_more_than_one_deviation'),
        ),
        migrations.AddConstraint(
            model_name='deviationpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='a_change_of_policy_has_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='reportingclock',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='reportingclock_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='reportingclock',
            constraint=models.CheckConstraint(condition=models.Q(('source', ''), _negated=True), name='a_reporting_clock_has_a_source'),
        ),
        migrations.AddConstraint(
            model_name='reportingclock',
            constraint=models.CheckConstraint(condition=models.Q(('count__gt', 0)), name='a_reporting_clock_counts_something'),
        ),
        migrations.AddIndex(
            model_name='deviationreport',
            index=models.Index(condition=models.Q(('reported_at__isnull', True), ('withdrawn_at__isnull', True)), fields=['clinic', 'due_at'], name='deviation_reports_due'),
        ),
        migrations.AddConstraint(
            model_name='deviationreport',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='deviationreport_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='deviationreport',
            constraint=models.UniqueConstraint(fields=('clinic', 'deviation', 'clock'), name='one_report_per_deviation_and_clock'),
        ),
        migrations.AddConstraint(
            model_name='deviationreport',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reference', ''), ('reported_at__isnull', True)), models.Q(('reported_at__isnull', False), models.Q(('reference', ''), _negated=True)), _connector='OR'), name='a_report_made_has_a_reference'),
        ),
        migrations.AddConstraint(
            model_name='trendmember',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='trendmember_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='trendmember',
            constraint=models.UniqueConstraint(fields=('clinic', 'trend', 'deviation'), name='a_deviation_is_once_in_a_trend'),
        ),
        migrations.AddIndex(
            model_name='deviationtrend',
            index=models.Index(fields=['clinic', 'raised_at', 'id'], name='trends_as_raised'),
        ),
        migrations.AddConstraint(
            model_name='deviationtrend',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='deviationtrend_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='deviationtrend',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_at__isnull', True)), fields=('clinic', 'scope', 'rule', 'kind', 'protocol', 'therapist'), name='one_open_trend_in_one_place', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='deviationtrend',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('protocol__isnull', True), ('scope', 'clinic'), ('therapist__isnull', True)), models.Q(('protocol__isnull', False), ('scope', 'protocol'), ('therapist__isnull', True)), models.Q(('protocol__isnull', True), ('scope', 'therapist'), ('therapist__isnull', False)), _connector='OR'), name='a_trend_is_in_one_place'),
        ),
        migrations.AddConstraint(
            model_name='trendreview',
            constraint=models.UniqueConstraint(fields=('clinic', 'public_id'), name='trendreview_public_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='trendreview',
            constraint=models.CheckConstraint(condition=models.Q(('comment', ''), _negated=True), name='a_review_of_a_trend_says_something'),
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
