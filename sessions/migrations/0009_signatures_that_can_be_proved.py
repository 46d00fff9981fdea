"""A signature keeps what it was put to; a signed session's own columns are frozen, and nothing is slipped in
among its notes."""

from __future__ import annotations

from django.db import migrations, models

# What was signed before this kept only its digest: scheme 1.
FILL = """
ALTER TABLE therapy_sessions_signaturerecord DISABLE TRIGGER USER;
UPDATE therapy_sessions_signaturerecord AS signature SET last_fact_id = coalesce((
    SELECT max(fact.id) FROM therapy_sessions_factrecord fact
    WHERE fact.session_record_id = signature.session_record_id AND fact.recorded_at <= signature.signed_at
), 0);
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE therapy_sessions_signaturerecord ENABLE TRIGGER USER;
"""

# `status` has its own guard, and whether a dosing day counts follows from its doses, which may be corrected.
GUARDS = """
CREATE FUNCTION therapy_sessions_signed_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'signed' AND (
        to_jsonb(OLD) - 'status' - 'counts' IS DISTINCT FROM to_jsonb(NEW) - 'status' - 'counts'
        OR (OLD.counts <> NEW.counts AND OLD.kind <> 'dosing')
    ) THEN
        RAISE EXCEPTION 'session % is signed; it is amended, never changed', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'signed_is_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER signed_is_frozen BEFORE UPDATE ON therapy_sessions_sessionrecord
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_signed_is_frozen();

CREATE FUNCTION therapy_sessions_only_addenda() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT NEW.addendum AND EXISTS (
        SELECT FROM therapy_sessions_sessionrecord WHERE id = NEW.session_record_id AND status = 'signed'
    ) THEN
        RAISE EXCEPTION 'a signed session takes only addenda'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'only_addenda_after_signing';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_addenda_after_signing BEFORE INSERT ON therapy_sessions_noterecord
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_only_addenda();
"""

UNGUARD = """
DROP TRIGGER only_addenda_after_signing ON therapy_sessions_noterecord;
DROP FUNCTION therapy_sessions_only_addenda();
DROP TRIGGER signed_is_frozen ON therapy_sessions_sessionrecord;
DROP FUNCTION therapy_sessions_signed_is_frozen();
"""


class Migration(migrations.Migration):
    dependencies = [("therapy_sessions", "0008_one_index_less")]

    operations = [
        migrations.RemoveConstraint(
            model_name="signaturerecord", name="a_person_signs_a_record_once_per_meaning"
        ),
        migrations.AddField(
            model_name="signaturerecord",
            name="scheme",
            field=models.PositiveSmallIntegerField(default=1),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="signaturerecord", name="content", field=models.TextField(blank=True, default="")
        ),
        migrations.AddField(
            model_name="signaturerecord", name="seal", field=models.TextField(blank=True, default="")
        ),
        migrations.AddField(
            model_name="signaturerecord", name="last_fact_id", field=models.BigIntegerField(default=0)
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="signaturerecord",
            constraint=models.UniqueConstraint(
                fields=("clinic", "session_record", "person", "meaning", "digest"),
                name="a_person_signs_the_same_record_once_per_meaning",
            ),
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
