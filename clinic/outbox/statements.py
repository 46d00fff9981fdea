"""The outbox's SQL. Each statement does one step for many messages; only our own column names are pasted."""

from __future__ import annotations

# Two with the same key are the same message.
_KEY_COLUMNS = ("clinic_id", "purpose", "subject_key", "rule_code", "occurrence", "target_at", "channel")
_KEY = ", ".join(_KEY_COLUMNS)
_SAME_KEY = " AND ".join(f"l.{column} = s.{column}" for column in _KEY_COLUMNS)
_IN_THE_LOG = f"EXISTS (SELECT 1 FROM clinic_messagelog l WHERE {_SAME_KEY} AND l.state <> 'cancelled')"  # noqa: S608  # constants

SPEC_COLUMNS = {  # column → its type
    "clinic_id": "bigint",
    "purpose": "text",
    "subject_key": "text",
    "target_at": "timestamptz",
    "local_at": "timestamp",
    "zone": "text",
    "send_at": "timestamptz",
    "not_after": "timestamptz",
    "rule_code": "text",
    "occurrence": "int",
    "channel": "text",
    "course_id": "bigint",
    "data": "jsonb",
}
SEPARATOR = chr(31)
"""Between the values of one column, all of which come as one text: the server reads that in less than half
the time that JSON of the same rows takes."""
_GIVEN = {"public_id": "uuid", **SPEC_COLUMNS}
_LISTS = ", ".join(
    # Nothing between two separators is null where a number is asked for; one empty text alone is a list too.
    f"nullif(string_to_array(%({name})s, chr(31), ''), '{{}}')::bigint[]"
    if name == "course_id"
    else f"coalesce(nullif(string_to_array(%({name})s, chr(31)), '{{}}'), '{{\"\"}}')::{kind}[]"
    for name, kind in _GIVEN.items()
)
_COPIED = (
    "id, public_id, clinic_id, purpose, subject_key, rule_code, occurrence, target_at, channel, course_id, "
    "data, local_at, zone, send_at, not_after, attempt, planned_at, carried_by"
)

# One put off by whoever was to send it is not called forward again: its own time has come and gone. While
# that is still ahead, another instant for the same wall time means that the zone's rules have changed.
PLAN = f"""
INSERT INTO clinic_message
    (public_id, {", ".join(SPEC_COLUMNS)}, state, attempt, planned_at, unknown_outcomes)
SELECT s.public_id, {", ".join("s." + column for column in SPEC_COLUMNS)}, 'planned', 0, %(now)s, 0
FROM unnest({_LISTS}) AS s ({", ".join(_GIVEN)})
WHERE NOT {_IN_THE_LOG}
ON CONFLICT ({_KEY}) DO UPDATE SET
    send_at = excluded.send_at, not_after = excluded.not_after, local_at = excluded.local_at,
    zone = excluded.zone, data = excluded.data
WHERE clinic_message.state = 'planned' AND clinic_message.attempt = 0
  AND ((clinic_message.not_after, clinic_message.local_at, clinic_message.zone, clinic_message.data)
        IS DISTINCT FROM (excluded.not_after, excluded.local_at, excluded.zone, excluded.data)
    OR (excluded.send_at > %(now)s AND clinic_message.send_at <> excluded.send_at))
"""  # noqa: S608  # constants

WAITING = f"SELECT id, {_KEY} FROM clinic_message WHERE clinic_id = %(clinic)s AND course_id = %(course)s"  # noqa: S608  # constants

# What may have been accepted is never logged as cancelled: it could then be planned, and arrive, again.
CANCEL = f"""
WITH unwanted AS (
    SELECT id FROM clinic_message WHERE clinic_id = %(clinic)s
       AND (%(subject_keys)s::text[] IS NULL OR subject_key = ANY(%(subject_keys)s::text[]))
       AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
       AND (%(course)s::bigint IS NULL OR course_id = %(course)s::bigint)
       AND (state <> 'leased' OR intent_at IS NULL)
    ORDER BY id FOR UPDATE),
gone AS (DELETE FROM clinic_message WHERE id IN (SELECT id FROM unwanted) RETURNING *)
INSERT INTO clinic_messagelog ({_COPIED}, state, finished_at, reason)
SELECT {_COPIED}, CASE WHEN unknown_outcomes > 0 THEN 'uncertain' ELSE 'cancelled' END, %(now)s, %(reason)s
FROM gone ON CONFLICT DO NOTHING
"""  # noqa: S608  # constants

# By an array: joined with them, PostgreSQL reads the whole table once for each batch of a storm.
CLAIM = """
WITH due AS (
    SELECT id FROM clinic_message WHERE state IN ('planned', 'uncertain') AND send_at <= %(at)s
    ORDER BY send_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
UPDATE clinic_message AS m
SET state = 'leased', lease_token = %(token)s, lease_until = %(until)s, intent_at = NULL
WHERE m.id = ANY (ARRAY (SELECT id FROM due)) RETURNING m.*
"""

# While the clock is in doubt: only what must not wait for it.
CLAIM_THESE = CLAIM.replace("send_at <= %(at)s", "send_at <= %(at)s AND purpose = ANY(%(purposes)s)")

