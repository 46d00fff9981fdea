"""No course and no session leads to a psychotherapy note: an export that walks from one meets none."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('therapy_sessions', '0038_a_stop_of_dosing_taken_back'),
    ]

    operations = [
        migrations.AlterField(
            model_name='psychotherapynote',
            name='course',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='therapy_sessions.course'),
        ),
        migrations.AlterField(
            model_name='psychotherapynote',
            name='session_record',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='therapy_sessions.sessionrecord'),
        ),
    ]
