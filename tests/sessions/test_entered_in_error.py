"""A record made in the wrong chart or in error: its author says so, a second person confirms it, and it is in
no view, count or fact of the engine any more. The audit and the certified copy keep it, signature and all."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from clinic.actors import acting
from clinic.errors import Forbidden, Incomplete, NotFound, NotNow, Refusal
from clinic.ids import uuid7
from clinic.models import Event
from clinic.permissions import Role
from sessions.models import (
    Course,
    CourseRequirement,
    DeviationRecord,
    EnteredInError,
    ErrorMark,
    FactRecord,
    NoteRecord,
    SessionRecord,
    SignatureRecord,
    StaffTask,
)
from sessions.operations.contacts import record_contact
from sessions.operations.correcting import amend_fact
from sessions.operations.entering import log_session
from sessions.operations.errors import confirm_error, decline_error, mark_fact, mark_note, mark_session
from sessions.operations.notes import write_note
from sessions.operations.proving import verify_signatures
from sessions.operations.records import put_fact
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.signing import sign_record
from sessions.operations.verifying import verify_requirements
from sessions.queries.canonical import digest_of, spelled
from sessions.queries.chart import chart
from sessions.queries.conduct import board
from sessions.queries.errors import audit, error_mark, marks_to_settle
from sessions.queries.history import history_of
from sessions.rules.facts import (
    AdverseEventRecorded,
    ChartItemRecorded,
    ConsentChanged,
    ConsentState,
    ContactMade,
    ContactResult,
    DoseOrdered,
    DosingStopped,
    FactValue,
    FormFiled,
    MedicineListed,
    Mode,
    NotDone,
    Override,
    ResultRecorded,
    RiskAssessed,
    RiskBenefitDocumented,
    RiskFound,
    StepTaken,
)
from tests.support.cast import START, Cast, checklist_items, days, enrol, fill_chart, make_cast, make_person
from tests.support.clinic_day import set_clock
from tests.support.dosed import hold_preparation

pytestmark = pytest.mark.django_db

AT = START + days(7)
HOUR = timedelta(hours=1)
WRONG = "meant for another patient"


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
    sign_record(actor=cast.actor("ada", at=AT), record_id=held.public_id, now=AT)
    return held


def contact(cast: Cast, course: Course, *, at: datetime = AT, safe: bool | None = True) -> FactRecord:
    return record_contact(
        actor=cast.actor("ada", at=at),
        course_id=course.public_id,
        result=ContactResult.REACHED,
        mode=Mode.IN_PERSON,
        safe=safe,
        occurred_at=at,
        now=at,
    )


def asked_of_session(cast: Cast, record: SessionRecord, by: str = "ada") -> ErrorMark:
    return mark_session(
        actor=cast.actor(by, at=AT + HOUR), record_id=record.public_id, reason=WRONG, now=AT + HOUR
    )


def asked_of_fact(cast: Cast, fact: FactRecord, by: str = "ada") -> ErrorMark:
    return mark_fact(actor=cast.actor(by, at=AT + HOUR), fact_id=fact.public_id, reason=WRONG, now=AT + HOUR)


def confirm(cast: Cast, mark: ErrorMark, by: str = "ivo", at: datetime = AT + 2 * HOUR) -> ErrorMark:
    return confirm_error(actor=cast.actor(by, at=at), mark_id=mark.public_id, now=at)


def status_of(course: Course, key: str) -> str:
    return CourseRequirement.objects.get(course=course, key=key).status


# --- two steps ---


def test_it_stands_until_a_second_person_confirms_it_then_it_leaves(cast: Cast, course: Course) -> None:
    fact = contact(cast, course)
    mark = asked_of_fact(cast, fact)
    assert FactRecord.objects.filter(pk=fact.pk).exists()
    confirmed = confirm(cast, mark)
    assert (confirmed.asked_by, confirmed.settled_by, confirmed.reason) == (
        cast.people["ada"],
        cast.people["ivo"],
        WRONG,
    )
    assert not FactRecord.objects.filter(pk=fact.pk).exists()
    assert FactRecord.every.filter(pk=fact.pk).exists()
    verbs = list(Event.objects.filter(subject_type="errormark").values_list("verb", flat=True))
    assert verbs == ["error_marked", "record_entered_in_error"]


def test_only_its_author_says_so_and_with_a_reason(cast: Cast, course: Course) -> None:
    fact = contact(cast, course)
    refusals: list[tuple[str, type[Refusal]]] = [
        ("ben", Forbidden),
        ("carla", Forbidden),
        ("eve", Forbidden),
        ("gil", NotFound),
        ("finn", NotFound),
    ]
    for name, refused in refusals:
        with pytest.raises(refused):
            asked_of_fact(cast, fact, by=name)
    with pytest.raises(Incomplete):
        mark_fact(actor=cast.actor("ada", at=AT), fact_id=fact.public_id, reason=" ", now=AT)
    asked_of_fact(cast, fact)


def test_when_its_author_works_here_no_more_a_supervisor_says_so_and_another_confirms(
    cast: Cast, course: Course
) -> None:
    fact = contact(cast, course)
    cast.people["ada"].memberships.filter(clinic=cast.clinic).update(until_on=AT.date() - days(1))
    mark = asked_of_fact(cast, fact, by="carla")
    with pytest.raises(Forbidden):
        confirm(cast, mark, by="carla")
    confirm(cast, mark, by="ivo")


@pytest.mark.parametrize(("name", "refused"), [("ada", Forbidden), ("eve", Forbidden), ("gil", NotFound)])
def test_nobody_confirms_their_own_nor_who_may_not_read_the_chart(
    cast: Cast, course: Course, name: str, refused: type[Refusal]
) -> None:
    mark = asked_of_fact(cast, contact(cast, course))
    with pytest.raises(refused):
        confirm(cast, mark, by=name)
    assert not EnteredInError.objects.exists()


def test_who_held_the_session_beside_its_author_does_not_confirm_it_either(
    cast: Cast, record: SessionRecord
) -> None:
    mark = asked_of_session(cast, record)
    with pytest.raises(Forbidden):
        confirm(cast, mark, by="ben")
    confirm(cast, mark, by="dov")


def test_a_second_person_may_find_that_the_record_is_right_and_it_stays(cast: Cast, course: Course) -> None:
    fact = contact(cast, course)
    mark = asked_of_fact(cast, fact)
    ivo = cast.actor("ivo", at=AT)
    with pytest.raises(Incomplete):
        decline_error(actor=ivo, mark_id=mark.public_id, answer="", now=AT)
    decline_error(actor=ivo, mark_id=mark.public_id, answer="It is the right patient.", now=AT)
    assert FactRecord.objects.filter(pk=fact.pk).exists()
    with pytest.raises(NotNow):
        confirm(cast, mark)
    asked_of_fact(cast, fact)


def test_said_twice_it_is_one_and_two_at_once_get_one_answer(cast: Cast, course: Course) -> None:
    fact = contact(cast, course)
    same = uuid7()
    ada = cast.actor("ada", at=AT)
    one, two = (
        mark_fact(actor=ada, fact_id=fact.public_id, reason=WRONG, now=AT, public_id=same) for _ in range(2)
    )
    assert one.pk == two.pk
    with pytest.raises(NotNow, match="marked already"):
        asked_of_fact(cast, fact)
    assert confirm(cast, one).pk == confirm(cast, one).pk
    with pytest.raises(NotNow):
        confirm(cast, one, by="carla")


# --- it leaves ---


def test_a_contact_leaves_the_chart_and_the_engine_and_the_work_it_opened_is_over(
    cast: Cast, course: Course
) -> None:
    fact = contact(cast, course, safe=False)
    task = StaffTask.objects.get(course=course, kind="worrying_answer")
    confirm(cast, asked_of_fact(cast, fact))
    assert fact.public_id not in {one.id for one in history_of(course).facts}
    ada = cast.actor("ada", at=AT + 3 * HOUR)
    assert not chart(ada, course.public_id, now=AT + 3 * HOUR).facts.get("contact_made")
    task.refresh_from_db()
    assert (task.resolution, task.done_by) == ("entered_in_error", cast.people["ivo"])


def test_work_that_a_contact_had_closed_is_open_again(cast: Cast, course: Course) -> None:
    task = StaffTask.objects.create(
        clinic=cast.clinic,
        course=course,
        kind="no_answer",
        subject="contact.daily@dosing.1",
        safety=True,
        owner=cast.people["ada"],
        opened_at=START,
        act_by=START,
    )
    fact = contact(cast, course)
    task.refresh_from_db()
    assert task.done_at is not None
    confirm(cast, asked_of_fact(cast, fact))
    task.refresh_from_db()
    assert task.done_at is None


def test_a_record_leaves_with_all_its_corrections(cast: Cast, course: Course) -> None:
    fact = contact(cast, course)
    later = amend_fact(
        actor=cast.actor("ada", at=AT),
        fact_id=fact.public_id,
        value=ContactMade(result=ContactResult.NO_ANSWER, mode=Mode.IN_PERSON, safe=None),
        occurred_at=AT,
        reason="nobody came",
        now=AT,
    )
    confirm(cast, asked_of_fact(cast, fact))
    assert not FactRecord.objects.filter(pk__in=[fact.pk, later.pk]).exists()
    with pytest.raises(NotFound):
        amend_fact(
            actor=cast.actor("ada", at=AT),
            fact_id=later.public_id,
            value=ContactMade(result=ContactResult.REACHED, mode=Mode.IN_PERSON, safe=None),
            occurred_at=AT,
            reason="after all",
            now=AT,
        )


def test_a_note_leaves_and_the_signature_over_it_is_superseded(cast: Cast, record: SessionRecord) -> None:
    note = record.notes.get()
    mark = mark_note(actor=cast.actor("ada", at=AT), note_id=note.public_id, reason=WRONG, now=AT)
    confirm(cast, mark)
    assert not NoteRecord.objects.filter(pk=note.pk).exists()
    (signature,) = SignatureRecord.objects.with_standing().filter(session_record=record)
    assert signature.superseded
    assert verify_signatures().broken == ()


def test_a_whole_session_leaves_every_view_and_count_and_its_requirement_is_asked_again(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    assert status_of(course, "preparation.1") == "met"
    met = Course.objects.get(pk=course.pk).met_weight
    confirm(cast, asked_of_session(cast, record))
    assert status_of(course, "preparation.1") != "met"
    assert Course.objects.get(pk=course.pk).met_weight < met
    assert not SessionRecord.objects.filter(course=course).exists()
    assert not record.facts.exists() and not record.notes.exists()
    ada = cast.actor("ada", at=AT + 3 * HOUR)
    with pytest.raises(NotFound):
        board(ada, record.public_id, now=AT + 3 * HOUR)
    for act in (
        lambda: write_note(actor=ada, record_id=record.public_id, text="More.", now=AT + 3 * HOUR),
        lambda: sign_record(actor=ada, record_id=record.public_id, now=AT + 3 * HOUR),
    ):
        with pytest.raises(NotFound):
            act()
    seen = chart(ada, course.public_id, now=AT + 3 * HOUR)
    assert not seen.records and not seen.notes
    assert verify_requirements(now=AT + 3 * HOUR).differences == ()
    # The session that did take place is entered in its stead.
    log_session(
        actor=ada,
        course_id=course.public_id,
        key="preparation.1",
        started_at=AT,
        ended_at=AT + HOUR,
        staff=[cast.id("ben")],
        items=checklist_items(course, "preparation.1"),
        now=AT + 3 * HOUR,
    )
    assert status_of(course, "preparation.1") == "met"


def test_a_deviation_that_it_caused_is_documented_late_and_one_that_it_hid_is_raised(
    cast: Cast, course: Course
) -> None:
    late = START + days(60)
    fill_chart(cast, course, now=START)
    refresh_due_courses(now=late)
    assert status_of(course, "preparation.1") == "missed"
    held = log_session(
        actor=cast.actor("ada", at=late),
        course_id=course.public_id,
        key="preparation.1",
        started_at=late - 2 * HOUR,
        ended_at=late - HOUR,
        staff=[cast.id("ben")],
        note="We talked.",
        now=late,
    )
    departure = DeviationRecord.objects.get(course=course, key="preparation.1")
    assert departure.status == "met_late"
    checklist = DeviationRecord.objects.filter(course=course, key="checklist@preparation.1")
    assert [row.documented_late_at for row in checklist] == [None], "its required items were left out"
    mark = mark_session(
        actor=cast.actor("ada", at=late), record_id=held.public_id, reason=WRONG, now=late + HOUR
    )
    confirm(cast, mark, at=late + 2 * HOUR)
    departure.refresh_from_db()
    assert departure.status == "missed"
    assert checklist.get().documented_late_at == late + 2 * HOUR


# --- it remains ---


def test_the_audit_keeps_it_signature_and_all_with_who_when_and_why(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    facts = record.facts.count()
    confirm(cast, asked_of_session(cast, record))
    _course, (kept,) = audit(cast.actor("carla", at=AT), course.public_id, now=AT + days(2))
    assert (kept.row.asked_by, kept.settled_by, kept.row.reason) == ("Ada Alder", "Ivo Ivy", WRONG)
    assert len(kept.facts) == facts
    assert [note.text for note in kept.notes] == ["We talked about what may come."]
    assert [signature.printed_name for signature in kept.signatures] == ["Ada Alder"]
    assert verify_signatures().broken == (), "its signature is proved like any other"


def test_no_sql_takes_it_back_nor_makes_it_without_two_people(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    def refused(statement: str, words: str) -> None:
        with (
            pytest.raises(DatabaseError, match=words),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    fact = contact(cast, course)
    refused(
        "UPDATE therapy_sessions_sessionrecord SET status = 'entered_in_error'", "only when two people say so"
    )
    mark = asked_of_fact(cast, fact)
    row = (
        "INSERT INTO therapy_sessions_enteredinerror (public_id, clinic_id, mark_id, fact_id) "
        f"VALUES (gen_random_uuid(), {cast.clinic.pk}, {mark.pk}, {fact.pk})"
    )
    refused(row, "only with a confirmed mark")
    refused(
        "UPDATE therapy_sessions_errormark SET confirmed = true, settled_at = now(), "
        f"settled_by_id = asked_by_id WHERE id = {mark.pk}",
        "a_second_person_settles_an_error_mark",
    )
    confirm(cast, mark)
    confirm(cast, asked_of_session(cast, record))
    refused("UPDATE therapy_sessions_sessionrecord SET status = 'signed'", "may not go from")
    refused("UPDATE therapy_sessions_sessionrecord SET mode = 'video'", "is signed")
    refused("UPDATE therapy_sessions_errormark SET confirmed = false", "only added to")
    refused("DELETE FROM therapy_sessions_errormark", "only added to")
    refused("DELETE FROM therapy_sessions_enteredinerror", "only added to|append")


# --- who is asked ---


def test_what_waits_is_listed_for_whoever_may_confirm_it_oldest_first_and_not_for_its_authors(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    first = asked_of_fact(cast, contact(cast, course))
    second = asked_of_session(cast, record)

    def listed(name: str) -> list[object]:
        rows, _more = marks_to_settle(cast.actor(name, at=AT), now=AT + days(3))
        return [row.mark_id for row in rows]

    assert listed("ivo") == listed("dov") == [first.public_id, second.public_id]
    assert listed("ben") == [first.public_id], "Ben was in that session"
    assert listed("ada") == listed("eve") == listed("gil") == []
    detail = error_mark(cast.actor("ivo", at=AT), first.public_id, now=AT + days(3))
    assert detail.may_settle and detail.row.days_waiting >= 2
    assert not error_mark(cast.actor("ada", at=AT), first.public_id, now=AT).may_settle
    confirm(cast, second)
    assert listed("ivo") == [first.public_id]


def test_another_clinics_people_neither_see_nor_confirm_it(cast: Cast, course: Course) -> None:
    mark = asked_of_fact(cast, contact(cast, course))
    other = make_cast("birch")
    for name in other.people:
        for act in (
            lambda name=name: confirm(other, mark, by=name),
            lambda name=name: error_mark(other.actor(name, at=AT), mark.public_id, now=AT),
            lambda name=name: audit(other.actor(name, at=AT), course.public_id, now=AT),
        ):
            with pytest.raises(NotFound):
                act()


# --- the pages and the API ---


def test_a_colleague_learns_whose_record_it_is_and_whom_to_tell_before_writing_anything(
    client: Client, cast: Cast, course: Course, record: SessionRecord
) -> None:
    fact = contact(cast, course)
    note = write_note(actor=cast.actor("ada", at=AT), record_id=record.public_id, text="Of him.", now=AT)
    own = {
        "fact_error": (fact.public_id, "It is the record of Ada Alder, who alone can mark it"),
        "note_error": (note.public_id, "It is the record of Ada Alder, who alone can mark it"),
        "enrolment_error": (course.public_id, "It is the record of Eve Elm, who alone can mark it"),
    }
    client.force_login(cast.people["carla"])
    for name, (public_id, whose) in own.items():
        address = reverse(f"sessions:{name}", args=["alder", public_id])
        page = client.get(address)
        assert page.status_code == 200 and whose in page.text, name
        assert "Tell them what you have seen" in page.text
        assert '<form class="form card"' not in page.text, "nothing to fill in that would be refused"
        assert client.post(address, {"reason": WRONG}).status_code == 403
    held = client.get(reverse("sessions:session_error", args=["alder", record.public_id])).text
    assert "It is the record of Ada Alder, Ben Birch: one of them has to mark it" in held
    assert not ErrorMark.objects.exists()
    client.force_login(cast.people["ada"])
    mine = client.get(reverse("sessions:fact_error", args=["alder", fact.public_id])).text
    assert '<form class="form card"' in mine and "who alone can mark it" not in mine


def test_of_a_record_that_is_marked_already_the_page_says_by_whom_and_asks_nobody_again(
    client: Client, cast: Cast, course: Course, record: SessionRecord
) -> None:
    fact = contact(cast, course)
    marks = {
        "fact": (asked_of_fact(cast, fact), fact.public_id),
        "session": (asked_of_session(cast, record), record.public_id),
    }
    # A correction meanwhile is of the same record.
    amend_fact(
        actor=cast.actor("ada", at=AT + HOUR),
        fact_id=fact.public_id,
        value=ContactMade(result=ContactResult.REACHED, mode=Mode.IN_PERSON, safe=True),
        occurred_at=AT - HOUR,
        reason="an hour earlier",
        now=AT + HOUR,
    )
    set_clock(AT + HOUR)
    for what, (mark, marked) in marks.items():
        page = reverse(f"sessions:{what}_error", args=["alder", marked])
        own = reverse("sessions:error_mark", args=["alder", mark.public_id])
        for name, words in (
            ("ada", "See the mark"),
            ("carla", "Confirm it, or say why it stays"),
            ("ivo", "Confirm it, or say why it stays"),
        ):
            client.force_login(cast.people[name])
            shown = client.get(page).content.decode()
            assert "It is marked, and waits for a second person" in shown, (what, name)
            assert re.search(rf"<p>Ada Alder, [^<]+: {WRONG}</p>", shown), (what, name)
            assert own in shown and words in shown, (what, name)
            assert "Mark as entered in error" not in shown, (what, name)
    # Whoever had the form open from before is told so, and the mark stays one.
    client.force_login(cast.people["ada"])
    page = reverse("sessions:fact_error", args=["alder", fact.public_id])
    answer = client.post(page, {"reason": "again"})
    assert answer.status_code == 409 and "waits for a second person" in answer.content.decode()
    assert ErrorMark.objects.count() == 2
    decline_error(
        actor=cast.actor("ivo", at=AT + 2 * HOUR),
        mark_id=marks["fact"][0].public_id,
        answer="It is right.",
        now=AT + 2 * HOUR,
    )
    assert "Mark as entered in error" in client.get(page).content.decode(), "and can be marked anew"


def test_of_a_record_whose_author_has_left_the_page_says_who_marks_it_in_their_stead(
    client: Client, cast: Cast, course: Course
) -> None:
    fact = contact(cast, course)
    cast.people["ada"].memberships.filter(clinic=cast.clinic).update(until_on=AT.date() - days(1))
    set_clock(AT + HOUR)
    address = reverse("sessions:fact_error", args=["alder", fact.public_id])
    client.force_login(cast.people["carla"])
    page = client.get(address).text
    assert "It is the record of Ada Alder, and nobody of them works here any more." in page
    assert "You mark it in their stead" in page
    assert client.post(address, {"reason": WRONG}).status_code == 302
    client.force_login(cast.people["eve"])
    assert client.get(address).status_code == 403, "who reads no charts learns nothing of it"


def test_by_the_pages_ada_marks_it_ivo_confirms_it_and_the_audit_and_the_certified_copy_keep_it(
    client: Client, cast: Cast, course: Course
) -> None:
    fact = contact(cast, course)
    base = f"/c/{cast.clinic.slug}/"
    client.force_login(cast.people["ada"])
    assert f"records/{fact.public_id}/error/" in client.get(f"{base}records/{fact.public_id}/correct/").text
    page = client.get(f"{base}records/{fact.public_id}/error/")
    assert page.status_code == 200 and "Reached" in page.text
    assert client.post(f"{base}records/{fact.public_id}/error/", {"reason": ""}).status_code == 400
    assert client.post(f"{base}records/{fact.public_id}/error/", {"reason": WRONG}).status_code == 302
    mark = ErrorMark.objects.get()
    assert str(mark.public_id) not in client.get(base).text, "nobody is asked about their own"
    client.force_login(cast.people["ivo"])
    assert f"errors/{mark.public_id}/" in client.get(base).text
    assert f"errors/{mark.public_id}/" in client.get(f"{base}errors/").text
    asked = client.get(f"{base}errors/{mark.public_id}/")
    assert WRONG in asked.text and "Ada Alder" in asked.text
    assert client.post(f"{base}errors/{mark.public_id}/", {"verdict": "confirm"}).status_code == 302
    assert not FactRecord.objects.filter(pk=fact.pk).exists()
    assert client.get(f"{base}records/{fact.public_id}/correct/").status_code == 404
    kept = client.get(f"{base}courses/{course.public_id}/audit/").text
    assert WRONG in kept and "Reached" in kept and "Ivo Ivy" in kept
    copy = client.get(f"{base}courses/{course.public_id}/certified-copy/").json()
    assert copy["digest"] == digest_of(spelled(copy["content"]))
    (said,) = [one for one in copy["content"]["facts"] if one["id"] == str(fact.public_id)]
    assert said["entered_in_error"]["confirmed_by"] == "Ivo Ivy"
    client.force_login(cast.people["ben"])
    assert client.get(f"{base}courses/{course.public_id}/certified-copy/").status_code == 403


def test_by_the_api_a_session_is_marked_and_confirmed_and_the_certified_copy_has_its_signature(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    base = f"/api/v1/clinics/{cast.clinic.slug}/"
    api = APIClient()
    api.force_login(cast.people["ada"])
    body = {"id": str(uuid7()), "reason": WRONG}
    address = f"{base}sessions/{record.public_id}/error-marks"
    assert [api.post(address, body, format="json").status_code for _ in range(2)] == [201, 200]
    mark = ErrorMark.objects.get()
    confirming = f"{base}error-marks/{mark.public_id}/confirm"
    assert api.post(confirming, {}, format="json").status_code == 403
    api.force_login(cast.people["ivo"])
    (waiting,) = api.get(f"{base}error-marks").json()["items"]
    assert (waiting["id"], waiting["what"]) == (str(mark.public_id), "session")
    answer = api.post(confirming, {}, format="json")
    assert (answer.status_code, answer.json()["confirmed"]) == (200, True)
    assert api.get(f"{base}sessions/{record.public_id}").status_code == 404
    (kept,) = api.get(f"{base}courses/{course.public_id}/audit").json()["items"]
    assert [one["printed_name"] for one in kept["signatures"]] == ["Ada Alder"]
    content = api.get(f"{base}courses/{course.public_id}/certified-copy").json()["content"]
    assert [one["printed_name"] for one in content["signatures"]] == ["Ada Alder"]
    assert [one["status"] for one in content["sessions"]] == ["entered_in_error"]
    assert all(one["entered_in_error"] for one in content["facts"] if one["session"])


def test_the_lists_take_the_same_number_of_queries_however_much_waits(cast: Cast, course: Course) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            marks_to_settle(cast.actor("ivo", at=AT), now=AT + days(1))
            audit(cast.actor("ivo", at=AT), course.public_id, now=AT + days(1))
        return len(queries)

    asked_of_fact(cast, contact(cast, course))
    before = asked()
    for minutes in range(1, 5):
        asked_of_fact(cast, contact(cast, course, at=AT + timedelta(minutes=minutes)))
    assert asked() == before


ON_THE_CHART: dict[str, FactValue] = {
    "an order": DoseOrdered(cycle=1, amount=Decimal(80), unit="mg", supplement_allowed=True, person_id=1),
    "that dosing stops": DosingStopped(after_cycle=1, reason="Enough"),
    "an override": Override(
        record_id=None, session_key="dosing.1", reason="She is well", person_id=1, role="prescriber"
    ),
    "an assessment of risk": RiskAssessed(
        task=uuid7(), assessed_by=1, risk=RiskFound.LOW, found="No plan", agreed="A call"
    ),
    "a step when nobody was reached": StepTaken(what="The police were asked to look"),
    "a risk weighed": RiskBenefitDocumented(
        record_id=None, reason="The good outweighs it", person_id=1, role="prescriber"
    ),
    "a consent": ConsentChanged(scope="treatment", state=ConsentState.GIVEN, document_version="1"),
    "a result": ResultRecorded(test="qtc", value=Decimal(410), unit="ms"),
    "a medicine": MedicineListed(name="Sertraline", classes=frozenset(), dose="50 mg", last_taken_on=None),
    "an item": ChartItemRecorded(item="allergies", cycle=None, detail="none known"),
    "an adverse event": AdverseEventRecorded(
        term="Nausea", severity="mild", serious=False, onset_at=START, outcome="recovered"
    ),
    "a form": FormFiled(form="wallet_card", reference="F-1"),
    "what will not be done": NotDone(reason="He travels", cause="patient_declined"),
    "a contact": ContactMade(result=ContactResult.REACHED, mode=Mode.PHONE, safe=True),
}


@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in ON_THE_CHART.items()])
def test_whatever_somebody_wrote_on_a_chart_leads_from_there_to_being_taken_out(
    cast: Cast, course: Course, value: FactValue
) -> None:
    """Also for a prescriber, who reads every chart and is on no team of this one."""
    cast.people["hugo"] = make_person(cast.clinic, "Hugo Holly", Role.PRESCRIBER)
    hugo = cast.actor("hugo", at=AT)
    with acting(hugo):
        row, _new = put_fact(
            actor=hugo,
            course=Course.objects.select_related("clinic", "protocol_version").get(pk=course.pk),
            value=value,
            occurred_at=AT,
            key="preparation.1" if isinstance(value, NotDone | StepTaken) else None,
            now=AT,
        )
    chart_page = reverse("sessions:chart", args=[cast.clinic.slug, course.public_id])
    link = reverse("sessions:fact_error", args=[cast.clinic.slug, row.public_id])
    client = Client()
    client.force_login(cast.people["hugo"])
    assert link in client.get(chart_page).text
    answer = client.post(link, {"reason": WRONG})
    assert (answer.status_code, answer.headers["Location"]) == (302, chart_page)
    confirm(cast, ErrorMark.objects.get())
    assert row.public_id not in {one.id for one in history_of(course).facts}
    assert link not in client.get(chart_page).text
    assert verify_requirements(now=AT + 2 * HOUR).differences == ()


def test_a_coordinator_takes_out_the_call_that_they_recorded_for_the_wrong_patient(
    client: Client, cast: Cast, course: Course
) -> None:
    StaffTask.objects.create(
        clinic=cast.clinic,
        course=course,
        kind="worrying_answer",
        subject="contact.daily@dosing.1",
        safety=True,
        owner=cast.people["ada"],
        opened_at=START,
        act_by=START,
    )
    tried = record_contact(
        actor=cast.actor("eve", at=AT),
        course_id=course.public_id,
        result=ContactResult.NO_ANSWER,
        mode=Mode.PHONE,
        occurred_at=AT,
        now=AT,
    )
    link = reverse("sessions:fact_error", args=[cast.clinic.slug, tried.public_id])
    correct = reverse("sessions:correct", args=[cast.clinic.slug, tried.public_id])
    calls_page = reverse("sessions:calls", args=[cast.clinic.slug])
    for name, (leads, does_not) in {"eve": (link, correct), "ada": (correct, link)}.items():
        client.force_login(cast.people[name])
        page = client.get(calls_page).text
        assert leads in page and does_not not in page, name
    client.force_login(cast.people["eve"])
    assert client.get(link).status_code == 200
    answer = client.post(link, {"reason": WRONG}, follow=True)
    assert answer.status_code == 200 and "Marked." in answer.text
    confirm(cast, ErrorMark.objects.get())
    assert not FactRecord.objects.filter(pk=tried.pk).exists()
