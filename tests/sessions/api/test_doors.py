"""Each family of the API: the way it is meant to go, and each refusal."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from clinic import clock
from sessions.models import Course, FactRecord, Patient, SessionBooking, SessionRecord, StaffTask
from tests.sessions.api.caller import Caller, calls, fields, iso, new_id, problem
from tests.support.cast import PASSWORD, START, Cast, days, fill_chart
from tests.support.clinic_day import ClinicDay, release_items

pytestmark = pytest.mark.django_db

NOW = START + days(1)


def booking(cast: Cast, **changed: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "key": "preparation.1",
        "starts_at": iso(START + days(7)),
        "people": [str(cast.id("ada")), str(cast.id("ben"))],
        "room_id": str(cast.rooms["blue"].public_id),
        **changed,
    }


def logged(**changed: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "key": "preparation.1",
        "started_at": iso(NOW - timedelta(minutes=90)),
        "ended_at": iso(NOW),
        "note": "We talked about intentions.",
        **changed,
    }


# --- patients and courses ---


def test_a_patient_is_registered_enrolled_and_listed(cast: Cast) -> None:
    eve = calls(cast, "eve")
    body = {
        "id": new_id(),
        "code": "P-014",
        "given_name": "Pat",
        "family_name": "Example",
        "born_on": "1988-05-04",
        "email": "pat@example.org",
        "email_allowed": True,
    }
    registered = eve.post("patients", body)
    assert registered.status_code == 201, registered.content
    assert cast.version is not None
    enrolment = {
        "id": new_id(),
        "patient_id": body["id"],
        "protocol_version_id": str(cast.version.public_id),
        "team": {role.value: str(person) for role, person in cast.team.items()},
        "enrolled_at": iso(START),
    }
    enrolled = eve.post("enrol_patient", enrolment)
    assert enrolled.status_code == 201, enrolled.content
    assert enrolled.json()["id"] == enrolment["id"]
    assert [row["code"] for row in eve.get("patients").json()["items"]] == ["P-014"]
    changed = eve.put(
        "change_contact_details",
        {"email": "new@example.org", "phone": "", "email_allowed": False},
        patient=body["id"],
    )
    assert changed.json()["email"] == "new@example.org"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"born_on": "1788-05-04"}, "born_on"),
        ({"born_on": "yesterday"}, "born_on"),
        ({"code": 14}, "code"),
        ({"email_allowed": "yes"}, "email_allowed"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"id": 7}, "id"),
        ({"nickname": "Patty"}, "nickname"),
        ({"given_name": "Pat\x00"}, "given_name"),
    ],
    ids=[
        "too old",
        "no date",
        "no text",
        "no yes or no",
        "no zone",
        "no id",
        "an unknown field",
        "no letter",
    ],
)
def test_a_registration_with_something_wrong_names_the_field(
    cast: Cast, changed: dict[str, Any], field: str
) -> None:
    body = {"id": new_id(), "code": "P-1", "given_name": "A", "family_name": "B", "born_on": "1980-01-01"}
    found = problem(calls(cast, "eve").post("patients", {**body, **changed}), 400)
    assert fields(found) == [field]
    assert not Patient.objects.exists()


def test_a_list_of_patients_is_read_page_by_page(cast: Cast, course: Course) -> None:
    from tests.support.cast import enrol

    for number in range(2, 6):
        enrol(cast, f"P-00{number}")
    eve, seen, cursor = calls(cast, "eve"), [], ""
    for _turn in range(3):
        page = eve.get("patients", {"size": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [row["code"] for row in page["items"]]
        cursor = page["next"]
    assert seen == ["P-001", "P-002", "P-003", "P-004", "P-005"]
    assert cursor is None


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("patients", {"size": 0}),
        ("patients", {"colour": "red"}),
        ("patients", {"cursor": "%%%"}),
        ("deviations", {"cursor": "bm8"}),
        ("tasks", {"cursor": "bm8"}),
        ("deviations", {"waiting": "perhaps"}),
    ],
)
def test_a_query_that_makes_no_sense_is_bad_input(cast: Cast, name: str, query: dict[str, Any]) -> None:
    problem(calls(cast, "carla").get(name, query), 400, "bad-input")


def test_the_chart_says_what_is_next_and_what_stands_in_the_way(cast: Cast, course: Course) -> None:
    ada = calls(cast, "ada")
    chart = ada.get("chart", course=course.public_id).json()
    assert chart["next_key"] == "preparation.1"
    keys = [row["key"] for row in ada.get("requirements", course=course.public_id).json()["items"]]
    assert "preparation.3" in keys
    gates = ada.get("gates", {"move": "start", "key": "dosing.1"}, course=course.public_id).json()["items"]
    assert any(not gate["override"] for gate in gates)
    problem(ada.get("gates", {"move": "start", "key": "dosing.77"}, course=course.public_id), 404)
    problem(ada.get("gates", {"move": "fly"}, course=course.public_id), 400)


def test_a_course_is_held_resumed_and_ended_only_along_the_table_of_moves(cast: Cast, course: Course) -> None:
    ada, ids = calls(cast, "ada"), {"course": course.public_id}
    problem(ada.post("put_course_on_hold", {"reason": " "}, **ids), 422, "incomplete")
    assert ada.post("put_course_on_hold", {"reason": "Travels."}, **ids).json()["status"] == "on_hold"
    problem(ada.post("put_course_on_hold", {"reason": "Again."}, **ids), 409, "illegal-move")
    assert ada.post("resume_course", {}, **ids).json()["status"] == "active"
    problem(ada.post("complete_course", {}, **ids), 409, "gates-closed")
    stopped = {"id": new_id(), "after_cycle": 0, "reason": "Decided together."}
    assert ada.post("stop_dosing", stopped, **ids).status_code == 201
    assert ada.post("stop_dosing", stopped, **ids).status_code == 200
    ended = ada.post("withdraw_patient", {"reason": "Moves away."}, **ids).json()
    assert (ended["status"], ended["end_reason"]) == ("withdrawn", "withdrawn")
    problem(ada.post("discontinue_course", {"reason": "No."}, **ids), 409, "illegal-move")


def test_the_care_team_is_changed_by_those_who_may(cast: Cast, course: Course) -> None:
    body = {"team_role": "co_therapist", "person_id": str(cast.id("gil")), "reason": "Ben moves."}
    problem(calls(cast, "ada").post("change_care_team", body, course=course.public_id), 403, "forbidden")
    changed = calls(cast, "carla").post("change_care_team", body, course=course.public_id)
    assert "Gil Grove" in [one["name"] for one in changed.json()["items"]]


# --- bookings ---


def test_a_booking_is_made_checked_in_taken_back_and_cancelled(cast: Cast, course: Course) -> None:
    ada = calls(cast, "ada")
    made = ada.post("book_session", booking(cast), course=course.public_id)
    assert made.status_code == 201, made.content
    ids = {"booking": made.json()["id"]}
    assert ada.post("check_in_patient", {}, **ids).json()["status"] == "checked_in"
    problem(ada.post("check_in_patient", {}, **ids), 409)
    assert ada.post("undo_check_in", {"reason": "Wrong patient."}, **ids).json()["status"] == "booked"
    problem(ada.post("mark_no_show", {}, **ids), 409)
    assert ada.post("cancel_booking", {"reason": "Ill."}, **ids).json()["status"] == "cancelled"


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"starts_at": "2027-03-08T15:00:00"}, 400, "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, 400, "starts_at"),
        ({"starts_at": 1772463600}, 400, "starts_at"),
        ({"starts_at": "2026-12-01T15:00:00Z"}, 400, "starts_at"),
        ({"starts_at": "2937-03-08T15:00:00Z"}, 400, "starts_at"),
        ({"people": [str(uuid4())]}, 400, "people"),
        ({"room_id": str(uuid4())}, 400, "room"),
        ({"mode": "carrier pigeon"}, 400, "mode"),
        ({"colour": "blue"}, 400, "colour"),
        ({"key": "preparation.9"}, 404, None),
        ({"starts_at": "2028-01-01T15:00:00Z"}, 422, None),
    ],
    ids=[
        "a time without a zone",
        "a time before time",
        "a number for a time",
        "a time that has passed",
        "a far-away time",
        "somebody unknown",
        "an unknown room",
        "an unknown mode",
        "an unknown field",
        "a session not planned",
        "outside its window",
    ],
)
def test_a_booking_with_something_wrong_is_refused_and_changes_nothing(
    cast: Cast, course: Course, changed: dict[str, Any], status: int, field: str | None
) -> None:
    response = calls(cast, "ada").post("book_session", booking(cast, **changed), course=course.public_id)
    found = problem(response, status)
    assert fields(found) == ([field] if field else [])
    assert not SessionBooking.objects.exists()


def test_what_needs_a_yes_says_its_code_and_is_done_once_confirmed(cast: Cast, course: Course) -> None:
    ada, body = calls(cast, "ada"), booking(cast, starts_at="2028-01-01T15:00:00Z")
    found = problem(ada.post("book_session", body, course=course.public_id), 422, "confirm-needed")
    assert found["data"]["confirm"] == ["outside-window"]
    body["confirmed"] = found["data"]["confirm"]
    assert ada.post("book_session", body, course=course.public_id).status_code == 201


# --- idempotency ---


def posts(cast: Cast) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """A name, a body, and what another body says differently."""
    return [
        ("book_session", booking(cast), {"starts_at": iso(START + days(8))}),
        ("log_session", logged(), {"ended_at": iso(NOW - timedelta(minutes=30))}),
        (
            "facts",
            {
                "id": new_id(),
                "kind": "consent_changed",
                "value": {"scope": "treatment", "state": "given", "document_version": "1"},
                "occurred_at": iso(NOW),
            },
            {"value": {"scope": "treatment", "state": "withdrawn", "document_version": "1"}},
        ),
        (
            "record_contact",
            {"id": new_id(), "result": "voicemail", "mode": "phone", "occurred_at": iso(NOW)},
            {"result": "no_answer"},
        ),
    ]


@pytest.mark.parametrize("which", range(4), ids=["a booking", "a session", "a fact", "a contact"])
def test_the_same_id_twice_is_one_row_and_another_body_is_refused(
    cast: Cast, course: Course, which: int
) -> None:
    ada, (name, body, other) = calls(cast, "ada"), posts(cast)[which]
    first = ada.post(name, body, course=course.public_id)
    second = ada.post(name, body, course=course.public_id)
    assert (first.status_code, second.status_code) == (201, 200), second.content
    assert first.json() == second.json()
    problem(ada.post(name, {**body, **other}, course=course.public_id), 422, "id-reused")
    count = sum(
        model.objects.filter(public_id=body["id"]).count()
        for model in (SessionBooking, SessionRecord, FactRecord)
    )
    assert count == 1


def test_the_same_patient_twice_is_one_patient(cast: Cast) -> None:
    eve = calls(cast, "eve")
    body = {"id": new_id(), "code": "P-1", "given_name": "A", "family_name": "B", "born_on": "1980-01-01"}
    assert [eve.post("patients", body).status_code for _turn in range(2)] == [201, 200]
    problem(eve.post("patients", {**body, "given_name": "C"}), 422, "id-reused")


# --- held sessions ---


def test_a_session_is_logged_read_corrected_and_signed(cast: Cast, course: Course) -> None:
    ada, body = calls(cast, "ada"), logged()
    assert ada.post("log_session", body, course=course.public_id).status_code == 201
    ids = {"record": body["id"]}
    assert ada.get("session", **ids).json()["record"]["status"] == "ended"
    times = {
        "id": new_id(),
        "started_at": iso(NOW - timedelta(minutes=80)),
        "ended_at": iso(NOW),
        "reason": "Began late.",
    }
    assert [ada.post("correct_times", times, **ids).status_code for _turn in range(2)] == [201, 200]
    assert ada.post("write_note", {"id": new_id(), "text": "More."}, **ids).status_code == 201
    problem(ada.post("sign_record", {"password": "not this one"}, **ids), 403, "wrong-password")
    signed = ada.post("sign_record", {"password": PASSWORD}, **ids)
    assert signed.json()["printed_name"] == "Ada Alder"
    after = ada.post("write_note", {"id": new_id(), "text": "An addendum."}, **ids)
    assert after.json()["addendum"] is True


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"ended_at": iso(NOW - timedelta(hours=3))}, 400),
        ({"ended_at": iso(NOW + days(3))}, 400),
        ({"started_at": iso(NOW - days(40 * 365))}, 400),
        ({"key": "dosing"}, 404),
        ({"key": None}, 400),
        ({"mode": "video"}, 422),
        ({"staff": ["nobody"]}, 400),
        ({"items": "all"}, 400),
    ],
    ids=[
        "ends before it begins",
        "ends in the future",
        "long ago",
        "not planned",
        "neither planned nor of a kind",
        "remote and nobody knows where",
        "no id",
        "no list",
    ],
)
def test_a_session_that_cannot_have_been_is_not_logged(
    cast: Cast, course: Course, changed: dict[str, Any], status: int
) -> None:
    problem(calls(cast, "ada").post("log_session", logged(**changed), course=course.public_id), status)
    assert not SessionRecord.objects.exists()


def test_a_session_started_in_error_is_taken_back(cast: Cast, course: Course) -> None:
    fill_chart(cast, course, now=START)
    ada, body = calls(cast, "ada"), {"id": new_id(), "key": "preparation.1"}
    started = ada.post("start_session", body, course=course.public_id)
    assert started.status_code == 201, started.content
    assert ada.post("start_session", body, course=course.public_id).status_code == 200
    other = {"id": new_id(), "key": "preparation.2"}
    problem(ada.post("start_session", other, course=course.public_id), 409)
    problem(ada.post("void_session", {"reason": ""}, record=body["id"]), 422)
    taken = ada.post("void_session", {"reason": "Wrong patient."}, record=body["id"])
    assert taken.json()["status"] == "void"


def test_a_dosing_session_cannot_start_before_its_gates_open(cast: Cast, course: Course) -> None:
    ada, ids = calls(cast, "ada"), {"course": course.public_id}
    problem(ada.post("start_session", {"id": new_id(), "key": "dosing.1"}, **ids), 409)
    body = booking(cast, key="dosing.1", starts_at=iso(START + days(28)), confirmed=["outside-window"])
    made = ada.post("book_session", body, **ids)
    assert ada.post("check_in_patient", {}, booking=made.json()["id"]).status_code == 200
    found = problem(
        ada.post("start_session", {"id": new_id(), "key": "dosing.1"}, **ids), 409, "gates-closed"
    )
    assert found["data"]["gates"]
    nobody = next(gate for gate in found["data"]["gates"] if not gate["override"])
    override = {"id": new_id(), "move": "start", "session_key": "dosing.1", "reason": "It is urgent."}
    carla = calls(cast, "carla")
    problem(carla.post("override_requirement", {**override, "key": nobody["key"]}, **ids), 403)
    able = next(gate for gate in found["data"]["gates"] if "supervisor" in gate["override"])
    body = {**override, "key": able["key"]}
    assert carla.post("override_requirement", body, **ids).status_code == 201
    assert carla.post("override_requirement", body, **ids).status_code in (200, 404)


def test_a_dosing_day_goes_through_the_api(day: ClinicDay) -> None:
    ada, now = calls(day.cast, "ada"), clock.now()
    ids = {"record": day.record.public_id}
    reading = {"id": new_id(), "occurred_at": iso(now), "systolic": 124, "diastolic": 80}
    assert ada.post("record_vitals", reading, **ids).status_code == 201
    assert ada.post("record_vitals", reading, **ids).status_code == 200
    dose = {"id": new_id(), "part": "supplement", "amount": "60", "occurred_at": iso(now)}
    found = problem(ada.post("give_dose", dose, **ids), 422, "confirm-needed")
    assert "no-second-check" in found["data"]["confirm"]
    withheld = {"id": new_id(), "part": "supplement", "reason": "Blood pressure.", "occurred_at": iso(now)}
    assert ada.post("withhold_dose", withheld, **ids).status_code == 201
    moment = {"id": new_id(), "words": "Tears.", "occurred_at": iso(now)}
    assert ada.post("note_moment", moment, **ids).status_code == 201
    here = {"person_id": str(day.cast.id("gil")), "here": True, "occurred_at": iso(now)}
    assert ada.post("change_presence", here, **ids).status_code == 200
    items = list(release_items(day.dosing))
    for name in ("ada", "ben"):
        for item in items:
            ticked = calls(day.cast, name).post(
                "tick_item", {"id": new_id(), "item": item, "done": True}, **ids
            )
            assert ticked.status_code == 201
    end = {"ended_at": iso(clock.now()), "adverse_events": False}
    found = problem(ada.post("end_session", {"ended_at": iso(now)}, **ids), 422, "confirm-needed")
    assert found["data"]["confirm"] == ["early-departure"]
    problem(ada.post("end_session", {**end, "confirmed": ["early-departure"]}, **ids), 422, "incomplete")
    ended = ada.post("end_session", {**end, "confirmed": ["early-departure"], "reason": "Left."}, **ids)
    assert ended.json()["status"] == "ended"


def test_a_reading_that_cannot_be_is_refused(day: ClinicDay) -> None:
    ada, before = calls(day.cast, "ada"), FactRecord.objects.count()
    body = {"id": new_id(), "occurred_at": iso(clock.now()), "systolic": 120, "diastolic": 80}
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("impossible", {"systolic": 9000}),
        ("text for a number", {"systolic": "120"}),
        ("swapped", {"systolic": 70, "diastolic": 120}),
        ("half of it", {"diastolic": None}),
        ("a word", {"temperature": "hot"}),
        ("no zone", {"occurred_at": "2027-04-06T16:00:00"}),
        ("in the future", {"occurred_at": "2031-04-06T16:00:00Z"}),
        ("an unknown field", {"glucose": 5}),
    ]
    for label, changed in wrong:
        response = ada.post("record_vitals", {**body, **changed}, record=day.record.public_id)
        assert response.status_code == 400, label
        problem(response, 400, "bad-input")
    assert FactRecord.objects.count() == before


def test_a_dose_is_ordered_by_a_prescriber_within_the_limits(day: ClinicDay) -> None:
    ids, order = {"course": day.new.public_id}, {"id": new_id(), "cycle": 1, "amount": "80"}
    problem(calls(day.cast, "ada").post("order_dose", order, **ids), 403, "forbidden")
    dov = calls(day.cast, "dov")
    assert dov.post("order_dose", order, **ids).status_code == 201
    problem(
        dov.post("order_dose", {**order, "id": new_id(), "amount": "400"}, **ids), 422, "order-over-limit"
    )
    problem(dov.post("order_dose", {**order, "amount": True}, **ids), 400)


# --- facts ---


def a_fact(**changed: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "kind": "result_recorded",
        "value": {"test": "pregnancy_test", "value": "negative"},
        "occurred_at": iso(NOW),
        **changed,
    }


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"kind": "dose_given"}, "kind"),
        ({"value": {"test": "x"}}, "value"),
        ({"value": {"test": "x", "value": "y", "colour": "red"}}, "colour"),
        ({"value": {"test": 5, "value": "y"}}, "test"),
        ({"value": ["x"]}, "value"),
        ({"value": {"test": "x\x00", "value": "y"}}, "value"),
        ({"value": {"test": "x", "value": "y", "valid_until": "2027-03-01T10:00:00"}}, "valid_until"),
        ({"occurred_at": "2027-03-01"}, "occurred_at"),
        ({"key": "nonsense@nothing"}, "key"),
        ({"source": "patient"}, "source"),
    ],
)
def test_a_fact_that_cannot_be_read_is_refused_by_field(
    cast: Cast, course: Course, changed: dict[str, Any], field: str
) -> None:
    found = problem(calls(cast, "ada").post("facts", a_fact(**changed), course=course.public_id), 400)
    assert field in [name.removeprefix("value.") for name in fields(found)]
    assert not FactRecord.objects.exists()


def test_a_body_nested_beyond_reason_is_refused(cast: Cast, course: Course) -> None:
    deep = "[" * 5000 + "]" * 5000
    response = calls(cast, "ada").client.post(
        calls(cast, "ada").address("facts", course=course.public_id),
        f'{{"value": {deep}}}',
        content_type="application/json",
    )
    problem(response, 400)


def test_a_correction_is_a_new_row_and_the_second_one_comes_too_late(cast: Cast, course: Course) -> None:
    ada, first = calls(cast, "ada"), a_fact()
    assert ada.post("facts", first, course=course.public_id).status_code == 201
    body = {
        "id": new_id(),
        "value": {"test": "pregnancy_test", "value": "positive"},
        "occurred_at": iso(NOW),
        "reason": "Misread.",
    }
    problem(ada.post("amend_fact", {**body, "reason": ""}, fact=first["id"]), 422, "incomplete")
    amended = ada.post("amend_fact", body, fact=first["id"])
    assert (amended.status_code, amended.json()["amends"]) == (201, first["id"])
    assert ada.post("amend_fact", body, fact=first["id"]).status_code == 200
    problem(ada.post("amend_fact", {**body, "id": new_id()}, fact=first["id"]), 409)
    listed = ada.get("facts", course=course.public_id).json()["items"]
    assert {row["id"] for row in listed} == {first["id"], body["id"]}


def test_what_was_decided_is_not_corrected_and_whom_it_is_about_stays(day: ClinicDay) -> None:
    ada = calls(day.cast, "ada")
    order = FactRecord.objects.get(kind="dose_ordered", course=day.dosing)
    more = {"cycle": 1, "amount": "120", "unit": "mg", "supplement_allowed": True}
    body = {"id": new_id(), "value": more, "occurred_at": iso(order.occurred_at), "reason": "More."}
    problem(ada.post("amend_fact", body, fact=order.public_id), 409, "not-amendable")
    reading = FactRecord.objects.filter(kind="vitals_taken", course=day.dosing).first()
    assert reading is not None
    body = {"id": new_id(), "occurred_at": iso(reading.occurred_at), "reason": "Typing slip."}
    other = {"record_id": str(uuid4()), "systolic": 120, "diastolic": 80}
    problem(ada.post("amend_fact", {**body, "value": other}, fact=reading.public_id), 400)
    impossible = {"systolic": 9000, "diastolic": 80}
    problem(ada.post("amend_fact", {**body, "value": impossible}, fact=reading.public_id), 400)
    right = {"systolic": 120, "diastolic": 80}
    assert ada.post("amend_fact", {**body, "value": right}, fact=reading.public_id).status_code == 201


def test_people_stand_in_facts_by_their_public_ids(day: ClinicDay) -> None:
    listed = calls(day.cast, "ada").get("session_facts", record=day.record.public_id).json()["items"]
    dose = next(row for row in listed if row["kind"] == "dose_given")
    assert dose["value"]["given_by"] == str(day.cast.id("ada"))
    assert dose["value"]["checked_by"] == str(day.cast.id("ben"))


def test_a_contact_nobody_answered_says_nothing_about_safety(cast: Cast, course: Course) -> None:
    ada, ids = calls(cast, "ada"), {"course": course.public_id}
    body = {"id": new_id(), "result": "no_answer", "mode": "phone", "occurred_at": iso(NOW), "safe": True}
    assert fields(problem(ada.post("record_contact", body, **ids), 400)) == ["safe"]
    problem(ada.post("record_contact", {**body, "safe": 1}, **ids), 400)
    reached = {**body, "result": "reached", "safe": False}
    problem(ada.post("record_contact", reached, **ids), 422)
    placed = {**reached, "patient_location": "At home", "call_back_number": "555-0111"}
    assert ada.post("record_contact", placed, **ids).status_code == 201
    assert StaffTask.objects.filter(kind="worrying_answer").count() == 1


# --- tasks, deviations, adherence ---


def test_a_task_is_taken_and_finished_once(day: ClinicDay) -> None:
    carla = calls(day.cast, "carla")
    task = carla.get("tasks").json()["items"][0]
    assert carla.post("take_task", {}, task=task["id"]).json()["task"]["owner"] == "Carla Cedar"
    problem(carla.post("finish_task", {"resolution": ""}, task=task["id"]), 422)
    done = carla.post("finish_task", {"resolution": "Spoke to them."}, task=task["id"]).json()
    assert (done["resolution"], done["done_by"]) == ("Spoke to them.", "Carla Cedar")
    problem(carla.post("finish_task", {"resolution": "Again."}, task=task["id"]), 409)
    assert task["id"] in [row["id"] for row in carla.get("tasks", {"done": "true"}).json()["items"]]
    assert task["id"] not in [row["id"] for row in carla.get("tasks").json()["items"]]


def test_deviations_are_read_page_by_page_and_reviewed_by_a_supervisor(day: ClinicDay) -> None:
    carla, seen, cursor = calls(day.cast, "carla"), [], None
    while True:
        page = carla.get("deviations", {"size": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [row["id"] for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) > 3
    body = {"id": new_id(), "comment": "We rang, but wrote nothing down.", "closes": True}
    seen = [
        row["id"]
        for row in carla.get("deviations", {"size": 100}).json()["items"]
        if not row["important"] and not row["repeated"]
    ]
    problem(calls(day.cast, "ada").post("review_deviation", body, deviation=seen[0]), 403)
    problem(carla.post("review_deviation", {**body, "comment": " "}, deviation=seen[0]), 422)
    assert carla.post("review_deviation", body, deviation=seen[0]).status_code == 201
    assert carla.post("review_deviation", body, deviation=seen[0]).status_code == 200
    problem(
        carla.post("review_deviation", {**body, "comment": "Other."}, deviation=seen[0]), 422, "id-reused"
    )
    assert len(carla.get("deviation", deviation=seen[0]).json()["reviews"]) == 1
    assert seen[0] not in [row["id"] for row in carla.get("deviations").json()["items"]]


def test_adherence_is_what_was_met_of_what_came_due(day: ClinicDay) -> None:
    found = calls(day.cast, "carla").get("adherence").json()
    assert 0 < float(found["total"]["met_weight"]) <= float(found["total"]["due_weight"])
    assert [row["patient"] for row in found["rows"]] == ["P-001", "P-002", "P-003"]


# --- manners ---


def test_what_changes_something_needs_the_csrf_token(cast: Cast, course: Course) -> None:
    strict = Caller(slug=cast.clinic.slug, person=cast.people["ada"], client=Client(enforce_csrf_checks=True))
    problem(strict.post("put_course_on_hold", {"reason": "x"}, course=course.public_id), 403)
    course.refresh_from_db()
    assert course.status == "enrolled"


@pytest.mark.parametrize("body", ["{", "[]", "7", '"x"', "null", "\ufeff{}"])
def test_a_body_that_is_no_object_is_bad_input(cast: Cast, course: Course, body: str) -> None:
    ada = calls(cast, "ada")
    response = ada.client.post(
        ada.address("put_course_on_hold", course=course.public_id), body, content_type="application/json"
    )
    problem(response, 400)


def test_only_json_is_taken(cast: Cast, course: Course) -> None:
    ada = calls(cast, "ada")
    address = ada.address("put_course_on_hold", course=course.public_id)
    problem(ada.client.post(address, {"reason": "x"}), 415)


def test_the_api_explains_itself(client: Client) -> None:
    page = client.get("/api/")
    assert "/api/v1/clinics/{slug}/patients" in page.content.decode()
    schema = client.get("/api/schema/", headers={"accept": "application/json"}).json()
    operations = [operation for methods in schema["paths"].values() for operation in methods.values()]
    assert all("4XX" in operation["responses"] for operation in operations)
    assert json.dumps(schema).count("book_session") == 1


def test_the_protocols_of_the_clinic_can_be_read(cast: Cast) -> None:
    ada = calls(cast, "ada")
    (listed,) = ada.get("protocols").json()["items"]
    found = ada.get("protocol", protocol=listed["id"]).json()
    assert found["newest"]["document"].startswith("# MDMA")
    assert ada.get("protocol_version", protocol=listed["id"], version="1.0").status_code == 200
    problem(ada.get("protocol_version", protocol=listed["id"], version="9"), 404)
