"""The hour by which a check-in is answered is the protocol's; a clinic may set its own instead."""

from __future__ import annotations

from datetime import time

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

NEVER_CHOSEN = time(18, 0)  # the old default: nobody set it, and it contradicted the protocol's hour


def forget_the_default(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("clinic", "Clinic").objects.filter(answer_by=NEVER_CHOSEN).update(answer_by=None)


def name_it_again(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("clinic", "Clinic").objects.filter(answer_by=None).update(answer_by=NEVER_CHOSEN)


class Migration(migrations.Migration):
    dependencies = [("clinic", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="clinic",
            name="answer_by",
            field=models.TimeField(
                null=True,
                blank=True,
                help_text=(
                    "A check-in not answered by this hour of the clinic’s day opens a task. Leave it "
                    "empty to keep the hour that each protocol gives; an hour set here is the clinic’s own "
                    "choice and replaces it."
                ),
            ),
        ),
        migrations.RunPython(forget_the_default, name_it_again),
    ]
