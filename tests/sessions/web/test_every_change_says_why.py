"""Every change to how the clinic runs that is made on a staff page or by the API asks why, and the answer
stands beside its event; the admin's own pages are in test_admin_by_role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from clinic.models import Absence, Deputy, Event, Handover
from clinic.operations.absences import hand_over, name_deputy, record_absence
from sessions.models import ReviewInvitation
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
        reason="agreed",
        now=day.now,
    )
    return "carla", at(day, "team_release", row.public_id), {}, "deputy_released"


def days_of(day: ClinicDay) -> dict[str, Any]:
    first = day.now.date() + timedelta(days=1)
    return {"from_on": first.isoformat(), "until_on": (first + timedelta(days=3)).isoformat()}


def an_absence(day: ClinicDay) -> Door:
    return (
        "carla",
        at(day, "team_away"),
        {"person": str(day.cast.id("ada")), **days_of(day)},
        "absence_recorded",
    )


def an_absence_no_more(day: ClinicDay) -> Door:
    row = record_absence(
        actor=day.cast.actor("ada", at=day.now),
        person_id=day.cast.id("ada"),
        from_on=day.now.date(),
        until_on=day.now.date() + timedelta(days=3),
        reason="agreed",
        now=day.now,
    )
    return "ada", at(day, "team_absence_end", row.public_id), {}, "absence_ended"


def work_handed_over(day: ClinicDay) -> Door:
    people = {"giver": str(day.cast.id("ada")), "taker": str(day.cast.id("gil"))}
    return "ada", at(day, "team_hand_over"), {**people, **days_of(day), "what": ["calls"]}, "work_handed_over"


def work_taken_back(day: ClinicDay) -> Door:
    row = hand_over(
        actor=day.cast.actor("ada", at=day.now),
        giver_id=day.cast.id("ada"),
        taker_id=day.cast.id("gil"),
        from_on=day.now.date(),
        until_on=day.now.date() + timedelta(days=3),
        reason="agreed",
        now=day.now,
    )
    return "ada", at(day, "team_handover_end", row.public_id), {}, "work_taken_back"


def words_of_a_message(day: ClinicDay) -> Door:
    sent = {"text": "{sender}: {link} STOP ends texts. Help: {phone}"}
    return "finn", at(day, "wording_write", "en", "text", "check_in"), sent, "wording_written"


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
        reason="agreed",
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
        an_absence,
        an_absence_no_more,
        work_handed_over,
        work_taken_back,
        words_of_a_message,
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


def test_one_of_the_usual_reasons_is_enough_and_nothing_asks_about_health(day: ClinicDay) -> None:
    who, address, sent, verb = an_absence(day)
    client = client_of(day, who)
    form = client.get(address).context["form"]
    assert not [
        label for _value, label in form.fields["usual"].choices if "ill" in str(label).lower().split()
    ]
    assert "Nothing about anybody’s health." in str(form.fields["reason"].help_text)
    assert client.post(address, {**sent, "usual": "training", "reason": "In Basel."}).status_code == 302
    assert Event.objects.get(verb=verb).reason.text == "Training or congress: In Basel."
    who, address, sent, verb = work_handed_over(day)
    assert client_of(day, who).post(address, {**sent, "usual": "workload"}).status_code == 302
    assert Event.objects.get(verb=verb).reason.text == "To even out the work"


def test_with_an_absence_what_is_handed_over_for_it_has_its_reason(day: ClinicDay) -> None:
    who, address, sent, _verb = an_absence(day)
    given = {**sent, "stand_in": str(day.cast.id("gil")), "usual": "leave"}
    assert client_of(day, who).post(address, given).status_code == 302
    assert Event.objects.get(verb="work_handed_over").reason.text == "Leave"


def test_who_may_not_end_an_absence_or_a_handover_learns_it_before_writing_why(day: ClinicDay) -> None:
    for made in (an_absence_no_more, work_taken_back):
        _who, address, _sent, _verb = made(day)
        assert client_of(day, "ben").get(address).status_code == 403
        assert client_of(day, "ben").post(address, {"reason": "Mine."}).status_code == 403
        assert f'href="{address}"' in client_of(day, "ada").get(at(day, "team")).content.decode()
        assert f'href="{address}"' not in client_of(day, "ben").get(at(day, "team")).content.decode()
        assert client_of(day, "ada").post(address, {"usual": "back"}).status_code == 302
        assert client_of(day, "ada").get(address).status_code == 404


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
    "record_absence": lambda day: {
        "id": str(uuid4()),
        "person_id": str(day.cast.id("ada")),
        **days_of(day),
    },
    "hand_over": lambda day: {
        "id": str(uuid4()),
        "giver_id": str(day.cast.id("ada")),
        "taker_id": str(day.cast.id("gil")),
        **days_of(day),
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
    "record_absence": "absence_recorded",
    "hand_over": "work_handed_over",
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


def _absence_ends(day: ClinicDay) -> tuple[str, dict[str, Any], str]:
    an_absence_no_more(day)
    return "end_absence", {"absence": Absence.objects.get().public_id}, "absence_ended"


def _handover_ends(day: ClinicDay) -> tuple[str, dict[str, Any], str]:
    work_taken_back(day)
    return "take_back", {"handover": Handover.objects.get().public_id}, "work_taken_back"


def _deputy_ends(day: ClinicDay) -> tuple[str, dict[str, Any], str]:
    a_deputy_no_more(day)
    return "release_deputy", {"deputy": Deputy.objects.get().public_id}, "deputy_released"


def _invitation_ends(day: ClinicDay) -> tuple[str, dict[str, Any], str]:
    a_reviewer_no_more(day)
    named = {"invitation": ReviewInvitation.objects.get().public_id}
    return "end_review_invitation", named, "review_invitation_ended"


@pytest.mark.parametrize("made", [_absence_ends, _handover_ends, _deputy_ends, _invitation_ends])
def test_by_the_api_nothing_ends_without_a_reason(
    day: ClinicDay, made: Callable[[ClinicDay], tuple[str, dict[str, Any], str]]
) -> None:
    name, named, verb = made(day)
    carla = calls(day.cast, "carla")
    for unexplained in ({}, {"reason": ""}, {"reason": "  "}):
        assert carla.post(name, unexplained, **named).status_code == 400
    assert not Event.objects.filter(verb=verb).exists()
    assert carla.post(name, {"reason": "It was agreed."}, **named).status_code == 200
    assert Event.objects.get(verb=verb).reason.text == "It was agreed."


def test_by_the_api_nobody_changes_a_care_team_without_a_reason(day: ClinicDay) -> None:
    carla, course = calls(day.cast, "carla"), day.late.public_id
    body = {"team_role": "co_therapist", "person_id": str(day.cast.id("gil"))}
    before = Event.objects.filter(verb="care_team_changed").count()
    for unexplained in (body, {**body, "reason": ""}):
        assert carla.post("change_care_team", unexplained, course=course).status_code == 400
    assert Event.objects.filter(verb="care_team_changed").count() == before
    assert carla.post("change_care_team", {**body, "reason": "Ben moves."}, course=course).status_code == 200
    assert Event.objects.filter(verb="care_team_changed").latest("pk").reason.text == "Ben moves."
