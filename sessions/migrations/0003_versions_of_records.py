"""Records know the version they were made under; a course changes its version only by a recorded move."""

from __future__ import annotations

import clinic.ids
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


# Until now no course ever changed its version: what it follows is what its records were made under.
FILL = "".join(
    f"""
ALTER TABLE therapy_sessions_{table} DISABLE TRIGGER USER;
UPDATE therapy_sessions_{table} AS row SET protocol_version_id = course.protocol_version_id
    FROM therapy_sessions_course AS course WHERE course.id = row.course_id;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE therapy_sessions_{table} ENABLE TRIGGER USER;
"""
    for table in ("factrecord", "sessionrecord")
)

GUARDS = """
CREATE FUNCTION therapy_sessions_made_under_its_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    followed bigint := (SELECT protocol_version_id FROM therapy_sessions_course WHERE id = NEW.course_id);
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.protocol_version_id := coalesce(NEW.protocol_version_id, followed);
        IF NEW.protocol_version_id = followed THEN RETURN NEW; END IF;
    ELSIF NEW.protocol_version_id = OLD.protocol_version_id THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a record is made under the version its course follows, and stays under it'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'made_under_its_version';
END $$;
CREATE TRIGGER made_under_its_version BEFORE INSERT ON therapy_sessions_factrecord
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_made_under_its_version();
CREATE TRIGGER made_under_its_version BEFORE INSERT OR UPDATE OF protocol_version_id ON therapy_sessions_sessionrecord
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_made_under_its_version();

CREATE FUNCTION therapy_sessions_moved_on_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.protocol_version_id = OLD.protocol_version_id OR (
        SELECT (from_version_id, to_version_id) = (OLD.protocol_version_id, NEW.protocol_version_id)
        FROM therapy_sessions_courseversionmove WHERE course_id = NEW.id ORDER BY id DESC LIMIT 1
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'course % changes its version only by a recorded move', NEW.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'moved_on_record';
END $$;
CREATE TRIGGER moved_on_record BEFORE UPDATE OF protocol_version_id ON therapy_sessions_course
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_moved_on_record();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON therapy_sessions_courseversionmove
    FOR EACH ROW EXECUTE FUNCTION refuse_any_change();
"""

UNGUARD = """
DROP TRIGGER append_only ON therapy_sessions_courseversionmove;
DROP TRIGGER moved_on_record ON therapy_sessions_course;
DROP FUNCTION therapy_sessions_moved_on_record();
DROP TRIGGER made_under_its_version ON therapy_sessions_factrecord;
DROP TRIGGER made_under_its_version ON therapy_sessions_sessionrecord;
DROP FUNCTION therapy_sessions_made_under_its_version();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("clinic", "0001_initial"),
        ("protocols", "0003_legal_bases"),
        ("therapy_sessions", "0002_guards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="factrecord",
            name="protocol_version",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="protocols.protocolversion"
            ),
        ),
        migrations.AddField(
            model_name="sessionrecord",
            name="protocol_version",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="protocols.protocolversion"
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="factrecord",
            name="protocol_version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="protocols.protocolversion"
            ),
        ),
        migrations.AlterField(
            model_name="sessionrecord",
            name="protocol_version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="protocols.protocolversion"
            ),
        ),
        migrations.CreateModel(
            name="CourseVersionMove",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("public_id", models.UUIDField(default=clinic.ids.uuid7, editable=False)),
                ("reason", models.TextField()),
                ("moved_at", models.DateTimeField()),
                (
                    "reconsent",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), blank=True, default=list, size=None
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clinic.clinic"
                    ),
                ),
                (
                    "course",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="version_moves",
                        to="therapy_sessions.course",
                    ),
                ),
                (
                    "from_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="protocols.protocolversion"
                    ),
                ),
                (
                    "moved_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "to_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="protocols.protocolversion"
                    ),
                ),
                (
                    "undoes",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="undone_by",
                        to="therapy_sessions.courseversionmove",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["clinic", "course", "moved_at"], name="version_moves_of_a_course")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("clinic", "public_id"), name="courseversionmove_public_id_is_unique"
                    ),
                    models.CheckConstraint(condition=models.Q(("reason", ""), _negated=True), name="a_move_says_why"),
                    models.CheckConstraint(
                        condition=models.Q(("from_version", models.F("to_version")), _negated=True),
                        name="a_move_leads_to_another_version",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
