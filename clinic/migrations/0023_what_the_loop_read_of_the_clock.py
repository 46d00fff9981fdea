"""What the loop last read of the database's clock, so that a jump of it is seen."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0022_patients_see_their_own_scores'),
    ]

    operations = [
        migrations.CreateModel(
            name='ClockReading',
            fields=[
                ('machine', models.CharField(max_length=80, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(help_text="The database's clock.")),
                ('steady', models.FloatField(help_text="The machine's own, in seconds since it was started.")),
                ('wall', models.FloatField(help_text="The machine's clock on the wall, in seconds since 1970.")),
                ('seen', models.FloatField(help_text="The machine's clock on the wall at its last turn, whatever it found.")),
                ('worked_at', models.DateTimeField()),
                ('jumped_by', models.DurationField(null=True)),
                ('told_at', models.DateTimeField(help_text='When whoever runs the installation was told of it.', null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('jumped_by__isnull', False), ('told_at__isnull', True), _connector='OR'), name='nobody_is_told_of_a_clock_that_did_not_jump')],
            },
        ),
    ]
