"""What another clinic, a stranger and nobody at all can get out of the API, at every address it has."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from clinic import clock
from clinic.models import CredentialKind, Event, Handover, Membership, Person
from clinic.operations.absences import name_deputy, record_absence
from clinic.operations.credentials import record_credential
from clinic.permissions import Role
from protocols.models import LegalBasis
from protocols.rules.document import parse
from protocols.rules.exporting.usdm import usdm_study
from sessions.models import (
    CourseRequirement,
    DeviationRecord,
    DeviationReport,
    DeviationTrend,
    FactRecord,
    FidelityDraw,
    FidelityRating,
    FidelityReview,
    NoteDraft,
    NoteRecord,
    Patient,
    PsychotherapyNote,
    SessionBooking,
    SessionRecord,
    StaffTask,
)
from sessions.models.closing import ActionKind
from sessions.operations import reporting
from sessions.operations.actions import agree_action
from sessions.operations.booking import book_session
from sessions.operations.errors import mark_fact
from sessions.operations.fidelity import adopt_form
from sessions.operations.inviting import invite_reviewer
from sessions.operations.reviews import send_record_for_review
from sessions.rules.reporting import AppliesTo, Recipient, Unit
from tests.sessions.api.caller import Caller, calls, iso, new_id
from tests.sessions.rules.test_fidelity import FORM
from tests.support.cast import START, Cast, days, enrol, make_cast, make_person
from tests.support.clinic_day import ClinicDay, set_clock
from tests.support.departed import important
from tests.support.second_version import second_text
from tests.support.wordings import wording

CANARY = "Qanari-Vogel"


def patterns(below: Any = None) -> Iterator[URLPattern]:
    for one in (below or get_resolver("sessions.api.urls")).url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one)
        else:
            yield one


def doors() -> list[tuple[str, str]]:
    """Every name and method below a clinic's address, from the URLconf itself."""
    found = []
    for pattern in patterns():
        view = getattr(pattern.callback, "cls", None)
        if view is None or pattern.name == "schema":
            continue
        assert pattern.name is not None
        found += [
            (pattern.name, method)
            for method in ("get", "post", "put", "patch", "delete")
            if hasattr(view, method)
        ]
    return found


def names_of(pattern_name: str) -> list[str]:
    """The ids that an address takes, besides the clinic."""
    (found,) = get_resolver("sessions.api.urls").reverse_dict.getlist(pattern_name)
    return [name for name in found[0][0][1] if name != "slug"]


@dataclass
class World:
    """Two clinics. Everything in the first is a patient's whose name must appear nowhere else."""

    day: ClinicDay
    other: Cast
    ids: dict[str, str]
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)


