"""A wording is in a language; those loaded before are English."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("protocols", "0006_wordings_of_instruments")]

    operations = [
        migrations.AddField(
            model_name="instrumentwording",
            name="language",
            field=models.CharField(default="en", max_length=10),
        )
    ]
