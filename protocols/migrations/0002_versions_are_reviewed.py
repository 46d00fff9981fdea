"""Versions are reviewed before they are published; each step may change what belongs to it and nothing else."""

from __future__ import annotations

import clinic.ids
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


# As in protocols/rules/moves.py when this was written, with the columns each step sets beside the status; a test holds
# the two together. A new move is a new migration.
MOVES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("", "draft", ()),
    ("draft", "in_review", ()),
    ("in_review", "draft", ("approved_by_id", "approved_at")),
    ("in_review", "reviewed", ("approved_by_id", "approved_at")),
    ("reviewed", "draft", ("approved_by_id", "approved_at")),
    ("reviewed", "published", ("published_at",)),
    ("published", "retired", ("retired_at",)),
)
_rows = ", ".join(
    f"('{start}', '{goal}', ARRAY[{', '.join(repr(column) for column in ('status', *columns))}])"
    for start, goal, columns in MOVES
)

GUARDS = f"""
CREATE TABLE protocols_move (
    from_status text NOT NULL, to_status text NOT NULL, may_change text[] NOT NULL,
    PRIMARY KEY (from_status, to_status)
);
COMMENT ON TABLE protocols_move IS 'Which status of a version may follow which; an empty from_status is birth';
INSERT INTO protocols_move VALUES {_rows};

DROP TRIGGER published_versions_are_frozen ON protocols_protocolversion;
DROP FUNCTION refuse_change_of_published_version();

CREATE FUNCTION protocols_only_listed_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was text := CASE WHEN TG_OP = 'INSERT' THEN '' ELSE OLD.status END;
    allowed text[];
BEGIN
    IF TG_OP = 'UPDATE' AND was = NEW.status THEN
        allowed := ARRAY[]::text[];
        IF was = 'draft' THEN
            IF NEW.author_ids @> OLD.author_ids AND NEW.protocol_id = OLD.protocol_id
                AND NEW.clinic_id = OLD.clinic_id AND NEW.public_id = OLD.public_id THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'who had a hand in draft % stays its author', OLD.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'authors_of_a_draft_only_grow';
        END IF;
    ELSE
        SELECT may_change INTO allowed FROM protocols_move WHERE from_status = was AND to_status = NEW.status;
        IF allowed IS NULL THEN
            RAISE EXCEPTION 'a protocol version may not go from "%" to "%": what was sent for review is frozen', was, NEW.status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'only_listed_moves';
        END IF;
        IF TG_OP = 'INSERT' THEN RETURN NEW; END IF;
    END IF;
    IF to_jsonb(NEW) - allowed = to_jsonb(OLD) - allowed THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'a % protocol version is frozen: no change of row %', was, OLD.id
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER versions_are_frozen BEFORE INSERT OR UPDATE ON protocols_protocolversion
    FOR EACH ROW EXECUTE FUNCTION protocols_only_listed_moves();

CREATE FUNCTION protocols_only_drafts_are_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'a % protocol version is frozen: no deletion of row %', OLD.status, OLD.id
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER only_drafts_are_deleted BEFORE DELETE ON protocols_protocolversion
    FOR EACH ROW EXECUTE FUNCTION protocols_only_drafts_are_deleted();

CREATE FUNCTION protocols_said_of_a_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT 1 FROM protocols_protocolversion WHERE id = OLD.version_id AND status = 'draft'
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'what was said of a version is never changed: no % of a row of %', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON protocols_versionreview
    FOR EACH ROW EXECUTE FUNCTION protocols_said_of_a_version();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON protocols_figureconfirmation
    FOR EACH ROW EXECUTE FUNCTION protocols_said_of_a_version();
"""

