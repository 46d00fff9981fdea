"""The record of a course and of one session as files: all that is of it and nothing that is not, for whom it
is, and noted each time."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import typst
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader

from clinic.errors import Forbidden, NotFound
from clinic.ids import uuid7
from clinic.models import Event, Person
from clinic.permissions import Role
from clinic.rules.reports import Format
from protocols.rules.definition import SessionKind
from sessions.models import CareConcern, CareTeamMember, Course, SessionRecord, SignatureRecord
from sessions.models.courses import TeamRole
from sessions.operations.correcting import amend_fact
from sessions.operations.enrolment import enrol_patient
from sessions.operations.entering import log_session
from sessions.operations.errors import confirm_error, mark_fact
from sessions.operations.exporting import take_course_record, take_session_record
from sessions.operations.inviting import invite_reviewer
from sessions.operations.notes import write_note
from sessions.operations.psychotherapy_notes import start_psychotherapy_note
from sessions.operations.records import record_fact
from sessions.operations.signing import sign_record
from sessions.queries.reports.course_record import course_record, session_record
from sessions.rules.codec import from_json
from sessions.rules.facts import MedicineListed
from tests.sessions.api.caller import Caller
from tests.support.cast import (
    LIBRARY,
    START,
    Cast,
    allow,
    days,
    enrol,
    make_cast,
    make_patient,
    make_person,
    publish,
)
from tests.support.clinic_day import make_day, set_clock
from tests.support.dosed import hold_preparation
from tests.support.paper import files, sheets, standards, text_of

pytestmark = pytest.mark.django_db

AT = START + days(7)
HOUR = timedelta(hours=1)
SECRET = "What nobody but its author reads"
WRONG = "Wrongpatientine"
CONCERN = "I was not asked before my hand was held"
FORMULA = '=HYPERLINK("http://example.org")'


@pytest.fixture
def cast(db: None) -> Cast:
    cast = make_cast()
    cast.people["ivo"] = make_person(cast.clinic, "Ivo Ivy", Role.SUPERVISOR)
    set_clock(AT + days(1))
    return cast


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


@pytest.fixture
def record(cast: Cast, course: Course) -> SessionRecord:
    """A preparation session that Ada and Ben held, with a note."""
    return hold_preparation(cast, course, now=AT)


def medicine(cast: Cast, course: Course, name: str, *, at: Any = AT) -> UUID:
    value = MedicineListed(name=name, classes=frozenset({"ssri"}), dose="10 mg", last_taken_on=None)
    actor = cast.actor("ada", at=at)
    return record_fact(actor=actor, course_id=course.public_id, value=value, occurred_at=at, now=at).public_id


def take(cast: Cast, who: str, name: str, *args: object) -> Any:
    client = Client()
    client.force_login(cast.people[who], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client.get(reverse(f"sessions:{name}", args=(cast.clinic.slug, *args)))


def everything(cast: Cast, name: str, subject: UUID, *, who: str = "ada") -> dict[str, str]:
    """The whole text of a report in each format."""
    found = {form: take(cast, who, name, subject, form) for form in ("pdf", "xlsx", "csv")}
    assert {answer.status_code for answer in found.values()} == {200}
    return {
        "pdf": text_of(found["pdf"].content),
        "xlsx": str(sheets(found["xlsx"].content)),
        "csv": str(files(found["csv"].content)),
    }


def test_a_course_record_as_pdf_holds_doses_readings_notes_deviations_and_is_pdf_a() -> None:
    day = make_day()
    answer = take(day.cast, "ada", "course_record", day.late.public_id, "pdf")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer["Content-Disposition"] == 'attachment; filename="course-record-P-001-2027-04-06.pdf"'
    assert standards(answer.content) == {"pdfaid:part": "2", "pdfaid:conformance": "A", "pdfuaid:part": "1"}
    text = text_of(answer.content)
    for said in (
        "Pat Example P-001, P-001",
        "Born 4 May 1988",
        "Ada Alder, lead therapist",
        "29 Mar 2027, 11:10 Dosing session 1 Initial dose 80 mg taken in full Ada Alder Ben Birch",
        "Supplemental dose 40 mg",
        "29 Mar 2027, 11:05 Dosing session 1 122 78 72 36.7 3 Ada Alder",
        "PCL-5",
        "Preparation session 1: note Ada Alder",
        "We talked about intentions.",
        "Daily contact after dosing, no. 1 (dosing session 1) Missed yes the clinic",
    ):
        assert said in text, said
    dosing = SessionRecord.objects.get(course=day.late, kind="dosing")
    found = sheets(take(day.cast, "ada", "session_record", dosing.public_id, "xlsx").content)
    head, *readings = found["Vital signs"]
    assert head[1:4] == ["Systolic, mmHg", "Diastolic, mmHg", "Pulse, /min"]
    assert [row[1:6] for row in readings] == [[122, 78, 72, 36.7, 3]] * 3
    assert [row[2] for row in found["Doses"][1:]] == [80, 40]
    rows = files(take(day.cast, "ada", "session_record", dosing.public_id, "csv").content)
    assert [(row["dose"], row["amount"], row["unit"]) for row in rows["doses"]] == [
        ("initial", "80", "mg"),
        ("supplement", "40", "mg"),
    ]


def test_a_session_record_holds_who_was_there_the_note_and_a_block_of_signatures_with_digest(
    cast: Cast, record: SessionRecord
) -> None:
    assert "Not signed." in everything(cast, "session_record", record.public_id)["pdf"]
    signed = sign_record(actor=cast.actor("ada", at=AT), record_id=record.public_id, now=AT)
    assert isinstance(signed, SignatureRecord)
    for form, text in everything(cast, "session_record", record.public_id).items():
        assert signed.digest in text and "We talked about what may come." in text, form
    paper = everything(cast, "session_record", record.public_id)["pdf"]
    assert "Ada Alder: present 08:00–09:00; Ben Birch: present 08:00–09:00" in paper
    assert "Ada Alder therapist author 8 Mar 2027, 10:00 stands" in paper
    tick = record.facts.filter(kind="checklist_ticked").earliest("id")
    amend_fact(
        actor=cast.actor("ada", at=AT + HOUR),
        fact_id=tick.public_id,
        value=_unticked(tick.value),
        occurred_at=tick.occurred_at,
        reason="it was not done",
        now=AT + HOUR,
    )
    later = everything(cast, "session_record", record.public_id)["pdf"]
    assert "superseded" in later and "Why: it was not done" in later and "What was put right" in later


def _unticked(value: dict[str, Any]) -> Any:
    return from_json("checklist_ticked", value | {"done": False})


def test_a_medicine_that_begins_like_a_formula_is_text_in_every_format(cast: Cast, course: Course) -> None:
    medicine(cast, course, FORMULA)
    found = everything(cast, "course_record", course.public_id)
    assert FORMULA in found["pdf"]
    assert f"'{FORMULA}" in found["csv"].replace("\\'", "'")
    assert FORMULA in found["xlsx"]


def test_what_is_entered_in_error_apart_or_said_of_the_care_is_in_no_file(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    """Neither a psychotherapy note, nor a draft, nor a patient's concern about their care; what was
    corrected is there as such."""
    wrong = medicine(cast, course, WRONG)
    mark = mark_fact(actor=cast.actor("ada", at=AT), fact_id=wrong, reason="another patient's", now=AT)
    confirm_error(actor=cast.actor("ivo", at=AT), mark_id=mark.public_id, now=AT)
    apart = start_psychotherapy_note(actor=cast.actor("ada", at=AT), record_id=record.public_id, now=AT)
    apart.blocks = [{"code": "text", "text": SECRET}]
    apart.save()
    CareConcern.objects.create(
        clinic=cast.clinic,
        patient=course.patient,
        raised_at=AT,
        text=CONCERN,
        handler=cast.people["ivo"],
        act_by=AT + HOUR,
    )
    for name, subject in (("course_record", course.public_id), ("session_record", record.public_id)):
        for who in ("ada", "carla"):
            for form, text in everything(cast, name, subject, who=who).items():
                assert "We talked about what may come." in text, "what is of it is there"
                for secret in (WRONG, SECRET, CONCERN):
                    assert secret not in text, (name, who, form, secret)


def test_who_looks_after_the_patient_takes_the_record_and_a_supervisor_anybodys_and_nobody_else(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    cast.people["kim"] = make_person(cast.clinic, "Kim Kale", Role.PRESCRIBER)
    other = make_cast("birch")
    other.people["olga"] = make_person(other.clinic, "Olga Oak", Role.SUPERVISOR)
    expected = {
        "ada": 200,  # lead therapist
        "ben": 200,  # co-therapist
        "dov": 200,  # prescriber of the team
        "ivo": 200,  # a supervisor outside the team
        "kim": 403,  # a prescriber who reads every chart, and treats elsewhere
        "eve": 403,  # arranges
        "gil": 404,
        "finn": 404,
    }
    for name, subject in (("course_record", course.public_id), ("session_record", record.public_id)):
        for form in ("pdf", "xlsx", "csv"):
            for who, status in expected.items():
                assert take(cast, who, name, subject, form).status_code == status, (name, form, who)
            assert take(other, "olga", name, subject, form).status_code == 404
    assert take(cast, "ada", "course_record", course.public_id, "docx").status_code == 404
    assert Event.objects.filter(verb="course_record_exported").count() == 3 * 4


def test_a_reviewer_from_outside_takes_the_records_they_were_invited_to_and_no_others(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    elsewhere = enrol(cast, "P-002")
    invite_reviewer(
        actor=cast.actor("carla"),
        email="rita@example.org",
        printed_name="Rita Rowan",
        course_ids=[course.public_id],
        until_on=date(2027, 3, 14),
        reason="agreed",
        now=START,
    )
    cast.people["rita"] = Person.objects.get(email="rita@example.org")
    assert take(cast, "rita", "course_record", course.public_id, "pdf").status_code == 200
    assert take(cast, "rita", "session_record", record.public_id, "csv").status_code == 200
    assert take(cast, "rita", "course_record", elsewhere.public_id, "pdf").status_code == 404
    set_clock(START + days(20))
    assert take(cast, "rita", "course_record", course.public_id, "pdf").status_code == 404


def test_a_rater_under_a_protocol_that_hides_arm_and_dates_takes_no_record(cast: Cast) -> None:
    cast.version = publish(cast, (LIBRARY / "psilocybin_trd.yaml").read_text(encoding="utf-8"))
    allow(cast)
    course = enrol_patient(
        actor=cast.actor("eve"),
        patient_id=make_patient(cast, "P-009").public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=START,
        now=START,
    )
    for rater in ("gil", "ivo"):  # a therapist, and a supervisor who opens every other chart
        CareTeamMember.objects.create(
            clinic=cast.clinic,
            course=course,
            person=cast.people[rater],
            team_role=TeamRole.INDEPENDENT_RATER,
            from_at=START,
        )
    refused = {"gil": (NotFound, 404), "ivo": (Forbidden, 403)}
    for who, (refusal, status) in refused.items():
        for form in Format:
            with pytest.raises(refusal):
                take_course_record(
                    actor=cast.actor(who, at=AT), course_id=course.public_id, form=form, now=AT
                )
        assert take(cast, who, "course_record", course.public_id, "pdf").status_code == status
    assert take(cast, "ivo", "certified_copy_file", course.public_id, "pdf").status_code == 403
    log = text_of(take(cast, "ivo", "deviation_log", "pdf").content)
    assert "Courses that you rate under a blinded protocol are left out." in log
    assert take(cast, "ada", "course_record", course.public_id, "pdf").status_code == 200


def test_that_a_record_left_is_an_event_with_its_format_and_no_words(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    for form in ("pdf", "xlsx", "csv"):
        take(cast, "ada", "session_record", record.public_id, form)
    take(cast, "gil", "session_record", record.public_id, "pdf")
    events = list(Event.objects.filter(verb="session_record_exported").order_by("pk"))
    assert [one.data["format"] for one in events] == ["pdf", "xlsx", "csv"]
    assert {(one.subject_id, one.course_id, one.actor_id) for one in events} == {
        (record.pk, course.pk, cast.people["ada"].pk)
    }
    assert {name for one in events for name in one.data} == {"format", "rows"}


def test_no_transaction_of_the_request_is_open_while_the_file_is_written(
    cast: Cast, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By page and by API: the compiler, which may take seconds, runs when both transactions have ended."""
    open_ones: list[int] = []
    compile_ = typst.compile

    def watched(*args: Any, **kwargs: Any) -> Any:
        open_ones.append(len(connection.savepoint_ids))
        return compile_(*args, **kwargs)

    monkeypatch.setattr(typst, "compile", watched)
    outside = len(connection.savepoint_ids)
    assert take(cast, "ada", "course_record", course.public_id, "pdf").status_code == 200
    caller = Caller(slug=cast.clinic.slug, person=cast.people["ada"])
    answer = caller.post("take_course_record", {"form": "pdf"}, course=course.public_id)
    assert answer.status_code == 200 and answer.content.startswith(b"%PDF")
    assert open_ones == [outside] * 2


