"""A clinic says which times its patients may choose from when a visit does not suit."""

import datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0013_how_patients_show_that_it_is_them'),
    ]

    operations = [
        migrations.AddField(
            model_name='clinic',
            name='offered_from',
            field=models.TimeField(default=datetime.time(9, 0), verbose_name='Offered from'),
        ),
        migrations.AddField(
            model_name='clinic',
            name='offered_notice_hours',
            field=models.PositiveSmallIntegerField(default=24, help_text='Nearer than that, a visit is moved by telephone only.', verbose_name='Hours of notice'),
        ),
        migrations.AddField(
            model_name='clinic',
            name='offered_times',
            field=models.PositiveSmallIntegerField(default=6, help_text='How many free times a patient may choose from when an integration session does not suit. 0: somebody calls them. Dosing days are always moved by telephone. The clinic’s own choice, as are the hours below.', verbose_name='Times offered for another visit'),
        ),
        migrations.AddField(
            model_name='clinic',
            name='offered_until',
            field=models.TimeField(default=datetime.time(17, 0), verbose_name='Offered until'),
        ),
    ]
