"""A signature stands over exactly what was signed: the record is frozen by every door, an amendment shows,
and each signature can be proved."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import serializers
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from clinic.errors import BadInput, NotNow
from clinic.ids import uuid7
from clinic.permissions import Role
from sessions.models import Course, FactRecord, NoteRecord, SessionRecord, SignatureRecord
from sessions.operations.correcting import amend_fact
from sessions.operations.ending import correct_times
from sessions.operations.notes import write_note
from sessions.operations.proving import verify_signatures
from sessions.operations.signing import sign_record
from sessions.queries.canonical import digest_of, first_scheme
from sessions.queries.today import today
from sessions.rules.facts import ChecklistTicked
from tests.support.cast import (
    PASSWORD,
    START,
    Cast,
    days,
    enrol,
    fill_chart,
    make_cast,
    make_person,
)
from tests.support.dosed import hold_preparation

pytestmark = pytest.mark.django_db

AT = START + days(7)
HOUR = timedelta(hours=1)


@pytest.fixture
def cast() -> Cast:
    found = make_cast()
    found.people["ivo"] = make_person(found.clinic, "Ivo Ivy", Role.SUPERVISOR)
    return found


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


@pytest.fixture
def record(cast: Cast, course: Course) -> SessionRecord:
    """A preparation session that Ada and Ben held, signed by Ada."""
    fill_chart(cast, course, now=START)
    held = hold_preparation(cast, course, now=AT)
    sign(cast, held, "ada")
    held.refresh_from_db()
    return held


def sign(
    cast: Cast, record: SessionRecord, name: str, meaning: str = "author", hours: int = 0
) -> SignatureRecord:
    at = AT + hours * HOUR
    return sign_record(actor=cast.actor(name, at=at), record_id=record.public_id, meaning=meaning, now=at)


def untick(cast: Cast, record: SessionRecord, hours: int = 1) -> FactRecord:
    """Ada corrects a tick of the signed session."""
    at = AT + hours * HOUR
    tick = record.facts.filter(kind="checklist_ticked", amended_by__isnull=True).earliest("id")
    return amend_fact(
        actor=cast.actor("ada", at=at),
        fact_id=tick.public_id,
        value=ChecklistTicked(
            record_id=record.public_id,
            item=tick.value["item"],
            done=False,
            person_id=cast.people["ada"].pk,
        ),
        occurred_at=tick.occurred_at,
        reason="ticked by a slip",
        now=at,
    )


def superseded(record: SessionRecord) -> list[bool]:
    rows = SignatureRecord.objects.with_standing().filter(session_record=record).order_by("id")
    return [row.superseded for row in rows]


def behind_the_back(statement: str, *values: str | int) -> None:
    """SQL with the triggers out of the way, as whoever owns the database may run it."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, values)
        assert cursor.rowcount == 1
        cursor.execute("SET LOCAL session_replication_role = origin")


def refused(act: Callable[[], object], words: str) -> None:
    with pytest.raises(DatabaseError, match=words), transaction.atomic():
        act()


# --- what a signature says ---


def test_a_signature_carries_the_printed_name_role_time_meaning_and_all_that_was_signed(
    cast: Cast, record: SessionRecord
) -> None:
    signature = SignatureRecord.objects.get(session_record=record)
    assert (signature.printed_name, signature.role, signature.meaning, signature.signed_at) == (
        cast.people["ada"].printed_name,
        "therapist",
        "author",
        AT,
    )
    content = json.loads(signature.content)
    assert digest_of(signature.content) == signature.digest
    assert content["session"]["id"] == str(record.public_id)
    assert len(content["facts"]) == record.facts.count() > 2
    assert [text for _id, _author, text in content["notes"]] == ["We talked about what may come."]


def test_a_signature_of_no_known_meaning_is_refused(cast: Cast, record: SessionRecord) -> None:
    with pytest.raises(BadInput):
        sign(cast, record, "ivo", "approver")


# --- frozen ---

OWN_COLUMNS: dict[str, object] = {
    "started_at": AT - 3 * HOUR,
    "ended_at": AT,
    "mode": "video",
    "kind": "integration",
    "key": "preparation.2",
    "patient_location": "elsewhere",
    "call_back_number": "555-0199",
    "counts": False,
    "public_id": "018f0000-0000-7000-8000-000000000001",
}


