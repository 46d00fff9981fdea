"""A task when somebody named to rate a session may not rate it any more."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('therapy_sessions', '0031_what_messages_must_never_do'),
    ]

    operations = [
        migrations.AlterField(
            model_name='stafftask',
            name='kind',
            field=models.TextField(choices=[('worrying_answer', 'Worrying Answer'), ('call_asked', 'Call Asked'), ('no_answer', 'No Answer'), ('not_reached', 'Not Reached'), ('missed_contact', 'Missed Contact'), ('message_not_sent', 'Message Not Sent'), ('safety_limit', 'Safety Limit'), ('time_asked', 'Time Asked'), ('visit_moved', 'Visit Moved'), ('link_locked', 'Link Locked'), ('missed_visit', 'Missed Visit'), ('ring_instead', 'Ring Instead'), ('text_came', 'Text Came'), ('staff_gone', 'Staff Gone'), ('staff_away', 'Staff Away'), ('rater_not_blind', 'Rater Not Blind'), ('fidelity_rater', 'Fidelity Rater'), ('deviation_action', 'Deviation Action'), ('effectiveness_check', 'Effectiveness Check'), ('deviation_report', 'Deviation Report')]),
        ),
    ]
