"""Who may review whose work: nobody their own, a warning where nobody can, and somebody invited from outside
to named courses until a date, who sees those and nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test import Client
from django.urls import reverse

from clinic import clock
from clinic.actors import Actor, as_actor
from clinic.errors import BadInput, Forbidden, NotFound, NotNow
from clinic.models import Event, Membership, Person
from clinic.operations.people import change_membership
from clinic.permissions import Permission, Role, allows
from clinic.rules.wall_time import start_of_day
from sessions.models import Course, DeviationRecord, ReviewInvitation
from sessions.models.courses import TeamRole
from sessions.operations.enrolment import change_care_team
from sessions.operations.inviting import end_invitation, invite_reviewer
from sessions.operations.review import review_deviation
from sessions.permissions import subject_of
from sessions.queries import courses as course_queries
from sessions.queries.reviewers import nobody_reviews, reviewers_here
from tests.sessions.api.caller import Caller, calls, iso, new_id
from tests.support.cast import START, Cast, days, enrol, make_cast, make_patient
from tests.support.clinic_day import addresses, make_day

pytestmark = pytest.mark.django_db

LAST = date(2027, 3, 14)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


def invited(cast: Cast, *courses: Course, **changed: Any) -> list[ReviewInvitation]:
    return invite_reviewer(
        actor=changed.pop("actor", cast.actor("carla")),
        now=changed.pop("now", START),
        **{
            "email": "rita@example.org",
            "printed_name": "Rita Rowan",
            "course_ids": [course.public_id for course in courses],
            "until_on": LAST,
            **changed,
        },
    )


def rita(cast: Cast, *, at: Any = START) -> Actor:
    return as_actor(
        Membership.objects.standing_at(at).get(clinic=cast.clinic, person__email="rita@example.org"), at=at
    )


# --- nobody may review --------------------------------------------------------------------------------------


def test_nobody_reviews_what_the_only_supervisor_does_on_her_own_team(cast: Cast, course: Course) -> None:
    assert nobody_reviews(course, now=START) == ["Carla Cedar"]
    assert reviewers_here(cast.actor("eve"), now=START) == ["Carla Cedar"]
    Membership.objects.filter(person=cast.people["gil"]).update(roles=["supervisor"])
    assert nobody_reviews(course, now=START) == []


def test_enrolling_warns_when_nobody_may_review_and_still_enrols(cast: Cast) -> None:
    Membership.objects.filter(person=cast.people["carla"]).update(roles=["therapist"])
    now = clock.now()
    patient = make_patient(cast, now=now)
    assert cast.version is not None
    body = {
        "id": new_id(),
        "patient_id": str(patient.public_id),
        "protocol_version_id": str(cast.version.public_id),
        "team": {"lead_therapist": str(cast.id("ada")), "co_therapist": str(cast.id("ben"))},
        "enrolled_at": iso(now),
    }
    answer = calls(cast, "eve").post("enrol_patient", body)
    assert answer.status_code == 201, answer.content
    assert answer.json()["nobody_reviews"] == ["Ada Alder", "Ben Birch"]
    page = Client()
    page.force_login(cast.people["eve"])
    shown = page.get(reverse("sessions:enrol", args=[cast.clinic.slug])).content.decode()
    assert "Nobody in this clinic may review" in shown


def test_enrolling_warns_of_nobody_where_two_supervise(cast: Cast, course: Course) -> None:
    Membership.objects.filter(person=cast.people["gil"]).update(roles=["supervisor"])
    answer = calls(cast, "eve").post(
        "change_care_team",
        {"team_role": "co_therapist", "person_id": str(cast.id("gil"))},
        course=course.public_id,
    )
    assert answer.status_code == 200 and answer.json()["nobody_reviews"] == []


# --- from outside -------------------------------------------------------------------------------------------


def test_an_outside_reviewer_sees_the_named_course_until_the_day_is_over(cast: Cast, course: Course) -> None:
    other = enrol(cast, "P-002")
    invited(cast, course)
    ends = start_of_day(LAST + timedelta(days=1), cast.clinic.zone_info)
    instant = timedelta(microseconds=1)
    for at, sees in ((START - instant, False), (START, True), (ends - instant, True), (ends, False)):
        reviewer = rita(cast, at=at)
        assert list(course_queries.courses_for(reviewer, Permission.VIEW_CHART)) == ([course] if sees else [])
        assert allows(reviewer, Permission.CO_SIGN_RECORD, subject_of(course)) is sees
        assert not allows(reviewer, Permission.VIEW_PATIENT, subject_of(other))


def test_an_outside_reviewer_reads_and_judges_and_does_nothing_else(cast: Cast, course: Course) -> None:
    invited(cast, course)
    subject = subject_of(course, author_id=cast.people["ada"].pk)
    may = {one for one in Permission if allows(rita(cast), one, subject)}
    assert may == {
        Permission.VIEW_PATIENT,
        Permission.VIEW_CHART,
        Permission.VIEW_DEVIATIONS,
        Permission.VIEW_ADHERENCE,
        Permission.REVIEW_DEVIATION,
        Permission.CO_SIGN_RECORD,
    }
    reviewer = rita(cast)
    own = subject_of(course, author_id=reviewer.person_id)
    assert not allows(reviewer, Permission.CO_SIGN_RECORD, own), "nobody their own"


def test_an_outside_reviewer_reviews_a_deviation_of_their_course() -> None:
    day = make_day()
    cast = day.cast
    row = DeviationRecord.objects.filter(course=day.late).first()
    assert row is not None
    invited(
        cast, day.late, actor=cast.actor("carla", at=day.now), now=day.now, until_on=day.now.date() + days(9)
    )
    review = review_deviation(
        actor=rita(cast, at=day.now), deviation_id=row.public_id, comment="Seen.", now=day.now
    )
    assert review.reviewer.printed_name == "Rita Rowan"
    invitation = ReviewInvitation.objects.get()
    end_invitation(actor=cast.actor("carla", at=day.now), invitation_id=invitation.public_id, now=day.now)
    with pytest.raises(NotFound):
        review_deviation(
            actor=rita(cast, at=day.now),
            deviation_id=row.public_id,
            comment="Again.",
            now=day.now,
        )


def test_no_page_shows_an_outside_reviewer_anybody_else() -> None:
    day = make_day()
    cast = day.cast
    today = clock.now()
    invited(
        cast,
        day.late,
        actor=cast.actor("carla", at=today),
        now=today,
        until_on=today.date() + timedelta(days=9),
    )
    client = Client()
    client.force_login(Person.objects.get(email="rita@example.org"))
    others = [day.dosing.patient, day.new.patient]
    open_pages = set()
    for name, address in addresses(day).items():
        response = client.get(address)
        body = response.content.decode()
        if response.status_code == 200:
            open_pages.add(name)
        for patient in others:
            assert patient.code not in body and patient.family_name not in body, name
        for colleague in ("Gil Grove", "Finn Fir"):
            assert colleague not in body, (name, "who works here is not theirs to see")

    assert {"chart", "deviation", "board-ended", "deviations"} <= open_pages
    assert not open_pages & {
        "enrol", "team", "team-away", "team-hand-over", "task", "chart-new", "chart-dosing", "board",
    }  # fmt: skip


def test_an_outside_reviewer_is_told_nothing_of_the_clinic_by_the_api(cast: Cast, course: Course) -> None:
    now = clock.now()
    invited(cast, course, actor=cast.actor("carla", at=now), now=now, until_on=now.date() + days(5))
    caller = Caller(slug=cast.clinic.slug, person=Person.objects.get(email="rita@example.org"))
    for name in ("people", "rooms", "team", "oversight"):
        assert caller.get(name).status_code == 404, name
    assert caller.get("chart", course=course.public_id).status_code == 200
    assert caller.get("tasks").json()["items"] == []


def test_an_invitation_in_one_clinic_opens_nothing_in_another(cast: Cast, course: Course) -> None:
    other = make_cast("birch")
    theirs = enrol(other, "P-001")
    invited(cast, course)
    invited(other, theirs, until_on=START.date() + days(1))
    assert list(course_queries.courses_for(rita(cast))) == [course]
    assert list(course_queries.courses_for(rita(other))) == [theirs]
    later = START + days(3)
    assert list(course_queries.courses_for(rita(other, at=later))) == []
    for name in ("carla", "eve"):
        Membership.objects.filter(clinic=cast.clinic, person=other.people[name]).delete()
    with pytest.raises(NotFound):
        invited(other, course)
    with pytest.raises(NotFound):
        end_invitation(
            actor=other.actor("carla"),
            invitation_id=ReviewInvitation.objects.get(course=course).public_id,
            now=START,
        )


def test_asked_again_an_invitation_is_longer_or_shorter_and_never_twice(cast: Cast, course: Course) -> None:
    first, again = invited(cast, course), invited(cast, course)
    assert first == again
    invited(cast, course, until_on=LAST - timedelta(days=3), now=START + timedelta(hours=1))
    at = START + days(11)
    assert list(course_queries.courses_for(rita(cast, at=at))) == []
    assert ReviewInvitation.objects.filter(until_at__gt=START + timedelta(hours=1)).count() == 1
    assert Event.objects.filter(verb="reviewer_invited").count() == 2


@pytest.mark.parametrize("who", ["ada", "dov", "eve", "finn", "gil"])
def test_only_a_supervisor_invites(cast: Cast, course: Course, who: str) -> None:
    with pytest.raises((Forbidden, NotFound)):
        invited(cast, course, actor=cast.actor(who))
    assert not Person.objects.filter(email="rita@example.org").exists()


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"email": "ada@example.org"}, NotNow),
        ({"email": "nobody"}, BadInput),
        ({"printed_name": " "}, BadInput),
        ({"until_on": date(2027, 2, 1)}, BadInput),
    ],
    ids=["works here", "no address", "no name", "over already"],
)
def test_what_makes_no_invitation_is_refused(
    cast: Cast, course: Course, wrong: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        invited(cast, course, **wrong)
    assert not ReviewInvitation.objects.exists()


def test_an_outside_reviewer_is_never_on_a_care_team_nor_given_the_role_by_hand(
    cast: Cast, course: Course
) -> None:
    invited(cast, course)
    person = Person.objects.get(email="rita@example.org")
    with pytest.raises(BadInput):
        change_care_team(
            actor=cast.actor("carla"),
            course_id=course.public_id,
            team_role=TeamRole.CO_THERAPIST,
            person_id=person.public_id,
            now=START,
        )
    ada = Membership.objects.get(person=cast.people["ada"])
    with pytest.raises(BadInput):
        change_membership(
            actor=cast.actor("finn"),
            membership_id=ada.pk,
            roles=[Role.THERAPIST, Role.OUTSIDE_REVIEWER],
            from_on=ada.from_on,
            until_on=None,
            now=START,
        )


def test_no_sql_rewrites_who_was_invited(cast: Cast, course: Course) -> None:
    invited(cast, course)
    for statement in (
        "DELETE FROM therapy_sessions_reviewinvitation",
        "UPDATE therapy_sessions_reviewinvitation SET until_on = '2099-01-01'",
    ):
        with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
            connection.cursor().execute(statement)
