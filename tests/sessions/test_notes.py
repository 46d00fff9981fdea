"""Notes while they are written: drafts and their versions, what is copied, who writes, what stands before a
signature."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow, Refusal
from clinic.permissions import Role
from sessions.models import Course, FactRecord, NoteRecord, RecordSubmission, SessionRecord
from sessions.models.notes import NoteDraft, NoteDraftVersion
from sessions.operations import note_authors, notes
from sessions.operations.drafting import Sent
from sessions.operations.entering import log_session
from sessions.operations.note_templates import change_note_template
from sessions.operations.proving import verify_signatures
from sessions.operations.signing import sign_record
from sessions.queries.note_templates import templates_for
from sessions.queries.notes import writing_of
from tests.support.cast import START, Cast, days, enrol, fill_chart, license_person, make_cast, make_person

pytestmark = pytest.mark.django_db

AT = START + days(14)


@pytest.fixture
def cast() -> Cast:
    found = make_cast()
    found.people["ivo"] = make_person(found.clinic, "Ivo Ivy", Role.SUPERVISOR)
    return found


@pytest.fixture
def course(cast: Cast) -> Course:
    made = enrol(cast)
    fill_chart(cast, made, now=START)
    return made


def held(cast: Cast, course: Course, key: str, *, days_after: int, note: str = "") -> SessionRecord:
    at = START + days(days_after)
    return log_session(
        actor=cast.actor("ada", at=at),
        course_id=course.public_id,
        key=key,
        started_at=at - timedelta(hours=2),
        ended_at=at - timedelta(hours=1),
        staff=[cast.id("ben")],
        note=note,
        now=at,
    )


@pytest.fixture
def record(cast: Cast, course: Course) -> SessionRecord:
    """The second preparation, held by Ada and Ben; the first has a note of Ada's."""
    held(cast, course, "preparation.1", days_after=7, note="Fears being touched.")
    return held(cast, course, "preparation.2", days_after=14)


def start(cast: Cast, record: SessionRecord, name: str = "ada", template: str = "dap") -> NoteDraft:
    return notes.start_draft(
        actor=cast.actor(name, at=AT), record_id=record.public_id, template=template, now=AT
    )


def save(cast: Cast, draft: NoteDraft, base: int, name: str = "ada", **texts: str) -> NoteDraft:
    sent = Sent(base=base, texts=texts)
    return notes.save_draft(
        actor=cast.actor(name, at=AT), draft_id=draft.public_id, sent=sent, now=AT + timedelta(minutes=base)
    )


def sign(cast: Cast, record: SessionRecord, name: str = "ada", **kwargs: Any) -> Any:
    return sign_record(actor=cast.actor(name, at=AT), record_id=record.public_id, now=AT, **kwargs)


def texts(draft: NoteDraft) -> dict[str, str]:
    draft.refresh_from_db()
    return {block["code"]: block["text"] for block in draft.blocks}


# --- drafts and versions ---


def test_a_note_is_begun_saved_and_becomes_the_record_s_when_it_is_signed(
    cast: Cast, record: SessionRecord
) -> None:
    draft = start(cast, record)
    save(cast, draft, 0, data="Calm.", plan="Dosing on Monday.")
    assert not record.notes.exists()
    sign(cast, record)
    note = record.notes.get()
    assert note.text == "Data\nCalm.\n\nPlan\nDosing on Monday."
    assert [one["code"] for one in note.blocks] == ["data", "assessment", "plan"]
    assert texts(draft) == {"data": "", "assessment": "", "plan": ""}, "the draft holds no second copy"
    assert not NoteDraftVersion.objects.exists()


def test_beginning_twice_gives_the_same_draft(cast: Cast, record: SessionRecord) -> None:
    assert start(cast, record) == start(cast, record, template="soap")


def test_each_save_is_a_version_and_the_same_save_sent_again_is_one(
    cast: Cast, record: SessionRecord
) -> None:
    draft = start(cast, record)
    save(cast, draft, 0, data="One.")
    assert save(cast, draft, 0, data="One.").version == 1, "its answer was lost; it is sent again"
    assert save(cast, draft, 1, data="One. Two.").version == 2
    assert [(one.number, one.blocks[0]["text"]) for one in draft.versions.order_by("id")] == [
        (1, "One."),
        (2, "One. Two."),
    ]


