"""Every change to how the clinic runs that is made on a staff page or by the API asks why, and the answer
stands beside its event; the admin's own pages are in test_admin_by_role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from clinic.models import Event
from clinic.operations.absences import name_deputy
from sessions.operations.inviting import invite_reviewer
from tests.sessions.api.caller import calls
from tests.sessions.rules.test_fidelity import FORM
from tests.sessions.web.door import client_of
from tests.support.clinic_day import ClinicDay

Door = tuple[str, str, dict[str, Any], str]  # who, where, what is sent, the verb of the event


def at(day: ClinicDay, name: str, *args: object) -> str:
    return reverse(f"sessions:{name}", args=(day.cast.clinic.slug, *args))


def a_template(day: ClinicDay) -> Door:
    sent = {"title": "SOAP", "lines": "Subjective\nPlan", "in_use": "on", "version": "0"}
    return "carla", at(day, "note_template", "soap"), sent, "note_template_changed"


def review_settings(day: ClinicDay) -> Door:
    sent = {"days": "60", "in_clinic": "4", "in_protocol": "4", "of_therapist": "3", "days_off": ""}
    return "carla", at(day, "deviation_settings"), sent, "deviation_policy_set"


def a_clock(day: ClinicDay) -> Door:
    sent = {
        "recipient": "irb",
        "applies_to": "important",
        "protocol": "",
        "count": "7",
        "unit": "calendar_days",
        "source": "The board’s letter",
    }
    return "finn", at(day, "reporting_clock"), sent, "reporting_clock_set"


def a_rating_form(day: ClinicDay) -> Door:
    return "carla", at(day, "fidelity_adopt"), {"text": FORM}, "fidelity_form_adopted"


def a_credential(day: ClinicDay) -> Door:
    sent = {
        "person": str(day.cast.id("ada")),
        "kind": "licence",
        "code": "psychotherapist",
        "title": "Licence",
        "valid_from": "2026-01-01",
    }
    return "carla", at(day, "team_credential"), sent, "credential_recorded"


def a_deputy(day: ClinicDay) -> Door:
    sent = {
        "supervisor": str(day.cast.id("carla")),
        "deputy": str(day.cast.id("dov")),
        "from_on": day.now.date().isoformat(),
    }
    return "carla", at(day, "team_deputy"), sent, "deputy_named"


def a_deputy_no_more(day: ClinicDay) -> Door:
    row = name_deputy(
        actor=day.cast.actor("carla", at=day.now),
        supervisor_id=day.cast.id("carla"),
        deputy_id=day.cast.id("dov"),
        from_on=day.now.date(),
        now=day.now,
    )
    return "carla", at(day, "team_release", row.public_id), {}, "deputy_released"


def an_assignment(day: ClinicDay) -> Door:
    sent = {"independent_rater": str(day.cast.id("gil"))}
    return "carla", at(day, "name_rater", day.late.public_id), sent, "care_team_changed"


def a_reviewer(day: ClinicDay) -> Door:
    sent = {
        "printed_name": "Rita Rowan",
        "email": "rita@example.org",
        "patients": "P-001",
        "until_on": (day.now.date() + timedelta(days=30)).isoformat(),
    }
    return "carla", at(day, "team_invite"), sent, "reviewer_invited"


def a_reviewer_no_more(day: ClinicDay) -> Door:
    (row,) = invite_reviewer(
        actor=day.cast.actor("carla", at=day.now),
        email="rita@example.org",
        printed_name="Rita Rowan",
        course_ids=[day.late.public_id],
        until_on=day.now.date() + timedelta(days=30),
        now=day.now,
    )
    return "carla", at(day, "team_invitation_end", row.public_id), {}, "review_invitation_ended"


@pytest.mark.parametrize(
    "door",
    [
        a_template,
        review_settings,
        a_clock,
        a_rating_form,
        a_credential,
        a_deputy,
        a_deputy_no_more,
        an_assignment,
        a_reviewer,
        a_reviewer_no_more,
    ],
)
def test_without_a_reason_nothing_changes_and_with_one_it_stands_beside_the_event(
    day: ClinicDay, door: Callable[[ClinicDay], Door]
) -> None:
    who, address, sent, verb = door(day)
    client = client_of(day, who)
    assert client.get(address).status_code == 200
    before = Event.objects.filter(verb=verb).count()
    sent = {"public_id": str(uuid4()), **sent}
    for unexplained in (sent, {**sent, "reason": "  "}):
        assert client.post(address, unexplained).status_code == 400
    assert Event.objects.filter(verb=verb).count() == before
    answer = client.post(address, {**sent, "reason": "It was agreed."})
    assert answer.status_code == 302, answer.content.decode()
    event = Event.objects.filter(verb=verb).latest("pk")
    assert Event.objects.filter(verb=verb).count() == before + 1
    assert (event.actor_id, event.reason.text) == (day.cast.people[who].pk, "It was agreed.")


def test_the_team_page_leads_to_ending_a_deputy_and_an_invitation(day: ClinicDay) -> None:
    _who, release, _sent, _verb = a_deputy_no_more(day)
    _who, end, _sent, _verb = a_reviewer_no_more(day)
    page = client_of(day, "carla").get(at(day, "team")).content.decode()
    assert f'href="{release}"' in page and f'href="{end}"' in page
    for address in (release, end):
        assert client_of(day, "ada").post(address, {"reason": "Mine."}).status_code == 403


BY_API: dict[str, Callable[[ClinicDay], dict[str, Any]]] = {
    "change_note_template": lambda day: {"title": "Ours", "lines": "One"},
    "set_reporting_clock": lambda day: {
        "id": str(uuid4()),
        "recipient": "irb",
        "applies_to": "important",
        "count": 7,
        "unit": "calendar_days",
        "from_next_day": True,
        "based_on": "The board’s letter",
    },
    "name_deputy": lambda day: {
        "id": str(uuid4()),
        "supervisor_id": str(day.cast.id("carla")),
        "deputy_id": str(day.cast.id("dov")),
        "from_on": day.now.date().isoformat(),
    },
    "record_credential": lambda day: {
        "id": str(uuid4()),
        "person_id": str(day.cast.id("ada")),
        "kind": "licence",
        "code": "psychotherapist",
        "title": "Licence",
        "valid_from": "2026-01-01",
    },
    "invite_reviewer": lambda day: {
        "email": "rita@example.org",
        "printed_name": "Rita Rowan",
        "course_ids": [str(day.late.public_id)],
        "until_on": (day.now.date() + timedelta(days=30)).isoformat(),
    },
}
VERBS = {
    "change_note_template": "note_template_changed",
    "set_reporting_clock": "reporting_clock_set",
    "name_deputy": "deputy_named",
    "record_credential": "credential_recorded",
    "invite_reviewer": "reviewer_invited",
}


@pytest.mark.parametrize("operation", sorted(BY_API))
def test_by_the_api_too_nothing_changes_without_a_reason(day: ClinicDay, operation: str) -> None:
    name = {"change_note_template": "note_templates"}.get(operation, operation)
    carla, body = calls(day.cast, "carla"), BY_API[operation](day)
    for unexplained in (body, {**body, "reason": ""}):
        assert carla.post(name, unexplained).status_code == 400
    events = Event.objects.filter(verb=VERBS[operation])
    assert not events.exists()
    assert carla.post(name, {**body, "reason": "It was agreed."}).status_code in (200, 201)
    assert events.get().reason.text == "It was agreed."
