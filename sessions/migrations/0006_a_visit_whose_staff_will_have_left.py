"""Work for the coordinator: somebody booked for a visit will not work here on that day."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("therapy_sessions", "0005_answers_as_they_are_given")]

    operations = [
        migrations.AlterField(
            model_name="stafftask",
            name="kind",
            field=models.TextField(
                choices=[
                    ("worrying_answer", "Worrying Answer"),
                    ("call_asked", "Call Asked"),
                    ("no_answer", "No Answer"),
                    ("missed_contact", "Missed Contact"),
                    ("message_not_sent", "Message Not Sent"),
                    ("safety_limit", "Safety Limit"),
                    ("time_asked", "Time Asked"),
                    ("staff_gone", "Staff Gone"),
                ]
            ),
        ),
    ]
