"""Which overlays of a version are followed is chosen when it is published, and frozen with it."""

import django.contrib.postgres.fields
from django.db import migrations, models

# The table of moves says which columns a move may change.
LAID = """
UPDATE protocols_move SET may_change = may_change || ARRAY['jurisdictions', 'laid_on']
    WHERE from_status = 'reviewed' AND to_status = 'published';
"""
NOT_LAID = """
UPDATE protocols_move SET may_change = array_remove(array_remove(may_change, 'jurisdictions'), 'laid_on')
    WHERE from_status = 'reviewed' AND to_status = 'published';
"""


class Migration(migrations.Migration):
    dependencies = [("protocols", "0004_one_index_less")]

    operations = [
        migrations.AddField(
            model_name="protocolversion",
            name="jurisdictions",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=80), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="protocolversion",
            name="laid_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.RunSQL(LAID, NOT_LAID),
    ]