def bodies(day: ClinicDay, ids: dict[str, str]) -> dict[str, dict[str, Any]]:
    """For every operation a body that its own clinic would take, so that nothing but the wall stops it."""
    cast, at, row = day.cast, iso(clock.now()), {"id": new_id()}
    reason = {"reason": "A reason."}
    consent = {"scope": "treatment", "state": "given", "document_version": "1"}
    patient = {"code": "P-900", "given_name": "A", "family_name": "B", "born_on": "1980-01-01"}
    team = {role.value: str(person) for role, person in cast.team.items()}
    version = ids["protocol_version"]
    span = {
        "from_on": (clock.now() + days(20)).date().isoformat(),
        "until_on": (clock.now() + days(30)).date().isoformat(),
    }
    return {
        "patients": {**row, **patient},
        "change_contact_details": {"email": "", "phone": "", "email_allowed": False},
        "set_patient_word": {"word": "lantern"},
        "enrol_patient": {
            **row,
            "patient_id": ids["patient"],
            "protocol_version_id": version,
            "team": team,
            "enrolled_at": at,
        },
        "change_care_team": {"team_role": "co_therapist", "person_id": str(cast.id("gil")), "reason": "x"},
        "put_course_on_hold": reason,
        "resume_course": {},
        "complete_course": {},
        "withdraw_patient": reason,
        "discontinue_course": reason,
        "stop_dosing": {**row, **reason, "after_cycle": 1},
        "book_session": {**row, "key": "preparation.2", "starts_at": iso(clock.now() + days(5))},
        "start_session": {**row, "key": "preparation.1"},
        "log_session": {**row, "kind": "integration", "started_at": iso(day.now - days(1)), "ended_at": at},
        "order_dose": {**row, "cycle": 1, "amount": "80"},
        "facts": {**row, "kind": "consent_changed", "value": consent, "occurred_at": at},
        "record_contact": {**row, "result": "no_answer", "mode": "phone", "occurred_at": at},
        "rate_assessment": {**row, "answers": [], "mode": "video", "occurred_at": at},
        "override_requirement": {
            **row,
            **reason,
            "key": "session.dosing",
            "move": "start",
            "session_key": "dosing.1",
        },
        "cancel_booking": reason,
        "check_in_patient": {},
        "undo_check_in": reason,
        "mark_no_show": {},
        "undo_no_show": reason,
        "end_session": {"ended_at": at},
        "void_session": reason,
        "correct_times": {**row, **reason, "started_at": at, "ended_at": None},
        "record_vitals": {**row, "occurred_at": at, "systolic": 120, "diastolic": 80},
        "give_dose": {**row, "part": "supplement", "amount": "40", "occurred_at": at},
        "withhold_dose": {**row, **reason, "part": "supplement", "occurred_at": at},
        "tick_item": {**row, "item": "music", "done": True},
        "note_moment": {**row, "words": "Tears.", "occurred_at": at},
        "change_presence": {"person_id": str(cast.id("gil")), "here": True, "occurred_at": at},
        "write_note": {**row, "text": "A note."},
        "note_draft": {**row, "template": "dap"},
        "save_note_draft": {"version": 1, "blocks": [{"code": "data", "text": "Mine."}]},
        "copy_note_block": {"version": 1, "block": "plan", "note_id": ids["note"], "source_block": "note"},
        "redraw_note_facts": {"version": 1},
        "settle_note_conflict": {"refused": new_id()},
        "hand_in_note_draft": {},
        "note_authors": {"person_id": str(cast.id("ben"))},
        "take_note_lead": {},
        "note_theme": {**row, "theme": "Grief", "words": ""},
        "set_presence": {**row, "person_id": str(cast.id("gil")), "from_at": at},
        "note_templates": {**reason, "title": "Ours", "lines": "One"},
        "psychotherapy_note": row,
        "save_psychotherapy_note": {"version": 0, "blocks": [{"code": "text", "text": "Mine."}]},
        "sign_record": {"password": "a-long-demo-password"},
        "take_course_record": {"form": "csv"},
        "take_session_record": {"form": "csv"},
        "take_certified_copy": {"form": "csv"},
        "take_deviation_log": {"form": "csv", "course": ids["course"]},
        "take_clinic_report": {"form": "csv", "month": "2027-03"},
        "take_adherence": {"form": "csv", "course": ids["course"]},
        "amend_fact": {**row, **reason, "value": {"systolic": 120, "diastolic": 80}, "occurred_at": at},
        "send_record_for_review": row,
        "comment_on_passage": {**row, "note_id": ids["note"], "quote": "a", "text": "b"},
        "return_record": {"words": "Once more."},
        "mark_fact": {**row, **reason},
        "mark_note": {**row, **reason},
        "mark_deviation": {**row, **reason},
        "mark_report": {**row, **reason},
        "mark_enrolment": {**row, **reason},
        "mark_session": {**row, **reason},
        "confirm_error": {},
        "decline_error": {"answer": "It is right."},
        "take_task": {},
        "finish_task": {"resolution": "Done."},
        "review_deviation": {**row, "comment": "Seen."},
        "acknowledge_deviation": {**row, "comment": "Seen."},
        "acknowledge_deviations": {**row, "deviations": [ids["deviation"]], "reason": "All alike."},
        "classify_deviation": {
            **row,
            "comment": "Seen.",
            "important": True,
            "foreseen": "discovered",
            "hazard": False,
        },
        "set_cause": {**row, "comment": "Seen.", "cause": "outside_event"},
        "find_root_cause": {**row, "comment": "Seen."},
        "waive_parts": {**row, "comment": "Seen.", "parts": ["actions"]},
        "agree_action": {
            **row,
            "kind": "corrective",
            "what": "Call.",
            "owner_id": str(cast.id("ada")),
            "due_on": "2031-01-01",
        },
        "plan_check": {**row, "comment": "Seen.", "check_on": "2031-01-01"},
        "judge_effect": {**row, "comment": "Seen.", "effective": True},
        "close_deviation": {**row, "comment": "Seen.", "password": "a-long-demo-password"},
        "reopen_deviation": {**row, "comment": "Seen."},
        "finish_action": {"outcome": "Done."},
        "record_report": {"reported_at": at, "reference": "R-1"},
        "enter_deviation": {**row, "title": "The music stopped", "occurred_at": at, "foreseen": "discovered"},
        "deviation_settings": {
            **row,
            **reason,
            "days": 60,
            "in_clinic": 3,
            "in_protocol": 3,
            "of_therapist": 3,
            "days_off": [],
        },
        "set_reporting_clock": {
            **row,
            **reason,
            "recipient": "irb",
            "applies_to": "important",
            "protocol_id": ids["protocol"],
            "count": 7,
            "unit": "calendar_days",
            "from_next_day": True,
            "based_on": "The board’s letter",
        },
        "end_reporting_clock": reason,
        "review_trend": {**row, "comment": "Seen.", "closes": False},
        "save_draft": {"document": second_text()},
        "wordings": {**row, **reason, "instrument": "caps5", "document": wording()},
        "take_wording_back": {**row, **reason, "instrument": "caps5"},
        "jurisdictions": {**reason, "jurisdictions": ["US", "US-OR"]},
        "import_study": {"study": usdm_study(parse(second_text()))},
        "discard_draft": {},
        "send_for_review": {},
        "return_version": {"comment": "No."},
        "approve_version": {},
        "publish_version": {},
        "retire_version": {},
        "version_figures": {"figures": []},
        "legal_bases": {
            **reason,
            **row,
            "kind": "permit",
            "number": "P-1",
            "scope": "All",
            "valid_from": "2027-01-01",
        },
        "revoke_legal_basis": reason,
        "fidelity_rating": {"scores": {"rapport": 1, "safety": 1}},
        "fidelity_forms": {**row, **reason, "text": FORM},
        "draw_fidelity_sessions": {
            **row,
            "form_id": ids["form"],
            "from_at": iso(day.now - days(60)),
            "until_at": at,
        },
        "fidelity_raters": {"person_id": ids["hana"]},
        "fidelity_video": {"reference": "Shelf 4"},
        "fidelity_feedback": {**row, "text": "Well held."},
        "mark_rating": {**row, **reason},
        "record_absence": {**row, **reason, "person_id": ids["hana"], **span},
        "hand_over": {**row, **reason, "giver_id": ids["hana"], "taker_id": ids["ivo"], **span},
        "end_absence": reason,
        "take_back": reason,
        "name_deputy": {
            **row,
            **reason,
            "supervisor_id": ids["hana"],
            "deputy_id": ids["ivo"],
            "from_on": span["from_on"],
        },
        "release_deputy": reason,
        "record_credential": {
            **row,
            **reason,
            "person_id": ids["hana"],
            "kind": "licence",
            "code": "psychotherapist",
            "title": "Psychotherapist",
            "valid_from": "2027-01-01",
        },
        "withdraw_credential": reason,
        "invite_reviewer": {
            **reason,
            "email": "rita@example.org",
            "printed_name": "Rita Rowan",
            "course_ids": [ids["course"]],
            "until_on": span["until_on"],
        },
        "end_review_invitation": reason,
        "move_courses": {**reason, "courses": [ids["course"]]},
        "undo_version_move": reason,
    }


