"""Psychotherapy notes: a kind of their own, for their author alone, in no record and no export."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from clinic.errors import Forbidden, Incomplete, NotFound, NotNow, Refusal
from clinic.permissions import Role
from sessions.models import Course, NoteRecord, SessionRecord
from sessions.models.notes import PsychotherapyNote, PsychotherapyNoteVersion
from sessions.operations import psychotherapy_notes as apart
from sessions.operations.drafting import Sent
from sessions.operations.enrolment import change_care_team
from sessions.operations.entering import log_session
from sessions.operations.errors import confirm_error, mark_session
from sessions.operations.signing import sign_record
from sessions.queries.notes import notes_as_signed
from sessions.queries.psychotherapy_notes import own_note
from sessions.queries.record_text import record_text
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast
from tests.support.clinic_day import set_clock

SECRET = "Counter-transference: he reminds me of my brother."
AT = START + days(7)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    made = enrol(cast)
    fill_chart(cast, made, now=START)
    return made


@pytest.fixture
def record(cast: Cast, course: Course) -> SessionRecord:
    return log_session(
        actor=cast.actor("ada", at=AT),
        course_id=course.public_id,
        key="preparation.1",
        started_at=AT - timedelta(hours=2),
        ended_at=AT - timedelta(hours=1),
        staff=[cast.id("ben")],
        now=AT,
    )


@pytest.fixture
def note(cast: Cast, record: SessionRecord) -> PsychotherapyNote:
    actor = cast.actor("ada", at=AT)
    begun = apart.start_psychotherapy_note(actor=actor, record_id=record.public_id, now=AT)
    sent = Sent(base=0, texts={"text": SECRET})
    return apart.save_psychotherapy_note(actor=actor, note_id=begun.public_id, sent=sent, now=AT)


def test_only_its_author_reads_a_psychotherapy_note_and_no_supervisor(
    cast: Cast, record: SessionRecord, note: PsychotherapyNote
) -> None:
    assert own_note(cast.actor("ada", at=AT), record.public_id).text == SECRET
    for name in ("ben", "carla", "dov", "eve", "finn", "gil"):
        actor = cast.actor(name, at=AT)
        with pytest.raises(NotFound):
            own_note(actor, record.public_id)
        with pytest.raises(Refusal) as refused:
            apart.save_psychotherapy_note(
                actor=actor, note_id=note.public_id, sent=Sent(base=1, texts={"text": ""}), now=AT
            )
        assert refused.value.status in (403, 404)
    note.refresh_from_db()
    assert note.blocks[0]["text"] == SECRET


def test_each_keeps_their_own_and_nobody_outside_the_care_team_begins_one(
    cast: Cast, record: SessionRecord, note: PsychotherapyNote
) -> None:
    for name in ("ben", "carla"):
        actor = cast.actor(name, at=AT)
        theirs = apart.start_psychotherapy_note(actor=actor, record_id=record.public_id, now=AT)
        assert theirs.pk != note.pk
        assert theirs.blocks[0]["text"] == ""
    for name, refusal in (("gil", NotFound), ("eve", Forbidden), ("finn", NotFound)):
        with pytest.raises(refusal):
            apart.start_psychotherapy_note(actor=cast.actor(name, at=AT), record_id=record.public_id, now=AT)


def test_who_left_the_care_team_still_reads_their_own_and_writes_no_more(
    cast: Cast, course: Course, record: SessionRecord, note: PsychotherapyNote
) -> None:
    from sessions.models.courses import TeamRole

    change_care_team(
        actor=cast.actor("eve", at=AT),
        course_id=course.public_id,
        team_role=TeamRole.LEAD_THERAPIST,
        person_id=cast.id("gil"),
        reason="agreed",
        now=AT,
    )
    found = own_note(cast.actor("ada", at=AT), record.public_id)
    assert (found.text, found.may_write) == (SECRET, False)


def test_a_dosing_note_is_never_a_psychotherapy_note(cast: Cast, course: Course) -> None:
    dosing = SessionRecord.objects.create(
        clinic=cast.clinic, course=course, kind="dosing", started_at=AT, started_by=cast.people["ada"]
    )
    with pytest.raises(NotNow, match="always belong to the record"):
        apart.start_psychotherapy_note(actor=cast.actor("ada", at=AT), record_id=dosing.public_id, now=AT)
    with pytest.raises(DatabaseError, match="never a psychotherapy note"), transaction.atomic():
        PsychotherapyNote.objects.create(
            clinic=cast.clinic,
            course=course,
            session_record=dosing,
            author=cast.people["ada"],
            blocks=[],
            started_at=AT,
            saved_at=AT,
        )


def test_a_psychotherapy_note_stands_in_for_no_note_of_the_record(
    cast: Cast, record: SessionRecord, note: PsychotherapyNote
) -> None:
    """Times, modality, medication, results, diagnosis, plan and progress stay in the ordinary note: there is
    no signature without one, and the record's text holds when, how and with whom by itself."""
    with pytest.raises(Incomplete, match="no note yet"):
        sign_record(actor=cast.actor("ada", at=AT), record_id=record.public_id, now=AT)
    text = record_text(cast.actor("ada", at=AT), record.public_id)
    assert "In person" in text
    assert "08:00–09:00" in text
    assert "Ben Birch: present 08:00–09:00" in text


