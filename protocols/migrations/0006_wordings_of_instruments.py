"""A clinic's licensed wording of an instrument."""

from __future__ import annotations

import clinic.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARDS = """
CREATE FUNCTION protocols_wordings_are_only_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a wording is only ever added: no % of row %', TG_OP, OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON protocols_instrumentwording
    FOR EACH ROW EXECUTE FUNCTION protocols_wordings_are_only_added();
"""
UNGUARD = "DROP TRIGGER append_only ON protocols_instrumentwording; DROP FUNCTION protocols_wordings_are_only_added();"


class Migration(migrations.Migration):
    dependencies = [
        ("clinic", "0007_where_a_clinic_is"),
        ("protocols", "0005_overlays_are_laid_at_publication"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="InstrumentWording",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("public_id", models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ("instrument", models.CharField(max_length=80)),
                ("version", models.CharField(max_length=30)),
                ("document", models.TextField(blank=True, default="")),
                ("why", models.TextField(blank=True, default="")),
                ("loaded_at", models.DateTimeField()),
                (
                    "clinic",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinic.clinic",
                    ),
                ),
                (
                    "loaded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["clinic", "instrument", "-id"], name="wordings_of_an_instrument")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("clinic", "public_id"), name="instrumentwording_public_id_is_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("document", ""), _negated=True),
                            models.Q(("why", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="a_wording_taken_back_says_why",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
