"""The number called in an emergency, and when what patients send is read, in each language."""

import clinic.models.clinics
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0023_what_the_loop_read_of_the_clock'),
    ]

    operations = [
        migrations.AddField(
            model_name='clinic',
            name='emergency_number',
            field=models.CharField(blank=True, help_text='Of the clinic’s country, such as 911 or 112. Stands on every page a patient sees, beside the crisis lines.', max_length=20, verbose_name='Emergency number'),
        ),
        migrations.AddField(
            model_name='clinic',
            name='reading_hours_in',
            field=models.JSONField(blank=True, default=dict, help_text='By language, such as {"es": "de lunes a viernes, de 9 a 17"}: in each one in which patients are written to.', validators=[clinic.models.clinics.valid_words_by_language], verbose_name='Reading hours in other languages'),
        ),
        migrations.AlterField(
            model_name='clinic',
            name='reading_hours',
            field=models.CharField(blank=True, help_text='When somebody reads what patients send, in words of the clinic’s language.', max_length=200),
        ),
    ]