def test_a_second_window_is_refused_with_both_texts_and_neither_is_lost(
    cast: Cast, record: SessionRecord
) -> None:
    draft = start(cast, record)
    save(cast, draft, 0, data="From the tablet.")
    with pytest.raises(NotNow) as refused:
        save(cast, draft, 0, data="From the desk.")
    assert refused.value.status == 409
    assert refused.value.data["blocks"][0]["text"] == "From the tablet."
    assert refused.value.data["yours"][0]["text"] == "From the desk."
    assert texts(draft)["data"] == "From the tablet."
    with pytest.raises(NotNow):
        save(cast, draft, 0, data="From the desk.")
    (kept,) = draft.versions.filter(number=None)
    assert kept.blocks[0]["text"] == "From the desk."
    shown = writing_of(cast.actor("ada", at=AT), record.public_id).mine
    assert shown is not None and [one.pk for one in shown.conflicts] == [kept.pk]


def test_a_note_with_two_texts_is_not_signed_until_one_is_chosen(cast: Cast, record: SessionRecord) -> None:
    draft = start(cast, record)
    save(cast, draft, 0, data="From the tablet.")
    with pytest.raises(NotNow):
        save(cast, draft, 0, data="From the desk.")
    with pytest.raises(Incomplete, match="not ready"):
        sign(cast, record)
    waiting = draft.versions.get(number=None).public_id
    sent = Sent(base=1, texts={"data": "Both: tablet and desk."}, settles=waiting)
    notes.save_draft(actor=cast.actor("ada", at=AT), draft_id=draft.public_id, sent=sent, now=AT)
    sign(cast, record)
    assert "Both: tablet and desk." in record.notes.get().text


def test_a_refused_text_can_be_set_aside(cast: Cast, record: SessionRecord) -> None:
    draft = start(cast, record)
    save(cast, draft, 0, data="From the tablet.")
    with pytest.raises(NotNow):
        save(cast, draft, 0, data="From the desk.")
    notes.settle_conflict(
        actor=cast.actor("ada", at=AT),
        draft_id=draft.public_id,
        version_id=draft.versions.get(number=None).public_id,
        now=AT,
    )
    sign(cast, record)
    assert "From the tablet." in record.notes.get().text


def test_what_reaches_the_server_after_the_signature_is_kept_and_shown(
    cast: Cast, record: SessionRecord
) -> None:
    draft = start(cast, record)
    save(cast, draft, 0, data="Calm.")
    sign(cast, record)
    assert save(cast, draft, 1, data="Calm.").pk == draft.pk, "nothing new in it"
    with pytest.raises(NotNow):
        save(cast, draft, 1, data="Calm. And one more thing.")
    (late,) = writing_of(cast.actor("ada", at=AT), record.public_id).late
    assert late.blocks[0]["text"] == "Calm. And one more thing."
    assert "one more thing" not in record.notes.get().text


def test_nobody_reads_or_writes_the_draft_of_somebody_else(cast: Cast, record: SessionRecord) -> None:
    draft = start(cast, record)
    save(cast, draft, 0, data="Half a thought.")
    for name in ("ben", "carla", "dov", "gil"):
        with pytest.raises(Refusal) as refused:
            save(cast, draft, 1, name=name, data="Mine now.")
        assert refused.value.status in (403, 404)
    seen = writing_of(cast.actor("ben", at=AT), record.public_id)
    assert seen.mine is None
    assert [(name, part) for name, part, _at in seen.others] == [("Ada Alder", "lead")]
    assert texts(draft)["data"] == "Half a thought."


def test_a_block_of_any_length_a_person_writes_is_taken_and_a_slip_is_not(
    cast: Cast, record: SessionRecord
) -> None:
    draft = start(cast, record)
    save(cast, draft, 0, data="word " * 9000)
    with pytest.raises(BadInput):
        save(cast, draft, 1, data="x" * 50_001)