# What else is due to the same people by now, so that it may go in one message with what was claimed.
CLAIM_BESIDE = """
WITH theirs AS (
    SELECT DISTINCT * FROM unnest(%(clinics)s::bigint[], %(courses)s::bigint[]) AS t (clinic_id, course_id)),
due AS (
    SELECT m.id FROM theirs JOIN clinic_message m ON m.clinic_id = theirs.clinic_id
        AND m.course_id = theirs.course_id
    WHERE m.state IN ('planned', 'uncertain') AND m.send_at <= %(at)s
    ORDER BY m.send_at, m.id FOR UPDATE OF m SKIP LOCKED)
UPDATE clinic_message AS m
SET state = 'leased', lease_token = %(token)s, lease_until = %(until)s, intent_at = NULL
WHERE m.id = ANY (ARRAY (SELECT id FROM due)) RETURNING m.*
"""

ALREADY_FINISHED = f"SELECT s.id FROM clinic_message s WHERE s.id = ANY(%(ids)s::bigint[]) AND {_IN_THE_LOG}"  # noqa: S608  # constants

# The cast lets PostgreSQL hash the list: without it every row is compared with every id.
_MINE = "id = ANY(%(ids)s::bigint[]) AND state = 'leased' AND lease_token = %(token)s"
# The sweep may have written "unknown" for an attempt that outlived its lease: that stands.
_NOTE = """INSERT INTO clinic_messageattempt
        (public_id, clinic_id, message_id, attempt, step, message_key, result, detail, at)
    SELECT gen_random_uuid(), clinic_id, id, attempt, {step},
        '<' || coalesce(carried_by, public_id) || '@' || %(domain)s || '>',
        {result}, {detail}, {at} FROM {rows} ON CONFLICT DO NOTHING"""
_NOTE_OUTCOME = _NOTE.format(
    step="'outcome'",
    result="%(result)s",
    # What the provider calls each, by our id, if it does; else the same for all.
    detail="coalesce(%(details)s::jsonb ->> id::text, %(detail)s)",
    at="%(at)s",
    rows="{rows} WHERE %(result)s <> ''",
)
_NOTE_INTENT = _NOTE.format(step="'intent'", result="''", detail="''", at="%(at)s", rows="mine")
_NOTE_LEASE_EXPIRED = _NOTE.format(
    step="'outcome'", result="'unknown'", detail="'lease-expired'", at="%(now)s", rows="back WHERE intended"
)

INTEND = f"""
WITH mine AS (
    UPDATE clinic_message SET intent_at = %(at)s, attempt = attempt + 1,
        carried_by = (%(carriers)s::jsonb ->> id::text)::uuid
    WHERE {_MINE} RETURNING *),
noted AS ({_NOTE_INTENT})
SELECT id FROM mine
"""  # noqa: S608  # constants

FINISH = f"""
WITH gone AS (DELETE FROM clinic_message WHERE {_MINE} RETURNING *),
logged AS (
    INSERT INTO clinic_messagelog ({_COPIED}, state, finished_at, reason)
    SELECT {_COPIED}, %(state)s, %(at)s, %(reason)s FROM gone ON CONFLICT DO NOTHING),
noted AS ({_NOTE_OUTCOME.format(rows="gone")})
SELECT id FROM gone
"""  # noqa: S608  # constants

# The provider says what became of a message before we have noted it: there is no lease to ask for.
FINISH_REPORTED = FINISH.replace(_MINE, "id = %(id)s AND (intent_at IS NOT NULL OR unknown_outcomes > 0)")

GIVE_BACK = f"""
WITH mine AS (SELECT id FROM clinic_message WHERE {_MINE} ORDER BY id FOR UPDATE),
back AS (
    UPDATE clinic_message SET
        state = CASE WHEN unknown_outcomes + %(unknown)s > 0 THEN 'uncertain' ELSE 'planned' END,
        unknown_outcomes = unknown_outcomes + %(unknown)s, send_at = coalesce(%(send_at)s, send_at),
        lease_token = NULL, lease_until = NULL, intent_at = NULL
    WHERE id IN (SELECT id FROM mine) RETURNING *),
noted AS ({_NOTE_OUTCOME.format(rows="back")})
SELECT id FROM back
"""  # noqa: S608  # constants

RECLAIM = f"""
WITH expired AS (
    SELECT id, intent_at IS NOT NULL AS intended FROM clinic_message
    WHERE state = 'leased' AND lease_until < %(now)s
    ORDER BY lease_until LIMIT %(limit)s FOR UPDATE SKIP LOCKED),
back AS (
    UPDATE clinic_message AS m SET
        state = CASE WHEN e.intended OR m.unknown_outcomes > 0 THEN 'uncertain' ELSE 'planned' END,
        unknown_outcomes = m.unknown_outcomes + e.intended::int,
        send_at = %(now)s, lease_token = NULL, lease_until = NULL, intent_at = NULL
    FROM expired e WHERE m.id = e.id RETURNING m.*, e.intended),
noted AS ({_NOTE_LEASE_EXPIRED})
SELECT id FROM back
"""  # noqa: S608  # constants

RECLAIM_THESE = RECLAIM.replace("state = 'leased'", "state = 'leased' AND purpose = ANY(%(purposes)s)", 1)