# Versions published before there were reviews: their author and their approver stay who they were.
UNGUARDED_FILL = """
ALTER TABLE protocols_protocolversion DISABLE TRIGGER published_versions_are_frozen;
UPDATE protocols_protocolversion SET author_ids = ARRAY[author_id], approved_at = published_at;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE protocols_protocolversion ENABLE TRIGGER published_versions_are_frozen;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("clinic", "0001_initial"),
        ("protocols", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FigureConfirmation",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("public_id", models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ("path", models.TextField()),
                ("text", models.TextField()),
                ("kind", models.CharField(choices=[("confirmed", "confirmed"), ("adopted", "adopted")], max_length=10)),
                ("at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="VersionReview",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("public_id", models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                (
                    "step",
                    models.CharField(
                        choices=[("sent", "sent for review"), ("returned", "returned"), ("approved", "approved")],
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("comment", models.TextField(blank=True, default="")),
                ("digest", models.CharField(max_length=64)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.RemoveConstraint(
            model_name="protocolversion",
            name="one_draft_per_protocol",
        ),
        migrations.RemoveConstraint(
            model_name="protocolversion",
            name="only_an_approved_version_is_published",
        ),
        migrations.RemoveConstraint(
            model_name="protocolversion",
            name="nobody_approves_their_own_version",
        ),
        migrations.AddField(
            model_name="protocolversion",
            name="approved_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="protocolversion",
            name="author_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), default=list, size=None
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="protocolversion",
            name="status",
            field=models.CharField(
                choices=[
                    ("draft", "draft"),
                    ("in_review", "in review"),
                    ("reviewed", "reviewed"),
                    ("published", "published"),
                    ("retired", "retired"),
                ],
                default="draft",
                max_length=10,
            ),
        ),
        migrations.RunSQL(UNGUARDED_FILL, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="protocolversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["draft", "in_review", "reviewed"])),
                fields=("clinic", "protocol"),
                name="one_draft_per_protocol",
            ),
        ),
        migrations.AddConstraint(
            model_name="protocolversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("approved_at__isnull", False),
                        ("approved_by__isnull", False),
                        ("status__in", ["reviewed", "published", "retired"]),
                    ),
                    models.Q(
                        models.Q(("status__in", ["reviewed", "published", "retired"]), _negated=True),
                        ("approved_at__isnull", True),
                        ("approved_by__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="only_an_approved_version_goes_on",
            ),
        ),
        migrations.AddConstraint(
            model_name="protocolversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("published_at__isnull", False), ("status__in", ["published", "retired"])),
                    models.Q(
                        models.Q(("status__in", ["published", "retired"]), _negated=True),
                        ("published_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="only_a_published_version_has_a_publication",
            ),
        ),
        migrations.AddConstraint(
            model_name="protocolversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(
                        models.Q(("approved_by", models.F("author")), _negated=True),
                        models.Q(("author_ids__contains", [models.F("approved_by")]), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="nobody_approves_their_own_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="protocolversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("author_ids__contains", [models.F("author")])),
                name="who_wrote_a_version_is_an_author",
            ),
        ),
        migrations.AddField(
            model_name="figureconfirmation",
            name="clinic",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.clinic"),
        ),
        migrations.AddField(
            model_name="figureconfirmation",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="figureconfirmation",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="confirmations",
                to="protocols.protocolversion",
            ),
        ),
        migrations.AddField(
            model_name="versionreview",
            name="clinic",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.clinic"),
        ),
        migrations.AddField(
            model_name="versionreview",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="versionreview",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="reviews", to="protocols.protocolversion"
            ),
        ),
        migrations.AddConstraint(
            model_name="figureconfirmation",
            constraint=models.UniqueConstraint(
                fields=("clinic", "public_id"), name="figureconfirmation_public_id_is_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="figureconfirmation",
            constraint=models.UniqueConstraint(
                fields=("clinic", "version", "path", "text", "kind"), name="a_figure_is_answered_for_once_as_it_stands"
            ),
        ),
        migrations.AddIndex(
            model_name="versionreview",
            index=models.Index(fields=["clinic", "version", "at"], name="reviews_of_a_version"),
        ),
        migrations.AddConstraint(
            model_name="versionreview",
            constraint=models.UniqueConstraint(
                fields=("clinic", "public_id"), name="versionreview_public_id_is_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="versionreview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("step", "returned"), _negated=True),
                    models.Q(("comment", ""), _negated=True),
                    _connector="OR",
                ),
                name="a_returned_version_is_told_why",
            ),
        ),
        migrations.RunSQL(GUARDS),
    ]