def test_what_was_saved_and_what_is_finished_is_not_rewritten(cast: Cast, record: SessionRecord) -> None:
    draft = start(cast, record)
    save(cast, draft, 0, data="Calm.")

    def refused(act: Callable[[], object]) -> None:
        with pytest.raises(DatabaseError), transaction.atomic():
            act()

    refused(partial(NoteDraftVersion.objects.update, blocks=[]))
    sign(cast, record)
    refused(partial(NoteDraft.objects.update, blocks=[]))
    refused(partial(NoteRecord.objects.update, blocks=[]))
    refused(lambda: NoteDraft.objects.all()._raw_delete("default"))


# --- templates ---


def test_a_clinic_rewords_a_shipped_template_and_adds_its_own(cast: Cast, record: SessionRecord) -> None:
    finn = cast.actor("finn", at=AT)
    draft = start(cast, record)
    change_note_template(
        actor=finn,
        code="dap",
        title="DAP with risk",
        lines="Data\nAssessment\nRisk | Always\nPlan",
        reason="agreed",
        now=AT,
    )
    change_note_template(
        actor=finn, code="", title="Body work", lines="Body", kinds=["dosing"], reason="agreed", now=AT
    )
    offered = {one.code: one for one in templates_for(finn, "preparation")}
    assert [one.title for one in offered["dap"].blocks] == ["Data", "Assessment", "Risk", "Plan"]
    assert set(offered) == {"dap", "soap", "free"}
    assert "body_work" in {one.code for one in templates_for(finn, "dosing")}
    assert list(texts(draft)) == ["data", "assessment", "plan"], "what was begun keeps its blocks"


def test_two_administrators_do_not_overwrite_each_other_s_template(cast: Cast) -> None:
    finn, carla = cast.actor("finn", at=AT), cast.actor("carla", at=AT)
    change_note_template(actor=finn, code="soap", title="SOAP", lines="S\nO\nA\nP", reason="agreed", now=AT)
    with pytest.raises(NotNow):
        change_note_template(actor=carla, code="soap", title="SOAP", lines="One", reason="agreed", now=AT)


@pytest.mark.parametrize("name", ["ada", "dov", "eve"])
def test_nobody_else_changes_templates(cast: Cast, name: str) -> None:
    with pytest.raises(Forbidden):
        change_note_template(
            actor=cast.actor(name, at=AT), code="dap", title="DAP", lines="One", reason="agreed", now=AT
        )


# --- copied ---


def copy(cast: Cast, draft: NoteDraft, base: int, note: NoteRecord, source: str = "note") -> NoteDraft:
    return notes.copy_block(
        actor=cast.actor("ada", at=AT),
        draft_id=draft.public_id,
        base=base,
        block="data",
        note_id=note.public_id,
        source=source,
        now=AT,
    )


