"""Fidelity review: forms, draws, reviews, ratings, feedback. What was adopted, drawn and told never changes,
and no rating once it is submitted."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import clinic.ids

APPEND_ONLY = ("fidelityform", "fidelitydraw", "fidelityfeedback")

GUARDS = """
CREATE FUNCTION therapy_sessions_rating_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.submitted_at IS NOT NULL OR NEW.rater_id <> OLD.rater_id
        OR NEW.review_id <> OLD.review_id OR NEW.place <> OLD.place THEN
        RAISE EXCEPTION 'a rating is never changed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rating_is_final';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rating_is_final BEFORE UPDATE OR DELETE ON therapy_sessions_fidelityrating
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_rating_is_final();
CREATE TRIGGER never_deleted BEFORE DELETE ON therapy_sessions_fidelityreview
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_never_deleted();
""" + "".join(
    f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON therapy_sessions_{table}
    FOR EACH ROW EXECUTE FUNCTION refuse_any_change();
"""
    for table in APPEND_ONLY
)

UNGUARD = (
    "".join(f"DROP TRIGGER append_only ON therapy_sessions_{table};" for table in APPEND_ONLY)
    + "DROP TRIGGER never_deleted ON therapy_sessions_fidelityreview;"
    + "DROP TRIGGER rating_is_final ON therapy_sessions_fidelityrating;"
    + "DROP FUNCTION therapy_sessions_rating_is_final();"
)


class Migration(migrations.Migration):
    dependencies = [
        ("clinic", "0003_a_clinic_says_what_is_a_small_number"),
        ("therapy_sessions", "0003_versions_of_records"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FidelityForm",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("public_id", models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ("code", models.TextField()),
                ("version", models.PositiveSmallIntegerField()),
                ("session_kind", models.TextField()),
                ("title", models.TextField()),
                ("document", models.JSONField()),
                ("adopted_at", models.DateTimeField()),
                (
                    "adopted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.clinic"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FidelityDraw",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("public_id", models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ("from_at", models.DateTimeField()),
                ("until_at", models.DateTimeField()),
                ("seed", models.TextField()),
                ("frame", models.JSONField()),
                ("without_consent", models.PositiveIntegerField()),
                ("drawn_at", models.DateTimeField()),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.clinic"
                    ),
                ),
                (
                    "drawn_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="draws",
                        to="therapy_sessions.fidelityform",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FidelityReview",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("public_id", models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ("risks", models.JSONField(default=list)),
                ("weight", models.DecimalField(decimal_places=3, max_digits=8)),
                ("video_reference", models.TextField(blank=True, default="")),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.clinic"
                    ),
                ),
                (
                    "draw",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="therapy_sessions.fidelitydraw",
                    ),
                ),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="therapy_sessions.fidelityform",
                    ),
                ),
                (
                    "session_record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fidelity_reviews",
                        to="therapy_sessions.sessionrecord",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FidelityRating",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("public_id", models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ("place", models.PositiveSmallIntegerField()),
                ("assigned_at", models.DateTimeField()),
                ("scores", models.JSONField(blank=True, null=True)),
                ("comment", models.TextField(blank=True, default="")),
                ("submitted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "assigned_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.clinic"
                    ),
                ),
                (
                    "rater",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fidelity_ratings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ratings",
                        to="therapy_sessions.fidelityreview",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FidelityFeedback",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("public_id", models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ("text", models.TextField()),
                ("given_at", models.DateTimeField()),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.clinic"
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="feedback",
                        to="therapy_sessions.fidelityreview",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddConstraint(
            model_name="fidelityform",
            constraint=models.UniqueConstraint(
                fields=("clinic", "public_id"), name="fidelityform_public_id_is_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelityform",
            constraint=models.UniqueConstraint(
                fields=("clinic", "code", "version"), name="one_fidelity_form_per_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelitydraw",
            constraint=models.UniqueConstraint(
                fields=("clinic", "public_id"), name="fidelitydraw_public_id_is_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelitydraw",
            constraint=models.CheckConstraint(
                condition=models.Q(("until_at__gt", models.F("from_at"))), name="a_draw_is_from_a_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelityreview",
            constraint=models.UniqueConstraint(
                fields=("clinic", "public_id"), name="fidelityreview_public_id_is_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelityreview",
            constraint=models.UniqueConstraint(
                fields=("clinic", "form", "session_record"), name="a_session_is_reviewed_once_per_form"
            ),
        ),
        migrations.AddIndex(
            model_name="fidelityrating",
            index=models.Index(
                condition=models.Q(("submitted_at__isnull", True)),
                fields=["clinic", "rater"],
                name="fidelity_ratings_to_make",
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelityrating",
            constraint=models.UniqueConstraint(
                fields=("clinic", "public_id"), name="fidelityrating_public_id_is_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelityrating",
            constraint=models.UniqueConstraint(
                fields=("clinic", "review", "rater"), name="two_different_raters"
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelityrating",
            constraint=models.UniqueConstraint(
                fields=("clinic", "review", "place"), name="one_rater_per_place"
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelityrating",
            constraint=models.CheckConstraint(
                condition=models.Q(("place__in", [1, 2])), name="a_session_has_two_raters"
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelityrating",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("scores__isnull", True), ("submitted_at__isnull", True)),
                    models.Q(("scores__isnull", False), ("submitted_at__isnull", False)),
                    _connector="OR",
                ),
                name="a_submitted_rating_has_scores",
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelityfeedback",
            constraint=models.UniqueConstraint(
                fields=("clinic", "public_id"), name="fidelityfeedback_public_id_is_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="fidelityfeedback",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="feedback_says_something"
            ),
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