def test_a_longer_course_asks_the_database_no_more_often(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    def asked() -> tuple[int, int]:
        counts = []
        for query, subject in ((course_record, course.public_id), (session_record, record.public_id)):
            with CaptureQueriesContext(connection) as captured:
                query(cast.actor("ada", at=AT), subject, now=AT)
            counts.append(len(captured))
        return counts[0], counts[1]

    asked()
    few = asked()
    for number in range(4):
        at = AT + days(number + 1)
        medicine(cast, course, f"Medicine {number}", at=at)
        held = log_session(
            actor=cast.actor("ada", at=at),
            course_id=course.public_id,
            kind=SessionKind.PREPARATION,
            started_at=at - 2 * HOUR,
            ended_at=at - HOUR,
            staff=[cast.id("ben")],
            note="Again.",
            now=at,
        )
        sign_record(actor=cast.actor("ada", at=at), record_id=held.public_id, now=at)
        write_note(
            actor=cast.actor("ada", at=at),
            record_id=record.public_id,
            text=f"More {number}",
            now=at,
            public_id=uuid7(),
        )
    assert asked() == few


def test_a_record_that_one_file_cannot_hold_is_refused_and_nothing_is_noted(
    cast: Cast, record: SessionRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinic.rules.reports.MOST", dict.fromkeys(Format, 1))
    caller = Caller(slug=cast.clinic.slug, person=cast.people["ada"])
    answer = caller.post("take_session_record", {"form": "pdf"}, record=record.public_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "report-too-large")
    assert not Event.objects.filter(verb="session_record_exported").exists()


def test_by_the_api_the_same_files_come_with_their_type_and_a_neutral_name(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    caller = Caller(slug=cast.clinic.slug, person=cast.people["ada"])
    for form, ending, media_type in (
        ("pdf", "pdf", "application/pdf"),
        ("xlsx", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("csv", "zip", "application/zip"),
    ):
        answer = caller.post("take_course_record", {"form": form}, course=course.public_id)
        assert (answer.status_code, answer["Content-Type"]) == (200, media_type)
        assert (
            answer["Content-Disposition"] == f'attachment; filename="course-record-P-001-2027-03-09.{ending}"'
        )
    answer = caller.post("take_session_record", {"form": "pdf"}, record=record.public_id)
    made = PdfReader(io.BytesIO(answer.content)).metadata
    assert made is not None and made.title == "Session record"
    assert caller.post("take_course_record", {"form": "docx"}, course=course.public_id).status_code == 400
    gil = Caller(slug=cast.clinic.slug, person=cast.people["gil"])
    assert gil.post("take_course_record", {"form": "pdf"}, course=course.public_id).status_code == 404


def test_the_buttons_stand_on_the_chart_and_the_sessions_page_for_who_may(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    for who, offered in (("ada", True), ("ivo", True)):
        chart = take(cast, who, "chart", course.public_id).text
        assert (f"courses/{course.public_id}/record.pdf" in chart) is offered
        held = take(cast, who, "session", record.public_id).text
        assert (f"sessions/{record.public_id}/record.xlsx" in held) is offered
    cast.people["kim"] = make_person(cast.clinic, "Kim Kale", Role.PRESCRIBER)
    assert "record.pdf" not in take(cast, "kim", "chart", course.public_id).text
    assert take_session_record(
        actor=cast.actor("ivo", at=AT), record_id=record.public_id, form=Format.PDF, now=AT
    ).title
