"""The supervisor's page: what departs and what waits, since when, with the way to the act; and the team's."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from clinic import clock
from clinic.errors import Forbidden
from clinic.models import Absence, Credential, CredentialKind, Handover
from clinic.operations.absences import record_absence
from clinic.operations.credentials import record_credential
from clinic.permissions import Role
from sessions.models import DeviationAction, DeviationRecord, DeviationTrend, SessionRecord, StaffTask
from sessions.models.closing import ActionKind
from sessions.operations.actions import agree_action, plan_check
from sessions.operations.doses import give_dose, withhold_dose
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.reviews import send_record_for_review
from sessions.queries.followed import CAPA
from sessions.queries.oversight import oversight
from sessions.queries.tasks import tasks as task_list
from sessions.rules.facts import DosePart, Intake
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
        reason="agreed",
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
        reason="agreed",
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


def test_the_seven_things_a_supervisor_oversees_are_each_there_with_since_when_and_a_way_that_opens() -> None:
    """None of the lists is empty here: the queue, deviations, courses off track, overdue follow-ups,
    credentials that end, drug variances, safety."""
    day: ClinicDay = make_day()
    cast = day.cast
    record = SessionRecord.objects.get(course=day.late, key="preparation.1")
    send_record_for_review(actor=cast.actor("ada", at=day.now), record_id=record.public_id, now=day.now)
    licence(cast, "ada", ends_in=20)
    withhold_dose(
        actor=cast.actor("ada", at=day.now),
        record_id=day.record.public_id,
        part=DosePart.SUPPLEMENT,
        reason="Blood pressure.",
        occurred_at=day.now,
        now=day.now,
    )
    later = day.now + days(28)
    set_clock(later)
    refresh_due_courses(now=later)
    client = signed_in(cast, "carla")
    page = client.get(reverse("sessions:oversight", args=[cast.clinic.slug]))
    view, body = page.context["view"], " ".join(page.content.decode().split())

    def to(name: str, *args: object) -> str:
        return reverse(f"sessions:{name}", args=[cast.clinic.slug, *args])

    ways: dict[str, list[tuple[str, Any]]] = {
        "queue": [(to("review", one.submission_id), one.submitted_at) for one in view.reviews],
        "deviations": [(to("deviation", one.deviation_id), one.since) for one in view.deviations],
        "off track": [(to("chart", one.course_id), one.since) for one in view.off_track],
        "follow-ups": [(to("chart", one.course_id), one.since) for one in view.follow_ups],
        "credentials": [
            (f"{to('team_credential')}?person={one.person_id}", one.valid_until) for one in view.credentials
        ],
        "safety": [(to("task", one.task_id), one.opened_at) for one in view.safety],
    }
    for what, found in ways.items():
        assert found, what
        for way, since in found:
            assert way in body and client.get(way).status_code == 200, (what, way)
            day_of_it = localtime(since, cast.clinic.zone_info) if isinstance(since, datetime) else since
            assert date_format(day_of_it, "j M") in body, what
    (withheld,) = view.variances.rows
    way = to("session", withheld.record_id)
    assert withheld.since == day.now and way in body and client.get(way).status_code == 200
    ages = [(not one.important, one.since) for one in view.deviations]
    assert ages == sorted(ages), "important ones first, then the oldest"


def vomited(day: ClinicDay, *, minutes: int = 100) -> None:
    at = day.record.started_at + timedelta(minutes=minutes)
    give_dose(
        actor=day.cast.actor("ada", at=day.now),
        record_id=day.record.public_id,
        part=DosePart.SUPPLEMENT,
        amount=Decimal(40),
        intake=Intake.VOMITED,
        checked_by=day.cast.id("ben"),
        occurred_at=at,
        confirmed=frozenset({"gate:vitals.before_supplement@dosing.1"}),
        now=day.now,
    )


def test_drug_variances_are_doses_off_the_protocol_withheld_and_not_taken_in_full() -> None:
    day = make_day()
    carla = day.cast.actor("carla", at=day.now)
    before = oversight(carla, now=day.now)
    assert (before.variances.withheld, before.variances.wasted) == (0, 0)
    withhold_dose(
        actor=day.cast.actor("ada", at=day.now),
        record_id=day.record.public_id,
        part=DosePart.SUPPLEMENT,
        reason="Blood pressure.",
        occurred_at=day.now,
        now=day.now,
    )
    found = oversight(carla, now=day.now).variances
    assert (found.withheld, found.wasted) == (1, 0)
    (row,) = found.rows
    assert (row.patient, row.words, row.why, row.by, row.since) == (
        "P-002",
        "withheld",
        "Blood pressure.",
        "Ada Alder",
        day.now,
    )
    vomited(day)
    found = oversight(carla, now=day.now).variances
    assert (found.withheld, found.wasted) == (1, 1)
    assert {row.words for row in found.rows} == {"withheld", "taken, then vomited"}
    body = signed_in(day.cast, "carla").get(reverse("sessions:oversight", args=[day.cast.clinic.slug]))
    assert reverse("sessions:session", args=[day.cast.clinic.slug, day.record.public_id]) in (
        body.content.decode()
    )
    later = day.now + timedelta(days=31)
    assert oversight(day.cast.actor("carla", at=later), now=later).variances.count == 0


def agreed(day: ClinicDay, rows: list[DeviationRecord]) -> None:
    """An action for each, and a check whether those before it worked."""
    carla = day.cast.actor("carla", at=day.now)
    for row in rows:
        agree_action(
            actor=carla,
            deviation_id=row.public_id,
            kind=ActionKind.PREVENTIVE,
            what=f"Put {row.key} on the list.",
            owner=day.cast.id("ada"),
            due_on=day.now.date() + timedelta(days=9),
            now=day.now,
        )
        plan_check(
            actor=carla,
            deviation_id=row.public_id,
            check_on=day.now.date() + timedelta(days=30),
            comment="None missed.",
            now=day.now,
        )


def of_late(day: ClinicDay) -> list[DeviationRecord]:
    return list(DeviationRecord.objects.filter(course=day.late, reviewed_at=None).order_by("pk"))


def test_an_agreed_action_names_the_deviation_it_belongs_to_and_open_trends_are_counted() -> None:
    day = make_day()
    cast, slug = day.cast, day.cast.clinic.slug
    agreed(day, of_late(day)[:1])
    client = signed_in(cast, "carla")
    page = client.get(reverse("sessions:oversight", args=[slug]))
    view, body = page.context["view"], page.content.decode()
    waiting = StaffTask.objects.filter(done_at=None, kind__in=["deviation_action", "effectiveness_check"])
    assert view.action_count == waiting.count() == len(view.actions) == 2
    assert [one.to_do for one in view.actions] == [DeviationAction.objects.get().what, ""]
    for one in view.actions:
        assert one.deviation_id == DeviationAction.objects.get().deviation.public_id
        assert reverse("sessions:deviation", args=[slug, one.deviation_id]) in body
        assert one.deviation in body and one.task.opened_at is not None
    assert {one.deviation for one in view.actions} == {
        row.about for row in task_list(cast.actor("carla", at=day.now), now=day.now) if row.kind in CAPA
    }, "the list of tasks names it, too"
    assert view.trend_count == DeviationTrend.objects.filter(closed_at=None).count() > 0
    for trend in view.trends:
        assert reverse("sessions:trend", args=[slug, trend.trend_id]) in body and trend.raised_at


def test_who_may_review_finds_the_queue_in_the_menu_and_nobody_else() -> None:
    cast = make_cast()
    queue = reverse("sessions:review_queue", args=[cast.clinic.slug])
    for name, sees in (("carla", True), ("ada", False), ("dov", False), ("eve", False), ("finn", False)):
        body = signed_in(cast, name).get(reverse("sessions:today", args=[cast.clinic.slug])).content.decode()
        assert (f'href="{queue}"' in body) is sees, name


def test_the_page_costs_the_same_for_more_trends_actions_and_variances() -> None:
    day = make_day()
    carla = signed_in(day.cast, "carla")
    agreed(day, of_late(day)[:1])
    address, counts = reverse("sessions:oversight", args=[day.cast.clinic.slug]), []
    withhold_dose(
        actor=day.cast.actor("ada", at=day.now),
        record_id=day.record.public_id,
        part=DosePart.SUPPLEMENT,
        reason="Blood pressure.",
        occurred_at=day.now,
        now=day.now,
    )
    carla.get(address)
    for again in (False, True):
        if again:
            vomited(day)
            agreed(day, of_late(day)[1:4])
        with CaptureQueriesContext(connection) as captured:
            view = carla.get(address).context["view"]
        counts.append((len(captured), view.action_count, view.variances.count))
    assert counts[0][0] == counts[1][0]
    assert counts[1][1] > counts[0][1] and counts[1][2] > counts[0][2]


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
            reason="agreed",
            now=clock.now(),
        )
        refresh_due_courses(now=clock.now())

    for index in (1, 2, 3):  # three of the same make a trend: what is compared has some of everything
        more(index)
    carla.get(address)
    for index in (4, 5):
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
        "usual": "workload",
    }
    for _twice in range(2):
        assert ada.post(reverse("sessions:team_hand_over", args=[slug]), body).status_code == 302
    handover = Handover.objects.get()
    assert (handover.caseload, handover.calls, handover.safety_tasks) == (True, True, False)
    shown = ada.get(reverse("sessions:team", args=[slug])).content.decode()
    assert "Ada Alder → Gil Grove" in shown
    end = reverse("sessions:team_handover_end", args=[slug, handover.public_id])
    assert signed_in(cast, "gil").post(end, {"usual": "over"}).status_code == 403
    assert ada.get(end).status_code == 200
    assert ada.post(end, {"usual": "over"}).status_code == 302
    handover.refresh_from_db()
    assert handover.ended_by == cast.people["ada"]


def test_a_supervisor_records_absences_deputies_and_credentials_on_the_pages() -> None:
    cast = make_cast()
    slug, today = cast.clinic.slug, clock.now().date()
    carla = signed_in(cast, "carla")

    def send(name: str, **body: str) -> int:
        return int(carla.post(reverse(f"sessions:{name}", args=[slug]), body).status_code)

    last = (today + timedelta(days=7)).isoformat()
    away = {"person": str(cast.id("ada")), "from_on": today.isoformat(), "until_on": last}
    assert send("team_away", **away) == 400, "a reason is asked for"
    assert send("team_away", **away, usual="leave") == 302
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
    page = carla.get(reverse("sessions:team_credential", args=[slug])).content.decode()
    assert "mdma_therapy (Training in MDMA-assisted therapy)" in page, "the code that the protocol asks for"
    assert send("team_credential", **held) == 400
    assert send("team_credential", **held, reason="Seen at appointment.") == 302
    assert (
        signed_in(cast, "ada").post(reverse("sessions:team_credential", args=[slug]), held).status_code == 403
    )
