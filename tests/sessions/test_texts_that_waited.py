"""Text that waited on a device: the same save sent again is one, what comes after the note was finished
stands beside it until its author adds it or sets it aside, and nobody else learns what it says."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from clinic.errors import Incomplete, NotFound, NotNow, Refusal
from clinic.models import Event
from sessions.models import SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.models.notes import NoteDraft, NoteDraftVersion
from sessions.operations import notes
from sessions.operations import psychotherapy_notes as apart
from sessions.operations.drafting import Sent
from sessions.operations.entering import log_session
from sessions.operations.signing import sign_record
from sessions.queries.notes import draft_named, texts_beside, writing_of
from sessions.queries.today import today
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast

pytestmark = pytest.mark.django_db

AT = START + days(7)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def record(cast: Cast) -> SessionRecord:
    course = enrol(cast)
    fill_chart(cast, course, now=START)
    return log_session(
        actor=cast.actor("ada", at=AT),
        course_id=course.public_id,
        key="preparation.1",
        started_at=AT - (days(1) / 12),
        ended_at=AT - (days(1) / 24),
        staff=[cast.id("ben")],
        now=AT,
    )


@pytest.fixture
def draft(cast: Cast, record: SessionRecord) -> NoteDraft:
    return notes.start_draft(
        actor=cast.actor("ada", at=AT), record_id=record.public_id, template="dap", now=AT
    )


Save = Callable[..., NoteDraft]


@pytest.fixture
def save(cast: Cast, draft: NoteDraft) -> Save:
    def act(base: int, save: UUID | None = None, name: str = "ada", **texts: str) -> NoteDraft:
        return notes.save_draft(
            actor=cast.actor(name, at=AT),
            draft_id=draft.public_id,
            sent=Sent(base=base, texts=texts, public_id=save),
            now=AT,
        )

    return act


def sign(cast: Cast, record: SessionRecord) -> None:
    sign_record(actor=cast.actor("ada", at=AT), record_id=record.public_id, now=AT)


def late(cast: Cast, record: SessionRecord) -> list[NoteDraftVersion]:
    return list(writing_of(cast.actor("ada", at=AT), record.public_id).late)


def verbs(draft: NoteDraft) -> list[str]:
    return list(
        Event.objects.filter(subject_type="notedraft", subject_id=draft.pk)
        .order_by("id")
        .values_list("verb", flat=True)
    )


def test_a_save_sent_again_is_the_same_save(draft: NoteDraft, save: Save) -> None:
    first = uuid4()
    assert [save(0, first, data="Calm.").version for _turn in range(2)] == [1, 1]
    assert draft.versions.get().public_id == first


def test_a_save_sent_again_after_the_text_went_on_takes_nothing_back_and_is_no_second_text(
    draft: NoteDraft, save: Save
) -> None:
    """Its answer was lost; another window has gone on from it. The window that sends it again is told, and
    nothing waits for a look."""
    first = uuid4()
    save(0, first, data="Calm.")
    save(1, uuid4(), data="Calm. Slept.")
    with pytest.raises(NotNow) as refused:
        save(0, first, data="Calm.")
    assert (refused.value.code, refused.value.data["refused"]) == ("conflict", "")
    assert refused.value.data["version"] == 2
    draft.refresh_from_db()
    assert draft.blocks[0]["text"] == "Calm. Slept."
    assert not draft.versions.filter(number=None).exists()


def test_a_refused_save_sent_again_is_one_text_also_after_its_author_set_it_aside(
    cast: Cast, draft: NoteDraft, save: Save
) -> None:
    save(0, data="From the tablet.")
    second = uuid4()
    for _turn in range(2):
        with pytest.raises(NotNow):
            save(0, second, data="From the desk.")
    notes.settle_conflict(actor=cast.actor("ada", at=AT), draft_id=draft.public_id, version_id=second, now=AT)
    with pytest.raises(NotNow):
        save(0, second, data="From the desk.")
    assert draft.versions.filter(number=None).count() == 1
    assert texts_beside(cast.actor("ada", at=AT), limit=9) == []


def test_an_id_stands_for_one_text(draft: NoteDraft, save: Save) -> None:
    first = uuid4()
    save(0, first, data="Calm.")
    with pytest.raises(Incomplete) as refused:
        save(1, first, data="Something else.")
    assert refused.value.code == "id-reused"


def test_what_comes_after_the_signature_is_on_its_author_s_today_until_it_is_an_addendum(
    cast: Cast, record: SessionRecord, draft: NoteDraft, save: Save
) -> None:
    save(0, data="Calm.")
    sign(cast, record)
    waited = uuid4()
    for _turn in range(2):
        with pytest.raises(NotNow) as refused:
            save(0, waited, data="Calm. Spoke of his father.")
        assert refused.value.data["finished"] is True
        assert refused.value.data["blocks"][0]["text"] == "Calm.", "what was signed"
        assert refused.value.data["yours"][0]["text"] == "Calm. Spoke of his father."
    ada = cast.actor("ada", at=AT)
    (row,) = today(ada, now=AT).beside
    assert (row.what, row.late, row.record_id) == ("Preparation session 1", True, record.public_id)
    for name in ("ben", "carla", "eve", "finn"):
        other = cast.actor(name, at=AT)
        assert today(other, now=AT).beside == []
        with pytest.raises(NotFound):
            draft_named(other, draft.public_id)
    assert "father" not in "".join(note.text for note in record.notes.all())

    notes.write_note(
        actor=ada, record_id=record.public_id, text="Spoke of his father.", settles=waited, now=AT
    )
    assert today(ada, now=AT).beside == []
    assert late(cast, record) == []
    assert record.notes.get(addendum=True).text == "Spoke of his father."
    with pytest.raises(NotNow):
        save(0, waited, data="Calm. Spoke of his father.")
    assert late(cast, record) == [], "sent once more by the device, it does not come back"
    assert verbs(draft) == ["note_draft_started", "note_text_came_late"]


def test_what_comes_after_the_signature_is_set_aside_by_its_author_alone(
    cast: Cast, record: SessionRecord, draft: NoteDraft, save: Save
) -> None:
    save(0, data="Calm.")
    sign(cast, record)
    waited = uuid4()
    with pytest.raises(NotNow):
        save(0, waited, data="Not calm.")
    for name in ("ben", "carla", "gil"):
        other = cast.actor(name, at=AT)
        with pytest.raises(Refusal) as refused:
            notes.settle_conflict(actor=other, draft_id=draft.public_id, version_id=waited, now=AT)
        assert refused.value.status in (403, 404)
        with pytest.raises(Refusal) as refused:
            notes.write_note(actor=other, record_id=record.public_id, text="x", settles=waited, now=AT)
        assert refused.value.status in (403, 404)
    assert not record.notes.filter(addendum=True).exists()
    for _turn in range(2):
        notes.settle_conflict(
            actor=cast.actor("ada", at=AT), draft_id=draft.public_id, version_id=waited, now=AT
        )
    assert verbs(draft) == ["note_draft_started", "note_text_came_late", "note_text_set_aside"]


def test_a_second_text_of_a_draft_is_on_its_author_s_today_once(
    cast: Cast, draft: NoteDraft, save: Save
) -> None:
    save(0, data="From the tablet.")
    for text in ("From the desk.", "From the phone."):
        with pytest.raises(NotNow):
            save(0, uuid4(), data=text)
    (row,) = today(cast.actor("ada", at=AT), now=AT).beside
    assert (row.late, row.apart) == (False, False)


def test_a_second_text_of_a_psychotherapy_note_is_on_its_author_s_today_without_its_words(
    cast: Cast, record: SessionRecord
) -> None:
    ada = cast.actor("ada", at=AT)
    note = apart.start_psychotherapy_note(actor=ada, record_id=record.public_id, now=AT)

    def write(text: str) -> None:
        sent = Sent(base=0, texts={"text": text}, public_id=uuid4())
        apart.save_psychotherapy_note(actor=ada, note_id=note.public_id, sent=sent, now=AT)

    write("My brother.")
    with pytest.raises(NotNow):
        write("My sister.")
    (row,) = today(ada, now=AT).beside
    assert row.apart
    assert "sister" not in str(row)
    for name in ("ben", "carla", "finn"):
        assert today(cast.actor(name, at=AT), now=AT).beside == []


@pytest.mark.parametrize("status", [RecordStatus.VOID, RecordStatus.ENTERED_IN_ERROR])
def test_a_session_that_was_never_held_takes_no_text_for_nobody_would_see_it(
    cast: Cast, record: SessionRecord, draft: NoteDraft, save: Save, status: RecordStatus
) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # whatever way it came to be so
        cursor.execute(
            "UPDATE therapy_sessions_sessionrecord SET status = %s WHERE id = %s", [status.value, record.pk]
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    with pytest.raises(NotNow) as refused:
        save(0, uuid4(), data="Calm.")
    assert refused.value.code == "never-held"
    assert not draft.versions.exists()