def test_a_signed_sessions_own_columns_are_changed_neither_by_sql_nor_by_the_orm(
    cast: Cast, record: SessionRecord
) -> None:
    changes = {**OWN_COLUMNS, "started_by_id": cast.people["ben"].pk}
    for column, value in changes.items():

        def by_sql(column: str = column, value: Any = value) -> None:
            statement = f"UPDATE therapy_sessions_sessionrecord SET {column} = %s WHERE id = %s"
            with connection.cursor() as cursor:
                cursor.execute(statement, [value, record.pk])

        def by_the_orm(column: str = column, value: object = value) -> None:
            SessionRecord.objects.filter(pk=record.pk).update(**{column: value})

        refused(by_sql, "is signed; it is amended, never changed")
        refused(by_the_orm, "is signed; it is amended, never changed")


def test_sql_cannot_unsign(cast: Cast, record: SessionRecord) -> None:
    for statement, words in (
        ("UPDATE therapy_sessions_sessionrecord SET status = 'ended'", "may not go from"),
        ("UPDATE therapy_sessions_sessionrecord SET status = 'under_way'", "may not go from"),
        ("DELETE FROM therapy_sessions_sessionrecord", "never deleted"),
        ("DELETE FROM therapy_sessions_signaturerecord", "only added to|append"),
        ("UPDATE therapy_sessions_signaturerecord SET meaning = 'draft'", "only added to|append"),
        ("UPDATE therapy_sessions_noterecord SET text = 'other words'", "only added to|append"),
        ("UPDATE therapy_sessions_factrecord SET value = '{}'", "only added to|append"),
    ):

        def run(statement: str = statement) -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement)

        refused(run, words)


def test_an_import_cannot_unsign_nor_change_what_was_signed(cast: Cast, record: SessionRecord) -> None:
    """By Django's own import of fixtures, which saves rows as they are and asks no operation."""
    signature = SignatureRecord.objects.get(session_record=record)
    for row, changes in (
        (record, {"status": "ended"}),
        (record, {"mode": "video"}),
        (record.notes.get(), {"text": "other words"}),
        (record.facts.earliest("id"), {"value": {}}),
        (signature, {"printed_name": "Somebody Else"}),
    ):
        (fixture,) = json.loads(serializers.serialize("json", [row]))
        fixture["fields"] |= changes
        for one in serializers.deserialize("json", json.dumps([fixture])):
            refused(one.save, "may not go from|is signed|only added to|append")


def test_nothing_is_imported_among_the_notes_of_a_signed_session_but_an_addendum(
    cast: Cast, record: SessionRecord
) -> None:
    def put(addendum: bool) -> NoteRecord:
        return NoteRecord.objects.create(
            clinic=cast.clinic,
            course=record.course,
            session_record=record,
            text="It was otherwise.",
            author=cast.people["ada"],
            occurred_at=AT,
            recorded_at=AT,
            addendum=addendum,
        )

    refused(lambda: put(False), "takes only addenda")
    assert put(True).addendum
    assert superseded(record) == [False]


def test_the_admin_cannot_unsign(cast: Cast, record: SessionRecord) -> None:
    person = cast.people["carla"]
    person.is_staff = person.is_superuser = True
    person.save()
    client = Client()
    client.force_login(person)
    for row in (record, SignatureRecord.objects.get(session_record=record), record.notes.get()):
        name = f"admin:therapy_sessions_{row._meta.model_name}"
        for act in ("change", "delete"):
            answer = client.post(reverse(f"{name}_{act}", args=[row.pk]), {"status": "ended", "post": "yes"})
            assert answer.status_code == 403, (name, act)
        chosen = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
        client.post(reverse(f"{name}_changelist"), chosen)
    record.refresh_from_db()
    assert record.status == "signed"
    assert superseded(record) == [False]


def test_after_the_signature_notes_are_addenda_and_supersede_nothing(
    cast: Cast, record: SessionRecord
) -> None:
    note = write_note(
        actor=cast.actor("ada", at=AT + HOUR),
        record_id=record.public_id,
        text="One thing more.",
        now=AT + HOUR,
    )
    assert note.addendum
    assert superseded(record) == [False]
    assert sign(cast, record, "ada", hours=2).digest == SignatureRecord.objects.earliest("id").digest


# --- superseded ---


def test_an_amended_fact_supersedes_the_signature_and_the_record_is_signed_again_as_amended(
    cast: Cast, record: SessionRecord
) -> None:
    first = SignatureRecord.objects.get(session_record=record)
    untick(cast, record)
    assert superseded(record) == [True]
    second = sign(cast, record, "ada", hours=2)
    assert second.pk != first.pk and second.digest != first.digest
    assert superseded(record) == [True, False]
    assert sign(cast, record, "ada", hours=3).pk == second.pk, "the same record is signed once"


