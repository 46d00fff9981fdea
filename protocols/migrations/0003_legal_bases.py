"""What allows a clinic to follow a protocol."""

from __future__ import annotations

import clinic.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


GUARDS = """
CREATE FUNCTION protocols_a_legal_basis_is_only_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE allowed text[] := ARRAY['revoked_on', 'revoked_by_id', 'revoked_why'];
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.revoked_on IS NULL AND to_jsonb(NEW) - allowed = to_jsonb(OLD) - allowed THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a legal basis is revoked once and never changed: no % of row %', TG_OP, OLD.id
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER only_revoked BEFORE UPDATE OR DELETE ON protocols_legalbasis
    FOR EACH ROW EXECUTE FUNCTION protocols_a_legal_basis_is_only_revoked();
"""
UNGUARD = "DROP TRIGGER only_revoked ON protocols_legalbasis; DROP FUNCTION protocols_a_legal_basis_is_only_revoked();"


class Migration(migrations.Migration):
    dependencies = [
        ("clinic", "0001_initial"),
        ("protocols", "0002_versions_are_reviewed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LegalBasis",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("public_id", models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("trial_approval", "trial approval"),
                            ("authorised_prescriber", "authorised prescriber"),
                            ("permit", "permit"),
                            ("state_licence", "state licence"),
                            ("label", "product label"),
                        ],
                        max_length=30,
                    ),
                ),
                ("number", models.TextField()),
                ("scope", models.TextField()),
                ("valid_from", models.DateField()),
                ("valid_until", models.DateField(blank=True, null=True)),
                ("recorded_at", models.DateTimeField()),
                ("revoked_on", models.DateField(blank=True, null=True)),
                ("revoked_why", models.TextField(blank=True, default="")),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.clinic"
                    ),
                ),
                (
                    "protocol",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="legal_bases", to="protocols.protocol"
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "revoked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["clinic", "protocol", "valid_from"], name="legal_bases_of_a_protocol")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("clinic", "public_id"), name="legalbasis_public_id_is_unique"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_until__isnull", True), ("valid_until__gte", models.F("valid_from")), _connector="OR"
                        ),
                        name="a_legal_basis_ends_after_it_begins",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("number", ""), _negated=True), models.Q(("scope", ""), _negated=True)
                        ),
                        name="a_legal_basis_has_a_number_and_a_scope",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("revoked_by__isnull", True), ("revoked_on__isnull", True), ("revoked_why", "")),
                            models.Q(
                                ("revoked_by__isnull", False),
                                ("revoked_on__isnull", False),
                                models.Q(("revoked_why", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="a_revoked_legal_basis_says_by_whom_and_why",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