QUERIES = {"gates": {"move": "start", "key": "dosing.1"}, "compare_versions": {"with": "1.0"}}
# Lists that only a supervisor reads, also in their own clinic.
SUPERVISORS = {
    *("oversight", "invite_reviewer"),
    *("fidelity_forms", "fidelity_reviews", "fidelity_review", "fidelity_raters"),
}
# Things of the clinic, no patient's: a colleague is told that they may not, not that they are not there.
HOUSE = {"protocol", "legal_basis", "absence", "handover", "deputy", "credential", "invitation", "clock"}
# What makes something new in one's own clinic or only reads what is sent, and names nothing of another.
OWN = {
    "patients",
    "save_draft",
    "import_study",
    "note_templates",
    "deviation_settings",
    "wordings",
    "take_wording_back",
    "jurisdictions",
    "take_clinic_report",
    "fidelity_forms",
}


def team_rows(day: ClinicDay, *, now: datetime) -> dict[str, str]:
    """An absence, a handover, a deputy, a credential and an invitation of our clinic, and two who work in no
    other."""
    cast, first, last = day.cast, (now + days(2)).date(), (now + days(4)).date()
    carla = cast.actor("carla", at=now)
    absence = record_absence(
        actor=carla,
        person_id=cast.id("ada"),
        from_on=first,
        until_on=last,
        stand_in=cast.id("ben"),
        reason="agreed",
        now=now,
    )
    deputy = name_deputy(
        actor=carla,
        supervisor_id=cast.id("carla"),
        deputy_id=cast.id("gil"),
        from_on=first,
        reason="agreed",
        now=now,
    )
    credential = record_credential(
        actor=carla,
        person_id=cast.id("ada"),
        kind=CredentialKind.LICENCE,
        code="physician",
        title="Physician",
        valid_from=first,
        reason="agreed",
        now=now,
    )
    [invitation] = invite_reviewer(
        actor=carla,
        email="vera@example.org",
        printed_name="Vera Vine",
        course_ids=[day.new.public_id],
        until_on=last,
        reason="agreed",
        now=now,
    )
    hana = make_person(cast.clinic, "Hana Hazel", Role.THERAPIST, Role.SUPERVISOR)
    ivo = make_person(cast.clinic, "Ivo Iris", Role.THERAPIST)
    return {
        "hana": str(hana.public_id),
        "ivo": str(ivo.public_id),
        "absence": str(absence.public_id),
        "handover": str(Handover.objects.get(clinic=cast.clinic).public_id),
        "deputy": str(deputy.public_id),
        "credential": str(credential.public_id),
        "invitation": str(invitation.public_id),
    }