def test_corrected_times_supersede_the_signature(cast: Cast, record: SessionRecord) -> None:
    correct_times(
        actor=cast.actor("ada", at=AT + HOUR),
        record_id=record.public_id,
        started_at=AT - 3 * HOUR,
        ended_at=AT - HOUR,
        reason="we began earlier",
        now=AT + HOUR,
    )
    assert superseded(record) == [True]


def test_nobody_co_signs_a_record_that_was_amended_before_its_author_signs_it_again(
    cast: Cast, record: SessionRecord
) -> None:
    untick(cast, record)
    with pytest.raises(NotNow, match="amended after it was signed"):
        sign(cast, record, "ivo", "reviewer", hours=2)
    sign(cast, record, "ada", hours=2)
    assert sign(cast, record, "ivo", "reviewer", hours=3).meaning == "reviewer"
    untick(cast, record, hours=4)
    assert superseded(record) == [True, True, True]


def test_signature_superseded_shows_wherever_the_signature_is_shown(
    cast: Cast, record: SessionRecord
) -> None:
    slug, ada = cast.clinic.slug, Client()
    ada.force_login(cast.people["ada"])
    api = APIClient()
    api.force_login(cast.people["ada"])
    page, address = (
        f"/c/{slug}/sessions/{record.public_id}/",
        f"/api/v1/clinics/{slug}/sessions/{record.public_id}",
    )

    def shown() -> tuple[bool, bool, bool, str, bool]:
        html = ada.get(page).content.decode()
        (signature,) = api.get(address).json()["signatures"]
        (cell,) = [
            one.status
            for row in grid_of(cast)
            for one in row.cells
            if one is not None and one.key == "preparation.1"
        ]
        chart = ada.get(f"/c/{slug}/courses/{record.course.public_id}/").content.decode()
        return (
            "signature superseded" in html,
            "Sign as amended" in html,
            signature["superseded"],
            cell,
            "done, not signed" in chart,
        )

    assert shown() == (False, False, False, "met", False)
    assert "superseded" not in ada.get(f"{page}text/").content.decode()
    assert "Everybody has signed." in ada.get(page).content.decode()
    at = AT + HOUR
    correct_times(
        actor=cast.actor("ada", at=at),
        record_id=record.public_id,
        started_at=AT - 3 * HOUR,
        ended_at=AT - HOUR,
        reason="we began earlier",
        now=at,
    )
    assert shown() == (True, True, True, "unsigned", True)
    (waiting,) = today(cast.actor("ada", at=at), now=at).unsigned
    assert (waiting.record_id, waiting.again) == (record.public_id, True)
    assert "Signature superseded" in ada.get(f"{page}text/").content.decode()
    assert "Everybody has signed." not in ada.get(page).content.decode()
    assert ada.post(f"{page}sign/", {"password": PASSWORD}).status_code == 302
    assert superseded(record) == [True, False]
    assert not today(cast.actor("ada", at=at), now=at).unsigned


def grid_of(cast: Cast) -> list:  # type: ignore[type-arg]
    from sessions.queries.grid import grid

    return list(grid(cast.actor("carla", at=AT)).rows)


# --- proving ---


def proved(*flags: str) -> str:
    out = StringIO()
    call_command("verify_signatures", *flags, stdout=out)
    return out.getvalue()


def fault() -> str:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_signatures", "--all", stdout=out)
    return out.getvalue()


def test_every_signature_is_proved_amended_records_and_addenda_included(
    cast: Cast, record: SessionRecord
) -> None:
    untick(cast, record)
    sign(cast, record, "ada", hours=2)
    sign(cast, record, "ben", hours=2)
    sign(cast, record, "ivo", "reviewer", hours=3)
    write_note(
        actor=cast.actor("ada", at=AT + 4 * HOUR), record_id=record.public_id, text="More.", now=AT + 4 * HOUR
    )
    assert proved().startswith("4 signatures proved, 1 superseded by an amendment, 0 faults.\n")
    Course.objects.filter(pk=record.course_id).update(status="withdrawn")
    assert proved().startswith("0 signatures"), "open courses only, unless all are asked for"
    assert proved("--all").startswith("4 signatures")


