"""A clinic decides how its patients show at a link that it is them, and how often they may try."""

import clinic.models.clinics
import django.contrib.postgres.fields
import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0012_records_that_are_co_signed'),
    ]

    operations = [
        migrations.AddField(
            model_name='clinic',
            name='step_up_tries',
            field=models.PositiveSmallIntegerField(default=5, help_text='After so many wrong ones a link opens such a page no more, and a coordinator calls the patient. The clinic’s own choice.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='Tries to show it'),
        ),
        migrations.AddField(
            model_name='clinic',
            name='step_up_ways',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=clinic.models.clinics.default_step_up_ways, help_text='Before a page with a name or a clinical word: code (sent another way than the link), word (that the patient chose), birth_date (others may know it). Empty: such pages are not opened by a link.', size=None, validators=[clinic.models.clinics.valid_step_up_ways], verbose_name='How patients show that it is them'),
        ),
    ]
