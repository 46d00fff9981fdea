"""The database's own refusals: statuses move only along a table of moves, and what was recorded is never changed."""

from __future__ import annotations

from django.db import migrations

# As in sessions/rules/moves.py when this was written; a test holds the two together. A new move is a new migration.
MOVES: dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    "course": (
        ("enrolled",),
        (
            ("active", "completed"),
            ("active", "discontinued"),
            ("active", "on_hold"),
            ("active", "withdrawn"),
            ("enrolled", "active"),
            ("enrolled", "discontinued"),
            ("enrolled", "on_hold"),
            ("enrolled", "withdrawn"),
            ("on_hold", "active"),
            ("on_hold", "discontinued"),
            ("on_hold", "withdrawn"),
        ),
    ),
    "coursestage": (
        ("waiting",),
        (
            ("active", "finished"),
            ("active", "skipped"),
            ("active", "waiting"),
            ("finished", "active"),
            ("skipped", "active"),
            ("waiting", "active"),
            ("waiting", "skipped"),
        ),
    ),
    "sessionbooking": (
        ("booked",),
        (
            ("booked", "cancelled"),
            ("booked", "checked_in"),
            ("booked", "no_show"),
            ("booked", "used"),
            ("checked_in", "booked"),
            ("checked_in", "cancelled"),
            ("checked_in", "used"),
            ("no_show", "booked"),
            ("used", "booked"),
        ),
    ),
    "sessionrecord": (
        ("ended", "under_way"),
        (("ended", "signed"), ("under_way", "ended"), ("under_way", "void")),
    ),
}
APPEND_ONLY = ("factrecord", "noterecord", "signaturerecord", "deviationreview")

_rows = ", ".join(
    f"('therapy_sessions_{table}', {start}, '{goal}')"
    for table, (initial, pairs) in MOVES.items()
    for start, goal in [("''", status) for status in initial] + [(f"'{pair[0]}'", pair[1]) for pair in pairs]
)

GUARDS = f"""
CREATE TABLE therapy_sessions_move (
    row_of text NOT NULL, from_status text NOT NULL, to_status text NOT NULL,
    PRIMARY KEY (row_of, from_status, to_status)
);
COMMENT ON TABLE therapy_sessions_move IS 'Which status may follow which; an empty from_status is birth';
INSERT INTO therapy_sessions_move VALUES {_rows};

CREATE FUNCTION therapy_sessions_only_listed_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE was text := CASE WHEN TG_OP = 'INSERT' THEN '' ELSE OLD.status END;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status = NEW.status THEN RETURN NEW; END IF;
    IF NOT EXISTS (
        SELECT 1 FROM therapy_sessions_move
        WHERE row_of = TG_TABLE_NAME AND from_status = was AND to_status = NEW.status
    ) THEN
        RAISE EXCEPTION '% may not go from "%" to "%"', TG_TABLE_NAME, was, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'only_listed_moves';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION therapy_sessions_never_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'never_deleted';
END $$;
""" + "".join(
    f"""
CREATE TRIGGER only_listed_moves BEFORE INSERT OR UPDATE OF status ON therapy_sessions_{table}
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_only_listed_moves();
"""
    for table in MOVES
) + "".join(
    f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON therapy_sessions_{table}
    FOR EACH ROW EXECUTE FUNCTION refuse_any_change();
"""
    for table in APPEND_ONLY
) + "".join(
    f"""
CREATE TRIGGER never_deleted BEFORE DELETE ON therapy_sessions_{table}
    FOR EACH ROW EXECUTE FUNCTION therapy_sessions_never_deleted();
"""
    for table in ("course", "sessionbooking", "sessionrecord", "deviationrecord", "patient")
)

UNGUARD = (
    "".join(f"DROP TRIGGER only_listed_moves ON therapy_sessions_{table};" for table in MOVES)
    + "".join(f"DROP TRIGGER append_only ON therapy_sessions_{table};" for table in APPEND_ONLY)
    + "".join(
        f"DROP TRIGGER never_deleted ON therapy_sessions_{table};"
        for table in ("course", "sessionbooking", "sessionrecord", "deviationrecord", "patient")
    )
    + "DROP FUNCTION therapy_sessions_only_listed_moves();"
    + "DROP FUNCTION therapy_sessions_never_deleted(); DROP TABLE therapy_sessions_move;"
)


class Migration(migrations.Migration):
    dependencies = [("therapy_sessions", "0001_initial"), ("clinic", "0001_initial")]
    operations = [migrations.RunSQL(GUARDS, UNGUARD)]