@pytest.fixture
def world(day: ClinicDay) -> World:
    cast = day.cast
    Patient.objects.filter(clinic=cast.clinic).update(family_name=CANARY)
    booking = book_session(
        actor=cast.actor("ada", at=day.now),
        course_id=day.new.public_id,
        key="preparation.1",
        starts_at=day.now + days(3),
        now=day.now,
    )
    assert cast.version is not None
    deviation, task = DeviationRecord.objects.first(), StaffTask.objects.filter(done_at=None).first()
    fact = FactRecord.objects.filter(course=day.dosing, kind="vitals_taken").first()
    assert deviation is not None
    assert task is not None
    assert fact is not None
    mark = mark_fact(actor=cast.actor("ada", at=day.now), fact_id=fact.public_id, reason=CANARY, now=day.now)
    note = NoteRecord.objects.filter(course=day.dosing).latest("pk")
    assert note.session_record is not None
    submission = send_record_for_review(
        actor=cast.actor("ada", at=day.now), record_id=note.session_record.public_id, now=day.now
    )
    ids = {
        **team_rows(day, now=day.now),
        "submission": str(submission.public_id),
        "mark": str(mark.public_id),
        "patient": str(day.new.patient.public_id),
        "course": str(day.new.public_id),
        "booking": str(booking.public_id),
        "record": str(day.record.public_id),
        "fact": str(fact.public_id),
        "task": str(task.public_id),
        "deviation": str(deviation.public_id),
        "requirement": str(
            CourseRequirement.objects.filter(course=day.new, who="independent_rater").latest("pk").public_id
        ),
        "protocol": str(cast.version.protocol.public_id),
        "protocol_version": str(cast.version.public_id),
        "version": cast.version.version,
        "note": str(NoteRecord.objects.filter(course=day.late).latest("pk").public_id),
        "draft": str(NoteDraft.objects.latest("pk").public_id),
        "psychotherapy_note": str(PsychotherapyNote.objects.latest("pk").public_id),
        **_followed(day, deviation),
        **_drawn(day),
        "legal_basis": str(LegalBasis.objects.filter(clinic=cast.clinic).latest("pk").public_id),
    }
    return World(day=day, other=make_cast("birch"), ids=ids, bodies=bodies(day, ids))


