"""The supervisor's page: what departs and what waits, since when, with the way to the act; and the team's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from clinic.errors import Forbidden
from clinic.models import Absence, Credential, CredentialKind, Handover
from clinic.operations.absences import record_absence
from clinic.operations.credentials import record_credential
from clinic.permissions import Role
from sessions.models import DeviationRecord, StaffTask
from sessions.operations.refresh import refresh_due_courses
from sessions.queries.oversight import oversight
from tests.support.cast import START, Cast, days, enrol, make_cast, make_person
from tests.support.clinic_day import ClinicDay, make_day, set_clock

pytestmark = pytest.mark.django_db


def signed_in(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name])
    return client


def licence(cast: Cast, name: str, *, ends_in: int, code: str = "psychotherapist") -> Credential:
    today = clock.now().date()
    return record_credential(
        actor=cast.actor("carla", at=clock.now()),
        person_id=cast.id(name),
        kind=CredentialKind.LICENCE,
        code=code,
        title=f"Licence of {name}",
        valid_from=today - timedelta(days=900),
        valid_until=today + timedelta(days=ends_in),
        now=clock.now(),
    )


def test_everything_says_since_when_and_links_to_the_act() -> None:
    day: ClinicDay = make_day()
    cast = day.cast
    now = clock.now()
    today = now.astimezone(cast.clinic.zone_info).date()
    record_absence(
        actor=cast.actor("carla", at=now),
        person_id=cast.id("ada"),
        from_on=today,
        until_on=today + timedelta(days=3),
        now=now,
    )
    licence(cast, "ada", ends_in=20)
    refresh_due_courses(now=now)
    page = signed_in(cast, "carla").get(reverse("sessions:oversight", args=[cast.clinic.slug]))
    body = page.content.decode()
    view = page.context["view"]
    waiting = DeviationRecord.objects.filter(reviewed_at=None, documented_late_at=None)
    assert view.deviation_count == waiting.count() > 0
    assert view.safety_count == StaffTask.objects.filter(done_at=None, safety=True).count() > 0
    for item in view.deviations:
        assert str(item.deviation_id) in body and item.since is not None
    for task in view.safety:
        assert reverse("sessions:task", args=[cast.clinic.slug, task.task_id]) in body
    for course in view.off_track:
        assert reverse("sessions:chart", args=[cast.clinic.slug, course.course_id]) in body
    assert "Licence of ada" in body and "nobody stands in" in body and "Ada Alder" in body


def test_important_deviations_come_first_and_then_the_oldest() -> None:
    day = make_day()
    rows = list(DeviationRecord.objects.order_by("raised_at", "id"))
    assert len(rows) >= 2
    DeviationRecord.objects.update(important=False)
    DeviationRecord.objects.filter(pk=rows[-1].pk).update(important=True)
    shown = oversight(day.cast.actor("carla", at=day.now), now=day.now).deviations
    assert shown[0].deviation_id == rows[-1].public_id
    rest = [row.since for row in shown[1:]]
    assert rest == sorted(rest)


@pytest.mark.parametrize("name", ["ada", "dov", "eve", "finn"])
def test_only_a_supervisor_oversees(name: str) -> None:
    cast = make_cast()
    with pytest.raises(Forbidden):
        oversight(cast.actor(name), now=START)


def test_a_renewed_credential_or_that_of_who_has_left_is_not_shown_as_ending() -> None:
    cast = make_cast()
    carla, now = cast.actor("carla", at=clock.now()), clock.now()
    licence(cast, "ada", ends_in=10)
    licence(cast, "ben", ends_in=10)
    licence(cast, "ben", ends_in=700)
    licence(cast, "gil", ends_in=300)
    licence(cast, "dov", ends_in=-5)
    found = oversight(carla, now=now)
    assert [(row.name, row.state) for row in found.credentials] == [
        ("Dov Dale", "expired"),
        ("Ada Alder", "expiring"),
    ]
    cast.people["ada"].is_active = False
    cast.people["ada"].save()
    assert oversight(carla, now=now).credential_count == 1


def test_another_clinic_s_work_is_never_overseen() -> None:
    day = make_day()
    other = make_cast("birch")
    assert oversight(other.actor("carla", at=day.now), now=day.now).empty


@pytest.mark.parametrize("page", ["oversight", "team"])
def test_the_page_costs_the_same_for_more_of_everything(page: str) -> None:
    cast = make_cast()
    set_clock(START + days(90))
    carla = signed_in(cast, "carla")
    address, counts = reverse(f"sessions:{page}", args=[cast.clinic.slug]), []

    def more(index: int) -> None:
        enrol(cast, f"P-1{index:02}")
        someone = make_person(cast.clinic, f"Nia{index} Nettle", Role.THERAPIST)
        cast.people[f"nia{index}"] = someone
        licence(cast, f"nia{index}", ends_in=index)
        record_absence(
            actor=cast.actor("carla", at=clock.now()),
            person_id=someone.public_id,
            from_on=clock.now().date(),
            until_on=clock.now().date() + timedelta(days=5),
            stand_in=cast.id("gil"),
            now=clock.now(),
        )
        refresh_due_courses(now=clock.now())

    for index in (1, 2):
        more(index)
    carla.get(address)
    for index in (3, 4):
        with CaptureQueriesContext(connection) as captured:
            assert carla.get(address).status_code == 200
        counts.append(len(captured))
        more(index)
    assert counts[0] == counts[1]


def test_a_therapist_hands_over_and_takes_back_on_the_pages() -> None:
    cast = make_cast()
    slug, today = cast.clinic.slug, clock.now().date()
    ada = signed_in(cast, "ada")
    form = ada.get(reverse("sessions:team_hand_over", args=[slug])).context["form"]
    assert [value for value, _name in form.fields["giver"].choices] == [str(cast.id("ada"))]
    body = {
        "public_id": str(form.fields["public_id"].initial()),
        "giver": str(cast.id("ada")),
        "taker": str(cast.id("gil")),
        "from_on": today.isoformat(),
        "until_on": (today + timedelta(days=7)).isoformat(),
        "what": ["caseload", "calls"],
    }
    for _twice in range(2):
        assert ada.post(reverse("sessions:team_hand_over", args=[slug]), body).status_code == 302
    handover = Handover.objects.get()
    assert (handover.caseload, handover.calls, handover.safety_tasks) == (True, True, False)
    shown = ada.get(reverse("sessions:team", args=[slug])).content.decode()
    assert "Ada Alder → Gil Grove" in shown
    end = reverse("sessions:team_end", args=[slug, "handover", handover.public_id])
    assert signed_in(cast, "gil").post(end).status_code == 403
    assert ada.get(end).status_code == 405
    assert ada.post(end).status_code == 302
    handover.refresh_from_db()
    assert handover.ended_by == cast.people["ada"]


def test_a_supervisor_records_absences_deputies_and_credentials_on_the_pages() -> None:
    cast = make_cast()
    slug, today = cast.clinic.slug, clock.now().date()
    carla = signed_in(cast, "carla")

    def send(name: str, **body: str) -> int:
        return int(carla.post(reverse(f"sessions:{name}", args=[slug]), body).status_code)

    last = (today + timedelta(days=7)).isoformat()
    assert send("team_away", person=str(cast.id("ada")), from_on=today.isoformat(), until_on=last) == 302
    assert Absence.objects.get().recorded_by == cast.people["carla"]
    named = {"supervisor": str(cast.id("carla")), "deputy": str(cast.id("gil")), "from_on": today.isoformat()}
    assert send("team_deputy", **named) == 400, "a reason is asked for"
    assert send("team_deputy", **named, reason="She covers the summer.") == 302
    held = {
        "person": str(cast.id("ada")),
        "kind": "licence",
        "code": "psychotherapist",
        "title": "Psychotherapist",
        "valid_from": today.isoformat(),
    }
    assert send("team_credential", **held) == 400
    assert send("team_credential", **held, reason="Seen at appointment.") == 302
    assert (
        signed_in(cast, "ada").post(reverse("sessions:team_credential", args=[slug]), held).status_code == 403
    )
