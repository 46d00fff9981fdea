"""The admin of the sessions tables, by role: who sees whom, and that nothing clinical is changed there."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from clinic.admin.house import ClinicForm
from clinic.models import ChangeReason, Event, Membership
from sessions.admin.caseload import CaseloadAdmin
from sessions.models import CareTeamMember, FactRecord, NoteRecord
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast
from tests.support.clinic_day import ClinicDay, make_day, set_clock

pytestmark = pytest.mark.django_db

TABLES = sorted(
    model._meta.model_name or ""
    for model in apps.get_app_config("therapy_sessions").get_models()
    if isinstance(admin.site._registry.get(model), CaseloadAdmin)
)


@pytest.fixture
def day(db: None) -> ClinicDay:
    return make_day()


def signed_in(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name])
    return client


def listed(client: Client, table: str) -> Any:
    return client.get(reverse(f"admin:therapy_sessions_{table}_changelist"))


def opened(client: Client, row: Any) -> int:
    name = f"admin:therapy_sessions_{row._meta.model_name}_change"
    return int(client.get(reverse(name, args=[row.pk])).status_code)


def test_a_therapist_reads_their_caseload_and_a_supervisor_their_clinic(day: ClinicDay) -> None:
    for name in ("ada", "carla"):
        client = signed_in(day.cast, name)
        for table in TABLES:
            assert listed(client, table).status_code == 200, (name, table)
        assert "P-001" in listed(client, "patient").content.decode()
        assert opened(client, day.late) == 200


def test_who_looks_after_nobody_and_who_administers_see_no_patient(day: ClinicDay) -> None:
    for name in ("gil", "finn"):
        client = signed_in(day.cast, name)
        for table in TABLES:
            assert listed(client, table).status_code == 403, (name, table)
        assert opened(client, day.late) in (302, 403, 404)


def test_a_coordinator_sees_patients_and_bookings_but_not_the_chart(day: ClinicDay) -> None:
    eve = signed_in(day.cast, "eve")
    assert listed(eve, "patient").status_code == 200
    assert listed(eve, "sessionbooking").status_code == 200
    for table in ("factrecord", "noterecord", "sessionrecord", "courserequirement", "deviationrecord"):
        assert listed(eve, table).status_code == 403


def test_another_clinic_s_supervisor_sees_nothing_of_this_one(day: ClinicDay) -> None:
    other = make_cast("birch")
    Membership.objects.filter(clinic=day.cast.clinic, person=other.people["carla"]).delete()
    carla = signed_in(other, "carla")
    for table in TABLES:
        assert b"P-001" not in listed(carla, table).content
    assert opened(carla, day.late) in (302, 403, 404)


def test_nothing_clinical_is_added_changed_or_deleted(day: ClinicDay) -> None:
    carla = signed_in(day.cast, "carla")
    rows = [FactRecord.objects.first(), NoteRecord.objects.first(), day.late, day.record]
    for table in TABLES:
        if table != "careteammember":
            assert carla.get(reverse(f"admin:therapy_sessions_{table}_add")).status_code == 403, table
    for row in rows:
        assert row is not None
        for act in ("change", "delete"):
            address = reverse(f"admin:therapy_sessions_{row._meta.model_name}_{act}", args=[row.pk])
            assert carla.post(address, {"post": "yes"}).status_code == 403
    day.late.refresh_from_db()
    assert day.late.status == "active"


def test_a_supervisor_assigns_a_care_team_through_the_operation(day: ClinicDay) -> None:
    body = {
        "course": day.new.pk,
        "person": day.cast.people["gil"].pk,
        "team_role": "co_therapist",
        "reason": "He is back.",
    }
    address = reverse("admin:therapy_sessions_careteammember_add")
    assert signed_in(day.cast, "ada").post(address, body).status_code == 403
    before = clock.now()
    assert signed_in(day.cast, "carla").post(address, body).status_code == 302
    now_there = CareTeamMember.objects.filter(course=day.new, team_role="co_therapist", until_at=None)
    assert [member.person for member in now_there] == [day.cast.people["gil"]]
    assert Event.objects.filter(verb="care_team_changed", recorded_at__gte=before).count() == 1


def test_nobody_of_another_clinic_can_be_put_on_a_care_team(day: ClinicDay) -> None:
    from clinic.permissions import Role
    from tests.support.cast import make_clinic, make_person

    stranger = make_person(make_clinic("birch"), "Hana Hazel", Role.THERAPIST)
    body = {"course": day.new.pk, "person": stranger.pk, "team_role": "co_therapist", "reason": "He is back."}
    address = reverse("admin:therapy_sessions_careteammember_add")
    response = signed_in(day.cast, "carla").post(address, body)
    assert response.status_code == 200
    assert b"errorlist" in response.content
    assert not CareTeamMember.objects.filter(person=stranger).exists()


@pytest.mark.parametrize("table", ["course", "patient", "careteammember", "factrecord"])
def test_a_list_costs_the_same_for_more_rows(db: None, table: str) -> None:
    cast, counts = make_cast(), []
    set_clock(START + days(1))
    fill_chart(cast, enrol(cast), now=START)
    carla = signed_in(cast, "carla")
    listed(carla, table)
    for code in ("P-002", "P-003"):
        with CaptureQueriesContext(connection) as captured:
            assert listed(carla, table).status_code == 200
        counts.append(len(captured))
        fill_chart(cast, enrol(cast, code), now=START)
    assert counts[0] == counts[1]


def test_an_administrator_changes_roles_only_with_a_reason_that_stands_beside_the_event(db: None) -> None:
    cast = make_cast()
    gil = Membership.objects.get(person=cast.people["gil"])
    body = {"roles": ["therapist", "supervisor"], "from_on": "2020-01-01", "until_on": ""}
    address = reverse("admin:clinic_membership_change", args=[gil.pk])
    finn = signed_in(cast, "finn")
    assert finn.post(address, body).status_code == 200
    gil.refresh_from_db()
    assert gil.roles == ["therapist"], "without a reason nothing changes"
    assert finn.post(address, {**body, "reason": "Dr Moss has retired."}).status_code == 302
    gil.refresh_from_db()
    assert set(gil.roles) == {"therapist", "supervisor"}
    assert ChangeReason.objects.get(event__verb="membership_changed").text == "Dr Moss has retired."
    outside = {**body, "roles": ["outside_reviewer"], "reason": "Invited."}
    assert finn.post(address, outside).status_code == 200, (
        "somebody from outside is invited to courses instead"
    )


def test_rooms_clinics_and_care_teams_change_only_with_a_reason(day: ClinicDay) -> None:
    cast = day.cast
    room, finn = cast.rooms["blue"], signed_in(cast, "finn")
    address = reverse("admin:clinic_room_change", args=[room.pk])
    assert finn.post(address, {"name": "Green room"}).status_code == 200
    assert finn.post(address, {"name": "Green room", "reason": "Painted."}).status_code == 302
    assert ChangeReason.objects.get(event__verb="room_changed").text == "Painted."
    team = reverse("admin:therapy_sessions_careteammember_add")
    body = {"course": day.new.pk, "person": cast.people["gil"].pk, "team_role": "co_therapist"}
    assert signed_in(cast, "carla").post(team, body).status_code == 200
    assert signed_in(cast, "carla").post(team, {**body, "reason": "Ben is ill."}).status_code == 302
    assert ChangeReason.objects.get(event__verb="care_team_changed").text == "Ben is ill."
    assert "reason" in finn.get(reverse("admin:clinic_clinic_change", args=[cast.clinic.pk])).content.decode()


def test_each_setting_of_a_clinic_stands_on_its_page_once_under_what_it_is_about(db: None) -> None:
    cast = make_cast()
    finn = signed_in(cast, "finn")
    page = finn.get(reverse("admin:clinic_clinic_change", args=[cast.clinic.pk]))
    shown = [name for fieldset in page.context["adminform"] for line in fieldset for name in line.fields]
    assert sorted(shown) == sorted({*ClinicForm.base_fields, "slug", "zone"})
    assert "<h2" in page.content.decode() and "Messages to patients" in page.content.decode()
