"""Below how many a percentage misleads: a clinic may say so itself."""

from __future__ import annotations

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clinic", "0002_a_clinic_may_leave_the_hour_to_the_protocol")]

    operations = [
        migrations.AddField(
            model_name="clinic",
            name="small_number",
            field=models.PositiveSmallIntegerField(
                default=20,
                help_text=(
                    "Below so many that came due, adherence is shown as two counts and no percentage. How to "
                    "show things, not a clinical figure."
                ),
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="Small numbers",
            ),
        ),
    ]
