"""What the API refuses, and what is mailed to staff, is said in the protocol's own words too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail

from clinic import outbox
from clinic.permissions import Role
from sessions.models import SessionRecord
from sessions.models.tasks import TaskKind
from sessions.operations.tasks import open_task
from tests.sessions.api.caller import calls, iso, new_id, problem
from tests.sessions.web.test_own_words import KEY, MEDICAL, Center, center, start
from tests.support.cast import LIBRARY, START, allow, enrol, make_cast, publish

__all__ = ["center"]
pytestmark = pytest.mark.django_db

_FOR_PROGRAMS = ("type", "code", "instance", "status", "field", "key", "rule", "confirm")


def said_in(body: Any) -> str:
    """Everything of a problem that is for people."""
    if isinstance(body, Mapping):
        return "\n".join(said_in(value) for name, value in body.items() if name not in _FOR_PROGRAMS)
    return "\n".join(map(said_in, body)) if isinstance(body, list) else str(body)


def refusals(center: Center) -> dict[str, tuple[Any, int]]:
    """One request of each kind that the API refuses, with the answer's status."""
    cast, course = center.cast, center.course
    ada, eve, carla = calls(cast, "ada"), calls(cast, "eve"), calls(cast, "carla")
    assert cast.version is not None
    enrol = {
        "id": new_id(),
        "patient_id": str(course.patient.public_id),
        "protocol_version_id": str(cast.version.public_id),
        "team": {"lead_therapist": str(cast.id("ada"))},
        "enrolled_at": iso(center.day),
    }
    contact = {"id": new_id(), "result": "reached", "mode": "phone", "occurred_at": iso(center.day)}
    begin = {"id": new_id(), "key": KEY}
    registering = {"id": new_id(), "code": " ", "given_name": "Una", "family_name": "Vale"}
    return {
        "already enrolled": (eve.post("enrol_patient", enrol), 409),
        "a contact from nowhere": (ada.post("record_contact", contact, course=course.public_id), 422),
        "closed gates": (ada.post("start_session", begin, course=course.public_id), 409),
        "no code": (eve.post("patients", registering | {"born_on": "1990-01-01"}), 400),
        "a field too many": (eve.post("patients", registering | {"diagnosis": "none"}), 400),
        "no such course": (carla.get("chart", course=uuid4()), 404),
    }


def test_no_refusal_of_a_service_centers_api_speaks_of_patients_or_therapists(center: Center) -> None:
    found = {}
    for name, (answer, status) in refusals(center).items():
        body = problem(answer, status)
        if words := MEDICAL.findall(said_in(body)):
            found[name] = (words, said_in(body))
    assert found == {}


def test_what_a_refusal_says_of_a_client_is_said_of_a_client(center: Center) -> None:
    asked = refusals(center)
    assert problem(asked["already enrolled"][0], 409)["title"] == "This client already follows a protocol."
    assert "Where is the client?" in said_in(problem(asked["a contact from nowhere"][0], 422))
    record = start(center)
    ended = calls(center.cast, "ada").post("end_session", {"id": new_id()}, record=record.public_id)
    assert not MEDICAL.findall(said_in(ended.json())), ended.json()
    assert SessionRecord.objects.get(pk=record.pk).ended_at is None


def test_a_clinic_whose_protocols_differ_answers_of_one_course_in_its_words_and_of_itself_in_the_houses(
    center: Center,
) -> None:
    publish(
        center.cast,
        (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8").replace('version: "1.', 'version: "2.'),
    )
    asked = refusals(center)
    assert "Where is the client?" in said_in(problem(asked["a contact from nowhere"][0], 422))
    assert problem(asked["already enrolled"][0], 409)["title"] == "This patient already follows a protocol."


def test_mail_to_staff_about_a_course_is_in_its_protocols_words() -> None:
    """The mail names nobody and nothing; the one noun that it has is the protocol's."""
    cast = make_cast()
    text = (LIBRARY / "oregon_psilocybin.yaml").read_text(encoding="utf-8")
    cast.version = publish(cast, text.replace("\nterms:\n", "\nterms:\n  task: Errand\n"))
    allow(cast)
    course = enrol(cast)
    open_task(
        course=course,
        kind=TaskKind.MESSAGE_NOT_SENT,
        subject="preparation",
        act_by=START,
        now=START,
        owner_role=Role.THERAPIST.value,
        cover_role=Role.COORDINATOR.value,
        safety=True,
    )
    outbox.send_due_messages(now=START)
    told = [one for one in mail.outbox if "waits for you" in one.subject]
    assert {one.subject for one in told} == {"An errand waits for you"}
    assert all("An errand with a clock" in str(one.body) for one in told)
    assert not any(MEDICAL.search(f"{one.subject} {one.body}") for one in mail.outbox)