FLIPPED = {
    "a word of the note": (
        "UPDATE therapy_sessions_noterecord SET text = replace(text, 'may', 'will') "
        "WHERE session_record_id = %s",
        "was changed",
    ),
    "a tick": (
        "UPDATE therapy_sessions_factrecord SET value = jsonb_set(value, '{done}', 'false') WHERE id = ("
        "SELECT min(id) FROM therapy_sessions_factrecord "
        "WHERE kind = 'checklist_ticked' AND session_record_id = %s)",
        "was changed: value",
    ),
    "when it occurred": (
        "UPDATE therapy_sessions_factrecord SET occurred_at = occurred_at - interval '1 minute' WHERE id = ("
        "SELECT min(id) FROM therapy_sessions_factrecord WHERE session_record_id = %s)",
        "was changed: occurred_at",
    ),
    "a fact gone": (
        "DELETE FROM therapy_sessions_factrecord WHERE id = ("
        "SELECT min(id) FROM therapy_sessions_factrecord "
        "WHERE kind = 'checklist_ticked' AND session_record_id = %s)",
        "is gone",
    ),
    "the session's time": (
        "UPDATE therapy_sessions_sessionrecord SET ended_at = ended_at + interval '1 minute' WHERE id = %s",
        "was changed: ended_at",
    ),
    "unsigned": (
        "UPDATE therapy_sessions_sessionrecord SET status = 'ended' WHERE id = %s",
        "the session is ended, not signed",
    ),
    "a byte of what was signed": (
        "UPDATE therapy_sessions_signaturerecord SET content = overlay(content placing '#' from 40) "
        "WHERE session_record_id = %s",
        "what was signed was changed",
    ),
    "a byte of the digest": (
        "UPDATE therapy_sessions_signaturerecord SET digest = reverse(digest) WHERE session_record_id = %s",
        "the signature itself was changed",
    ),
    "the printed name": (
        "UPDATE therapy_sessions_signaturerecord SET printed_name = 'Ben Birch' WHERE session_record_id = %s",
        "the signature itself was changed",
    ),
    "when it was signed": (
        "UPDATE therapy_sessions_signaturerecord SET signed_at = signed_at - interval '1 day' "
        "WHERE session_record_id = %s",
        "the signature itself was changed",
    ),
    "the signature gone": (
        "DELETE FROM therapy_sessions_signaturerecord WHERE session_record_id = %s",
        "signed by nobody",
    ),
}


def test_one_flipped_byte_is_found_and_named(cast: Cast, record: SessionRecord) -> None:
    for flipped, (statement, words) in FLIPPED.items():
        back = transaction.savepoint()
        behind_the_back(statement, record.pk)
        said = fault()
        transaction.savepoint_rollback(back)
        assert f"session {record.public_id}" in said, flipped
        assert words in said, flipped
    assert proved("--all").startswith("1 signatures proved, 0 superseded by an amendment, 0 faults.\n")


def test_a_fact_put_past_the_operations_among_what_was_signed_is_found_and_named(
    cast: Cast, record: SessionRecord
) -> None:
    """As an import may: with a number that was left free before the signing, or as an amendment that names no
    session. No trigger is passed by, and neither supersedes the signature."""
    tick = record.facts.filter(kind="checklist_ticked").earliest("id")
    for put in (
        {"id": 0},
        {"session_record": None, "amends": tick, "reason": "So it was."},
    ):
        back = transaction.savepoint()
        slipped = FactRecord.objects.get(pk=tick.pk)
        slipped.pk, slipped.public_id = None, uuid7()
        for name, value in put.items():
            setattr(slipped, name, value)
        slipped.save(force_insert=True)
        said = fault()
        transaction.savepoint_rollback(back)
        assert f"session {record.public_id}" in said
        assert f"fact {slipped.public_id} was slipped in" in said
    assert proved("--all").startswith("1 signatures proved, 0 superseded by an amendment, 0 faults.\n")


def test_a_signature_from_before_its_text_was_kept_is_proved_by_what_had_been_recorded_then(
    cast: Cast, record: SessionRecord
) -> None:
    digest = digest_of(first_scheme(record, signed_at=AT))
    behind_the_back(
        "UPDATE therapy_sessions_signaturerecord SET scheme = 1, content = '', seal = '', digest = %s",
        digest,
    )
    untick(cast, record)
    assert verify_signatures().broken == ()
    behind_the_back(
        "UPDATE therapy_sessions_noterecord SET text = 'Other words' WHERE session_record_id = %s", record.pk
    )
    assert "the record is not what was signed" in fault()
