"""A clinic may let its patients see their plan."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0016_second_factors_are_sealed'),
    ]

    operations = [
        migrations.AddField(
            model_name='clinic',
            name='shows_plan',
            field=models.BooleanField(default=False, help_text='By their link, once they have shown that it is them: days and hours in neutral words, no kind of visit, no score.', verbose_name='Patients see their plan'),
        ),
    ]
