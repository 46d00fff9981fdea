"""A clinic may let its patients see their own scores, beneath their plan."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0021_where_the_clinic_texts_its_staff'),
    ]

    operations = [
        migrations.AlterField(
            model_name='clinic',
            name='shows_plan',
            field=models.BooleanField(default=False, help_text='By their link, once they have shown that it is them: days and hours in neutral words, no kind of visit.', verbose_name='Patients see their plan'),
        ),
        migrations.AddField(
            model_name='clinic',
            name='shows_scores',
            field=models.BooleanField(default=False, help_text='Beneath their plan: the totals over time and no more. No answer that somebody must act on, no dose day, nothing of another patient or of a trial; raters’ and blinded scores only once the course is over. Off: scores are for staff only.', verbose_name='Patients see their own scores'),
        ),
    ]