def _followed(day: ClinicDay, deviation: DeviationRecord) -> dict[str, str]:
    """What may follow from a deviation: an action, a report by a clock, a trend."""
    cast, now = day.cast, clock.now()
    made = reporting.set_clock(
        actor=cast.actor("finn", at=now),
        recipient=Recipient.IRB,
        applies_to=AppliesTo.IMPORTANT,
        count=7,
        unit=Unit.CALENDAR_DAYS,
        from_next_day=True,
        source="The board’s letter",
        reason="agreed",
        now=now,
    )
    important(cast, deviation, now=now)
    action = agree_action(
        actor=cast.actor("carla", at=now),
        deviation_id=deviation.public_id,
        kind=ActionKind.CORRECTIVE,
        what="Call the patient.",
        owner=cast.id("ada"),
        due_on=(now + days(3)).date(),
        now=now,
    )
    trend = DeviationTrend.objects.filter(clinic=cast.clinic).first()
    assert trend is not None
    return {
        "action": str(action.public_id),
        "report": str(DeviationReport.objects.get(deviation=deviation).public_id),
        "clock": str(made.public_id),
        "trend": str(trend.public_id),
    }


def _drawn(day: ClinicDay) -> dict[str, str]:
    """A session drawn for a fidelity review, and a rating of it that is in."""
    cast, now = day.cast, clock.now()
    form = adopt_form(actor=cast.actor("carla", at=now), text=FORM, reason="agreed", now=now)
    review = FidelityReview.objects.create(
        clinic=cast.clinic,
        draw=FidelityDraw.objects.create(
            clinic=cast.clinic,
            form=form,
            from_at=now - days(60),
            until_at=now,
            seed="0",
            frame=[],
            without_consent=0,
            drawn_by=cast.people["carla"],
            drawn_at=now,
        ),
        form=form,
        session_record=day.record,
        weight=1,
    )
    rating = FidelityRating.objects.create(
        clinic=cast.clinic,
        review=review,
        place=1,
        rater=cast.people["ben"],
        assigned_by=cast.people["carla"],
        assigned_at=now,
        scores={"rapport": 1, "safety": 1},
        submitted_at=now,
    )
    return {"form": str(form.public_id), "review": str(review.public_id), "rating": str(rating.public_id)}


def call(world: World, caller: Caller, name: str, method: str) -> Any:
    ids = {one: world.ids[one] for one in names_of(name)}
    address = caller.address(name, **ids)
    if method == "get":
        return caller.client.get(address, QUERIES.get(name, {}))
    send = getattr(caller.client, method)
    return send(address, world.bodies[name], content_type="application/json")


def rows() -> tuple[int, ...]:
    return tuple(
        model.objects.count() for model in (Event, FactRecord, SessionBooking, SessionRecord, Patient)
    )


def test_every_address_is_under_test() -> None:
    """A new operation needs a body here, or nobody would have tried it from the other side."""
    assert len(doors()) > 50
    assert {method for _name, method in doors()} <= {"get", "post", "put"}


@pytest.mark.django_db
def test_another_clinic_s_people_get_nothing_at_any_address(world: World) -> None:
    """In our clinic's name they are not there; in their own clinic's name our ids are not."""
    cast, other, before = world.day.cast, world.other, rows()
    tried = 0
    people = {person: other.people[person] for person in ("ada", "carla", "dov", "eve", "finn")}
    ours = Membership.objects.filter(clinic=cast.clinic, person__in=people.values())
    ours.update(until_on=date(2020, 12, 31))  # they left long ago
    stranger = Person.objects.create_user("stranger@example.org", "a long enough word", printed_name="S")
    # Signed in once, not at each of two thousand calls.
    in_ours, in_theirs = (
        {person: Caller(slug=clinic.slug, person=row) for person, row in people.items()}
        for clinic in (cast.clinic, other.clinic)
    )
    nobodies = [Caller(slug=cast.clinic.slug, person=nobody) for nobody in (None, stranger)]
    for name, method in doors():
        for person in people:
            response = call(world, in_ours[person], name, method)
            assert response.status_code == 404, (name, method, person, response.content)
            assert CANARY.encode() not in response.content
            if name in OWN and method == "post":
                continue
            response = call(world, in_theirs[person], name, method)
            allowed = {404} if names_of(name) else {200} if method == "get" else {403, 404}
            allowed |= {403} if name in SUPERVISORS else set()
            assert response.status_code in allowed, (name, method, person, response.content)
            assert CANARY.encode() not in response.content
            tried += 1
        for nobody in nobodies:
            response = call(world, nobody, name, method)
            assert response.status_code in (401, 403, 404), (name, method, response.content)
            assert CANARY.encode() not in response.content
    assert tried > 250
    assert rows() == before