def test_a_block_copied_from_an_earlier_note_says_where_from_and_is_confirmed_before_signing(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    draft = start(cast, record)
    earlier = NoteRecord.objects.get(course=course)
    copied = copy(cast, draft, 0, earlier).blocks[0]
    assert (copied["text"], copied["copied"]["on"]) == ("Fears being touched.", "2027-03-08")
    with pytest.raises(Incomplete) as refused:
        sign(cast, record)
    assert refused.value.data["standing"] == [{"what": "unconfirmed", "block": "Data"}]
    sent = Sent(base=1, texts={}, kept=["data"])
    notes.save_draft(actor=cast.actor("ada", at=AT), draft_id=draft.public_id, sent=sent, now=AT)
    sign(cast, record)
    assert record.notes.get().text.startswith("Data (copied from 2027-03-08, still true)\nFears")


def test_an_edited_copy_needs_no_second_word(cast: Cast, course: Course, record: SessionRecord) -> None:
    draft = start(cast, record)
    copy(cast, draft, 0, NoteRecord.objects.get(course=course))
    save(cast, draft, 1, data="Fears being touched less than before.")
    sign(cast, record)
    assert "copied from 2027-03-08, edited" in record.notes.get().text


def test_a_block_that_is_copied_into_keeps_what_it_said(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    draft = start(cast, record)
    save(cast, draft, 0, data="Came late.")
    copy(cast, draft, 1, NoteRecord.objects.get(course=course))
    assert texts(draft)["data"] == "Came late.\n\nFears being touched."


def test_nothing_is_copied_from_another_patient_nor_from_a_later_session(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    other = enrol(cast, "P-002")
    fill_chart(cast, other, now=START)
    held(cast, other, "preparation.1", days_after=7, note="Her husband's history.")
    held(cast, course, "preparation.3", days_after=21, note="Later.")
    draft = start(cast, record)
    for text in ("Her husband's history.", "Later."):
        with pytest.raises(NotFound):
            copy(cast, draft, 0, NoteRecord.objects.get(text=text))
    seen = writing_of(cast.actor("ada", at=AT), record.public_id).mine
    assert seen is not None
    assert [block.text for source in seen.sources for block in source.blocks] == ["Fears being touched."]


# --- authors ---


def test_whoever_begins_leads_and_who_comes_after_contributes(cast: Cast, record: SessionRecord) -> None:
    assert start(cast, record).part == "lead"
    assert start(cast, record, "ben").part == "contribution"
    standing = writing_of(cast.actor("ada", at=AT), record.public_id).attestations
    assert standing.lead == "Ada Alder"
    assert [name for _pk, _id, name in standing.contributors] == ["Ben Birch"]


def test_nobody_signs_past_a_lead_author_who_is_still_writing(cast: Cast, record: SessionRecord) -> None:
    start(cast, record)
    save(cast, start(cast, record, "ben"), 0, name="ben", data="My part.")
    with pytest.raises(NotNow, match="Ada Alder leads"):
        sign(cast, record, "ben")


def test_the_lead_can_be_taken_and_nothing_of_it_is_lost(cast: Cast, record: SessionRecord) -> None:
    hers = start(cast, record)
    save(cast, hers, 0, data="Hers.")
    note_authors.take_lead(actor=cast.actor("ben", at=AT), record_id=record.public_id, now=AT)
    mine = start(cast, record, "ben")
    hers.refresh_from_db()
    assert (hers.part, mine.part, texts(hers)["data"]) == ("contribution", "lead", "Hers.")


def test_only_who_was_there_is_named_and_only_by_the_lead(cast: Cast, record: SessionRecord) -> None:
    start(cast, record)
    name = partial(note_authors.name_contributor, record_id=record.public_id, now=AT)
    with pytest.raises(BadInput):
        name(actor=cast.actor("ada", at=AT), person_id=cast.id("dov"))
    with pytest.raises(Forbidden):
        name(actor=cast.actor("ben", at=AT), person_id=cast.id("ben"))
    name(actor=cast.actor("ada", at=AT), person_id=cast.id("ben"))
    name(actor=cast.actor("ada", at=AT), person_id=cast.id("ben"))
    seen = partial(writing_of, cast.actor("ada", at=AT), record.public_id)
    assert [one.what for one in seen().attestations.outstanding if one.name == "Ben Birch"] == [
        "contributor",
        "co_signature",
    ]
    note_authors.take_back_contributor(
        actor=cast.actor("ada", at=AT), record_id=record.public_id, person_id=cast.id("ben"), now=AT
    )
    assert not seen().attestations.contributors


def test_a_contributor_s_part_is_handed_in_under_their_own_name(cast: Cast, record: SessionRecord) -> None:
    save(cast, start(cast, record), 0, data="The lead's.")
    part = start(cast, record, "ben", "free")
    save(cast, part, 0, name="ben", note="What I saw.")
    hand_in = partial(notes.hand_in_draft, actor=cast.actor("ben", at=AT), draft_id=part.public_id, now=AT)
    assert hand_in() == hand_in(), "sent twice it is one"
    sign(cast, record)
    assert [(one.author.printed_name, one.part) for one in record.notes.order_by("id")] == [
        ("Ben Birch", "contribution"),
        ("Ada Alder", "lead"),
    ]


def test_a_finished_note_that_nobody_signed_gets_a_next_wording(cast: Cast, record: SessionRecord) -> None:
    draft = start(cast, record)
    save(cast, draft, 0, data="Clam.")
    first = notes.hand_in_draft(actor=cast.actor("ada", at=AT), draft_id=draft.public_id, now=AT)
    again = notes.start_draft(
        actor=cast.actor("ada", at=AT),
        record_id=record.public_id,
        template="",
        amends=first.public_id,
        now=AT,
    )
    assert texts(again)["data"] == "Clam."
    save(cast, again, 0, data="Calm.")
    sign(cast, record)
    assert record.notes.get(amends=first).text == "Data\nCalm."
    with pytest.raises(Refusal):
        notes.start_draft(
            actor=cast.actor("ben", at=AT),
            record_id=record.public_id,
            template="",
            amends=first.public_id,
            now=AT,
        )


def test_the_signed_session_takes_addenda_only(cast: Cast, record: SessionRecord) -> None:
    save(cast, start(cast, record), 0, data="Calm.")
    sign(cast, record)
    with pytest.raises(NotNow):
        start(cast, record)
    late = notes.write_note(
        actor=cast.actor("ada", at=AT), record_id=record.public_id, text="Forgot: rang his sister.", now=AT
    )
    assert late.addendum


def test_writing_a_note_changes_nothing_that_the_engine_reads(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    before = FactRecord.objects.count()
    save(cast, start(cast, record), 0, data="80 mg at ten, BP 190/110.")
    assert FactRecord.objects.count() == before


# --- both attest ---


def outstanding(cast: Cast, record: SessionRecord) -> list[tuple[str, str]]:
    found = writing_of(cast.actor("ada", at=AT), record.public_id).attestations
    return [(one.what, one.name) for one in found.outstanding]


def test_the_record_counts_as_fully_signed_once_lead_and_contributors_have_attested(
    cast: Cast, record: SessionRecord
) -> None:
    license_person(cast, "ben", now=AT)
    save(cast, start(cast, record), 0, data="The lead's.")
    save(cast, start(cast, record, "ben", "free"), 0, name="ben", note="What I saw.")
    assert outstanding(cast, record) == [("author", "Ada Alder"), ("contributor", "Ben Birch")]
    with pytest.raises(NotNow):
        sign(cast, record, "ben", meaning="contributor")
    sign(cast, record)
    assert outstanding(cast, record) == [("contributor", "Ben Birch")]
    signature = sign(cast, record, "ben", meaning="contributor")
    assert "What I saw." in signature.content, "his part is in what he signed"
    assert record.notes.get(part="contribution").addendum
    assert outstanding(cast, record) == []
    assert sign(cast, record, "ben", meaning="contributor") == signature
    assert verify_signatures().broken == ()


def test_an_unlicensed_second_therapist_s_part_is_co_signed_by_somebody_licensed(
    cast: Cast, record: SessionRecord
) -> None:
    save(cast, start(cast, record), 0, data="The lead's.")
    note_authors.name_contributor(
        actor=cast.actor("ada", at=AT), record_id=record.public_id, person_id=cast.id("ben"), now=AT
    )
    sign(cast, record)
    sign(cast, record, "ben", meaning="contributor")
    assert outstanding(cast, record) == [("co_signature", "Ben Birch")]
    sign(cast, record, "ivo", meaning="reviewer")
    assert outstanding(cast, record) == [("co_signature", "Ben Birch")], "Ivo holds no licence either"
    license_person(cast, "ivo", now=AT)
    assert outstanding(cast, record) == []


def test_a_co_signature_from_before_an_unlicensed_part_was_written_does_not_stand_for_it(
    cast: Cast, record: SessionRecord
) -> None:
    license_person(cast, "ivo", now=AT)
    save(cast, start(cast, record), 0, data="The lead's.")
    save(cast, start(cast, record, "ben", "free"), 0, name="ben", note="What I saw.")
    sign(cast, record)
    sign(cast, record, "ivo", meaning="reviewer")
    sign(cast, record, "ben", meaning="contributor")
    assert outstanding(cast, record) == [("co_signature", "Ben Birch")]
    assert RecordSubmission.objects.get(session_record=record).settled_at is None, "it waits for somebody"
    assert "What I saw." in sign(cast, record, "ivo", meaning="reviewer").content
    assert outstanding(cast, record) == []
    assert RecordSubmission.objects.get(session_record=record).outcome == "co_signed"


@pytest.mark.parametrize("name", ["ben", "carla", "dov"])
def test_nobody_attests_who_was_not_named(cast: Cast, record: SessionRecord, name: str) -> None:
    save(cast, start(cast, record), 0, data="The lead's.")
    sign(cast, record)
    with pytest.raises(Forbidden):
        sign(cast, record, name, meaning="contributor")
