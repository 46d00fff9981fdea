"""What was entered in error is in no list of reviews, ratings or comments either, and the record that it
leaves behind can be signed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinic.errors import NotFound
from clinic.permissions import Role
from clinic.rules.reports import Table
from sessions.models import (
    FactRecord,
    FidelityReview,
    NoteRecord,
    SessionBooking,
    SessionRecord,
    SignatureRecord,
)
from sessions.models.bookings import BookingStatus
from sessions.operations.errors import confirm_error, mark_fact, mark_note, mark_session
from sessions.operations.fidelity import adopt_form, assign_rater, draw_sessions, rate_session
from sessions.operations.notes import write_note
from sessions.operations.psychotherapy_notes import start_psychotherapy_note
from sessions.operations.records import record_fact
from sessions.operations.reviews import comment_on_passage, return_record, send_record_for_review
from sessions.operations.signing import sign_record
from sessions.queries import fidelity
from sessions.queries.errors import audit
from sessions.queries.evidence import evidence_rows
from sessions.queries.reports.month import clinic_report
from sessions.queries.reviews import comments_to_author, returned_to, review
from sessions.rules.facts import ConsentChanged, ConsentState
from tests.sessions.rules.test_fidelity import FORM
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast, make_person
from tests.support.dosed import hold_preparation

pytestmark = pytest.mark.django_db

AT = START + days(7)
LATER = AT + days(1)
HOUR = timedelta(hours=1)
WRONG = "meant for another patient"
NOTE = "We talked about what may come."


@pytest.fixture
def cast() -> Cast:
    found = make_cast()
    found.people["ivo"] = make_person(found.clinic, "Ivo Ivy", Role.SUPERVISOR)
    found.people["hana"] = make_person(found.clinic, "Hana Hazel", Role.THERAPIST)
    return found


@pytest.fixture
def record(cast: Cast) -> SessionRecord:
    course = enrol(cast)
    fill_chart(cast, course, now=START)
    return hold_preparation(cast, course, now=AT)


def sign(cast: Cast, record: SessionRecord) -> None:
    sign_record(actor=cast.actor("ada", at=LATER), record_id=record.public_id, now=LATER)


def returned_with_a_comment(cast: Cast, record: SessionRecord) -> None:
    ivo = cast.actor("ivo", at=LATER)
    sent = send_record_for_review(actor=cast.actor("ada", at=LATER), record_id=record.public_id, now=LATER)
    comment_on_passage(
        actor=ivo,
        submission_id=sent.public_id,
        note_id=record.notes.get().public_id,
        quote=NOTE,
        text="Of what?",
        now=LATER,
    )
    return_record(actor=ivo, submission_id=sent.public_id, words="", now=LATER)


def leaves(cast: Cast, what: SessionRecord | NoteRecord | FactRecord) -> None:
    ada = cast.actor("ada", at=LATER)
    if isinstance(what, SessionRecord):
        mark = mark_session(actor=ada, record_id=what.public_id, reason=WRONG, now=LATER)
    elif isinstance(what, NoteRecord):
        mark = mark_note(actor=ada, note_id=what.public_id, reason=WRONG, now=LATER)
    else:
        mark = mark_fact(actor=ada, fact_id=what.public_id, reason=WRONG, now=LATER)
    confirm_error(actor=cast.actor("ivo", at=LATER), mark_id=mark.public_id, now=LATER)


def superseded(record: SessionRecord) -> list[bool]:
    rows = SignatureRecord.objects.with_standing().filter(session_record=record).order_by("pk")
    return [row.superseded for row in rows]


def test_what_came_after_a_signature_and_left_again_does_not_supersede_it(
    cast: Cast, record: SessionRecord
) -> None:
    sign(cast, record)
    ada = cast.actor("ada", at=LATER)
    added = write_note(actor=ada, record_id=record.public_id, text="He called.", now=LATER)
    leaves(cast, added)
    assert superseded(record) == [False], "an addendum is not what was signed"
    tick = record.facts.filter(kind="checklist_ticked").latest("pk")
    later = FactRecord.objects.create(
        clinic=record.clinic,
        course=record.course,
        session_record=record,
        kind="checklist_ticked",
        occurred_at=AT - HOUR,
        aware_at=LATER,
        recorded_at=LATER,
        observed_by=cast.people["ada"],
        entered_by=cast.people["ada"],
        source="staff",
        value=tick.value,
        protocol_version=tick.protocol_version,
    )
    assert superseded(record) == [True]
    leaves(cast, later)
    assert superseded(record) == [False], "the record says again what was signed"
    leaves(cast, tick)
    assert superseded(record) == [True]
    sign(cast, record)
    assert superseded(record) == [True, False]


def test_a_note_leaves_with_every_wording_of_it_and_the_audit_keeps_them(
    cast: Cast, record: SessionRecord
) -> None:
    first = record.notes.get()
    second = NoteRecord.objects.create(
        clinic=record.clinic,
        course=record.course,
        session_record=record,
        author=cast.people["ada"],
        text="Worded anew.",
        occurred_at=AT,
        recorded_at=LATER,
        amends=first,
    )
    leaves(cast, second)
    assert not record.notes.exists()
    _course, (kept,) = audit(cast.actor("carla", at=LATER), record.course.public_id, now=LATER)
    assert [note.pk for note in kept.notes] == [first.pk, second.pk]


def test_a_returned_record_that_left_is_neither_its_authors_to_do_nor_counted_in_the_month(
    cast: Cast, record: SessionRecord
) -> None:
    def counted() -> tuple[object, int]:
        """Records answered, and kinds of visits that were booked."""
        month = clinic_report(cast.actor("carla", at=LATER), LATER.date().replace(day=1), now=LATER)
        tables = {part.name: part for part in month.parts if isinstance(part, Table)}
        return tables["reviews"].rows[0][1], len(tables["visits"].rows)

    booking = SessionBooking.objects.create(
        clinic=record.clinic,
        course=record.course,
        key="preparation.1",
        kind="preparation",
        starts_at=AT - 2 * HOUR,
        ends_at=AT - HOUR,
        status=BookingStatus.BOOKED,
    )
    for status in (BookingStatus.CHECKED_IN, BookingStatus.USED):
        SessionBooking.objects.filter(pk=booking.pk).update(status=status)
    SessionRecord.objects.filter(pk=record.pk).update(booking=booking)
    returned_with_a_comment(cast, record)
    ada = cast.actor("ada", at=LATER)
    assert (len(returned_to(ada)), counted()) == (1, (1, 1))
    leaves(cast, record)
    assert (len(returned_to(ada)), counted()) == (0, (0, 0))


def test_words_quoted_from_a_note_leave_with_it_and_sent_again_it_is_only_gone(
    cast: Cast, record: SessionRecord
) -> None:
    returned_with_a_comment(cast, record)
    assert [one.quote for one in comments_to_author(record)] == [NOTE]
    leaves(cast, record.notes.get())
    assert comments_to_author(record) == []
    ada = cast.actor("ada", at=LATER)
    write_note(actor=ada, record_id=record.public_id, text="The right words.", now=LATER)
    again = send_record_for_review(actor=ada, record_id=record.public_id, now=LATER)
    changed = review(cast.actor("ivo", at=LATER), again.public_id, now=LATER).changed
    assert changed is not None
    assert [(one.kind, one.pieces) for one in changed] == [
        ("new", (("new", "The right words."),)),
        ("gone", ()),
    ]


def test_no_psychotherapy_note_is_begun_of_a_session_that_left(cast: Cast, record: SessionRecord) -> None:
    leaves(cast, record)
    with pytest.raises(NotFound):
        start_psychotherapy_note(actor=cast.actor("ada", at=LATER), record_id=record.public_id, now=LATER)


def test_a_session_that_left_is_rated_by_nobody_and_in_no_list_of_fidelity(
    cast: Cast, record: SessionRecord
) -> None:
    carla, hana = cast.actor("carla", at=LATER), cast.actor("hana", at=LATER)
    record_fact(
        actor=cast.actor("ada", at=LATER),
        course_id=record.course.public_id,
        value=ConsentChanged(scope="recording", state=ConsentState.GIVEN, document_version="1"),
        occurred_at=START + days(1),
        now=LATER,
    )
    form = adopt_form(actor=carla, text=FORM.replace("share: 0.2", "share: 1"), reason="agreed", now=LATER)
    drawn = draw_sessions(actor=carla, form_id=form.public_id, from_at=START, until_at=LATER, now=LATER)
    one = FidelityReview.objects.get(draw=drawn)
    assign_rater(actor=carla, review_id=one.public_id, rater=cast.id("hana"), now=LATER)
    assert len(fidelity.my_ratings(hana)) == len(fidelity.reviews(carla)) == 1
    leaves(cast, record)
    assert not fidelity.my_ratings(hana) and not fidelity.reviews(carla)
    scores = {"rapport": 1, "safety": 1}
    with pytest.raises(NotFound):
        rate_session(actor=hana, review_id=one.public_id, scores=scores, now=LATER)
    with pytest.raises(NotFound):
        assign_rater(actor=carla, review_id=one.public_id, rater=cast.id("gil"), now=LATER)


def test_of_evidence_that_left_no_measurement_is_shown(cast: Cast, record: SessionRecord) -> None:
    tick = record.facts.filter(kind="checklist_ticked").latest("pk")
    evidence = [
        {
            "fact": str(tick.public_id),
            "occurred_at": AT.isoformat(),
            "measured": "190/110",
            "limit": "140/90",
        }
    ]

    def shown() -> list[tuple[str, str | None, str | None]]:
        rows = evidence_rows(
            clinic_id=cast.clinic.pk, evidence=evidence, zone=cast.clinic.zone_info, window=None
        )
        return [(row.kind, row.measured, row.limit) for row in rows]

    assert shown() == [("checklist_ticked", "190/110", "140/90")]
    leaves(cast, tick)
    assert shown() == [("entered_in_error", None, None)]
