"""Where a clinic is, as protocols name it: what differs there is laid over a protocol when it is published."""

import django.contrib.postgres.fields
from django.db import migrations, models

import clinic.models.clinics


class Migration(migrations.Migration):
    dependencies = [("clinic", "0006_credentials_and_reasons")]

    operations = [
        migrations.AddField(
            model_name="clinic",
            name="jurisdictions",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=80),
                blank=True,
                default=list,
                help_text="Whose rules hold here, as protocols name them, separated by commas: US, US-OR. Where a protocol says how it differs there, that is what is published from now on.",
                size=None,
                validators=[clinic.models.clinics.valid_jurisdictions],
            ),
        ),
    ]