@pytest.mark.django_db
def test_a_colleague_who_looks_after_nobody_sees_no_patient(world: World) -> None:
    gil = calls(world.day.cast, "gil")
    before = rows()
    for name, method in doors():
        if (name in OWN and method == "post") or name == "enrol_patient":
            continue  # any therapist may take a patient in
        response = call(world, gil, name, method)
        assert CANARY.encode() not in response.content, (name, method)
        if names_of(name) and not HOUSE & set(names_of(name)) and name not in SUPERVISORS:
            assert response.status_code == 404, (name, method, response.content)
    assert rows() == before


@pytest.mark.django_db
def test_the_canary_sings_for_who_may_hear_it(world: World) -> None:
    """Or its silence elsewhere would prove nothing."""
    assert CANARY.encode() in calls(world.day.cast, "ada").get("patients").content
    assert CANARY.encode() in calls(world.day.cast, "ada").get("chart", course=world.ids["course"]).content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["patients", "tasks", "deviations", "adherence", "today", "facts", "oversight", "team"]
)
def test_twelve_patients_cost_no_more_queries_than_four(cast: Cast, name: str) -> None:
    courses = [enrol(cast, "P-001"), enrol(cast, "P-002")]
    carla, counts = calls(cast, "carla"), []

    def late(code_from: int, code_to: int) -> None:
        for number in range(code_from, code_to):
            courses.append(enrol(cast, f"P-0{number:02}"))
        from sessions.operations.refresh import refresh_due_courses

        refresh_due_courses(now=clock.now())

    ids: dict[str, Any] = {"course": courses[0].public_id} if name == "facts" else {}
    set_clock(START + days(90))
    late(0, 0)
    carla.get(name, **ids)
    for first, after in ((10, 12), (12, 20)):  # of four, something happened often enough for a trend
        late(first, after)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert carla.get(name, **ids).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_of_ten_who_want_one_room_at_one_time_one_gets_it() -> None:
    cast = make_cast()
    courses = [enrol(cast, f"P-0{number:02}") for number in range(10)]
    set_clock(START + days(1))
    callers = [calls(cast, "eve") for _one in courses]

    def book(turn: int) -> int:
        body = {
            "id": new_id(),
            "key": "preparation.1",
            "starts_at": iso(START + days(7)),
            "room_id": str(cast.rooms["blue"].public_id),
        }
        try:
            response = callers[turn].post("book_session", body, course=courses[turn].public_id)
            return int(response.status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = sorted(pool.map(book, range(10)))
    assert answers == [201] + [409] * 9
    assert SessionBooking.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_request_sent_ten_times_at_once_is_one_row_and_one_201() -> None:
    cast = make_cast()
    set_clock(START + days(1))
    body = {"id": new_id(), "code": "P-1", "given_name": "A", "family_name": "B", "born_on": "1980-01-01"}
    callers = [calls(cast, "eve") for _one in range(10)]

    def register(turn: int) -> int:
        try:
            return int(callers[turn].post("patients", body).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = sorted(pool.map(register, range(10)))
    assert answers == [200] * 9 + [201]
    assert Patient.objects.count() == 1


@pytest.mark.django_db
def test_a_member_of_two_clinics_reaches_each_only_by_its_own_address(world: World) -> None:
    both = make_person(world.other.clinic, "Nora Nettle", Role.SUPERVISOR)
    make_person(world.day.cast.clinic, "Nora Nettle", Role.SUPERVISOR)
    ids: dict[str, Any] = {"course": world.ids["course"]}
    assert Caller(slug="alder", person=both).get("chart", **ids).status_code == 200
    assert Caller(slug="birch", person=both).get("chart", **ids).status_code == 404
    assert Caller(slug="birch", person=both).get("patients").json()["items"] == []


def test_nobody_signed_in_is_told_to_sign_in() -> None:
    response = Client().get("/api/v1/clinics/alder/patients")
    assert response.status_code in (401, 403)
    assert response.json()["advice"] == "Sign in first."