def test_it_has_no_field_for_what_belongs_into_the_record() -> None:
    fields = {field.name for field in PsychotherapyNote._meta.get_fields()}
    assert fields == {
        "id",
        "public_id",
        "clinic",
        "course",
        "session_record",
        "author",
        "blocks",
        "version",
        "started_at",
        "saved_at",
        "versions",
    }


def test_it_is_in_no_signature_no_text_and_no_export(
    cast: Cast, record: SessionRecord, note: PsychotherapyNote
) -> None:
    ada = cast.actor("ada", at=AT)
    assert SECRET not in record_text(ada, record.public_id)
    assert SECRET not in str(notes_as_signed(record))
    assert not NoteRecord.objects.filter(text__contains=SECRET).exists()


def test_nothing_but_its_own_files_reads_it() -> None:
    """No export, list, admin or chart can leak what it cannot name: one more reader is one more line here,
    and somebody's decision."""
    own = {
        "sessions/models/__init__.py",
        "sessions/models/notes.py",
        "sessions/operations/drafting.py",
        "sessions/operations/psychotherapy_notes.py",
        "sessions/queries/psychotherapy_notes.py",
        "sessions/web/psychotherapy_notes.py",
        "sessions/api/psychotherapy_notes.py",
    }
    naming = {
        str(path.relative_to(ROOT))
        for house in ("clinic", "protocols", "sessions")
        for path in (ROOT / house).rglob("*.py")
        if "migrations" not in path.parts
        and {"PsychotherapyNote", "psychotherapynote"} & set(_words(path.read_text(encoding="utf-8")))
    }
    assert naming <= own
    assert "sessions/queries/psychotherapy_notes.py" in naming


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() or letter == "_" else " " for letter in text).split()


def test_two_windows_disagree_and_both_texts_are_kept(cast: Cast, note: PsychotherapyNote) -> None:
    ada = cast.actor("ada", at=AT)
    with pytest.raises(NotNow) as refused:
        apart.save_psychotherapy_note(
            actor=ada, note_id=note.public_id, sent=Sent(base=0, texts={"text": "Other."}), now=AT
        )
    assert refused.value.code == "conflict"
    assert refused.value.data["blocks"][0]["text"] == SECRET
    waiting = PsychotherapyNoteVersion.objects.get(note=note, number=None)
    assert waiting.blocks[0]["text"] == "Other."
    apart.settle_psychotherapy_conflict(
        actor=ada, note_id=note.public_id, version_id=waiting.public_id, now=AT
    )
    assert own_note(ada, note.session_record.public_id).conflicts == []
    with pytest.raises(DatabaseError), transaction.atomic():
        PsychotherapyNoteVersion.objects.all()._raw_delete("default")


def test_no_role_but_those_who_treat_may_hold_one() -> None:
    from clinic.permissions import Permission, registered

    who = {one.who for one in registered() if one.what is Permission.READ_PSYCHOTHERAPY_NOTE}
    assert who == {Role.THERAPIST, Role.SUPERVISOR, Role.PRESCRIBER}


def test_of_a_session_entered_in_error_it_stays_its_authors_alone_and_in_no_copy(
    cast: Cast, record: SessionRecord, note: PsychotherapyNote, client: Client
) -> None:
    """It is no record and is marked by nobody: a second person could confirm only what is not there for
    them."""
    mark = mark_session(
        actor=cast.actor("ada", at=AT), record_id=record.public_id, reason="another patient", now=AT
    )
    confirm_error(actor=cast.actor("carla", at=AT), mark_id=mark.public_id, now=AT)
    set_clock(AT)
    address = reverse("sessions:psychotherapy_note", args=["alder", record.public_id])
    audit = reverse("sessions:audit", args=["alder", record.course.public_id])
    copy = reverse("sessions:certified_copy", args=["alder", record.course.public_id])
    client.force_login(cast.people["ada"])
    assert address in client.get(audit).content.decode(), "nothing else would lead there any more"
    page = client.get(address).content.decode()
    assert SECRET in page and "entered in error" in page and audit in page
    client.force_login(cast.people["carla"])
    for text in (client.get(audit).content.decode(), client.get(copy).content.decode()):
        assert SECRET not in text and address not in text
    assert client.get(address).status_code == 404
