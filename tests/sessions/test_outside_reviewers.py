"""Who may review whose work: nobody their own, a warning where nobody can, and somebody invited from outside
to named courses until a date, who sees those and nothing else."""

from __future__ import annotations

import html
import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test import Client
from django.urls import resolve, reverse

from clinic import clock
from clinic.actors import Actor, as_actor
from clinic.errors import BadInput, Forbidden, NotFound, NotNow
from clinic.models import Event, Membership, Person
from clinic.operations.people import change_membership
from clinic.permissions import Permission, Role, allows
from clinic.rules.wall_time import start_of_day
from sessions.models import Course, DeviationRecord, ReviewInvitation, SessionRecord, SignatureRecord
from sessions.models.courses import TeamRole
from sessions.operations.enrolment import change_care_team
from sessions.operations.entering import log_session
from sessions.operations.inviting import end_invitation, invite_reviewer
from sessions.operations.review import review_deviation
from sessions.operations.reviews import send_record_for_review
from sessions.operations.signing import sign_record
from sessions.permissions import subject_of
from sessions.queries import courses as course_queries
from sessions.queries.reviewers import nobody_reviews, reviewers_here
from tests.sessions.api.caller import Caller, calls, iso, new_id
from tests.support.cast import PASSWORD, START, Cast, days, enrol, fill_chart, make_cast, make_patient
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
            "reason": "agreed",
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
        {"team_role": "co_therapist", "person_id": str(cast.id("gil")), "reason": "Ben moves."},
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
        Permission.EXPORT_REPORT,
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
    end_invitation(
        actor=cast.actor("carla", at=day.now),
        invitation_id=invitation.public_id,
        reason="agreed",
        now=day.now,
    )
    with pytest.raises(NotFound):
        review_deviation(
            actor=rita(cast, at=day.now),
            deviation_id=row.public_id,
            comment="Again.",
            now=day.now,
        )


def test_an_outside_reviewer_co_signs_the_named_courses_until_the_day_and_nothing_else(
    cast: Cast, course: Course
) -> None:
    other = enrol(cast, "P-002")
    held = {}
    for one in (course, other):
        for key, at in (("preparation.1", START + days(7)), ("preparation.2", START + days(12))):
            fill_chart(cast, one, now=START)
            record = log_session(
                actor=cast.actor("ada", at=at),
                course_id=one.public_id,
                key=key,
                started_at=at - timedelta(hours=2),
                ended_at=at - timedelta(hours=1),
                staff=[cast.id("ben")],
                note="We talked about fear.",
                now=at,
            )
            sign_record(actor=cast.actor("ada", at=at), record_id=record.public_id, now=at)
            held[one, key] = record
    last = (START + days(13)).date()
    invited(cast, course, until_on=last)

    def co_sign(one: Course, key: str, *, at: datetime, meaning: str = "reviewer") -> SignatureRecord:
        record_id = held[one, key].public_id
        return sign_record(actor=rita(cast, at=at), record_id=record_id, meaning=meaning, now=at)

    ends = start_of_day(last + timedelta(days=1), cast.clinic.zone_info)
    signature = co_sign(course, "preparation.1", at=ends - timedelta(seconds=1))
    assert (signature.printed_name, signature.role, signature.meaning) == (
        "Rita Rowan",
        "outside_reviewer",
        "reviewer",
    )
    with pytest.raises(NotFound):
        co_sign(other, "preparation.1", at=START + days(13))
    with pytest.raises(NotFound):
        co_sign(course, "preparation.2", at=ends)
    for meaning in ("author", "contributor"):
        with pytest.raises(Forbidden):
            co_sign(course, "preparation.2", at=START + days(13), meaning=meaning)
    assert SignatureRecord.objects.filter(printed_name="Rita Rowan").count() == 1


def test_an_outside_reviewer_co_signs_on_the_page_with_their_password(cast: Cast, course: Course) -> None:
    now, slug = clock.now(), cast.clinic.slug
    fill_chart(cast, course, now=START)
    record = log_session(
        actor=cast.actor("ada", at=now),
        course_id=course.public_id,
        key="preparation.1",
        started_at=now - timedelta(hours=2),
        ended_at=now - timedelta(hours=1),
        staff=[cast.id("ben")],
        note="We talked about fear.",
        now=now,
    )
    sign_record(actor=cast.actor("ada", at=now), record_id=record.public_id, now=now)
    sent = send_record_for_review(actor=cast.actor("ada", at=now), record_id=record.public_id, now=now)
    invited(cast, course, actor=cast.actor("carla", at=now), now=now, until_on=now.date() + days(5))
    person = Person.objects.get(email="rita@example.org")
    person.set_password(PASSWORD)
    person.save()
    client = Client()
    client.force_login(person)
    address = reverse("sessions:review", args=[slug, sent.public_id])
    assert address in client.get(reverse("sessions:review_queue", args=[slug])).content.decode()
    assert reverse("sessions:co_sign", args=[slug, sent.public_id]) in client.get(address).content.decode()
    assert client.post(f"{address}co-sign/", {"password": "wrong"}).status_code == 400
    assert client.post(f"{address}co-sign/", {"password": PASSWORD}).status_code == 302
    assert SignatureRecord.objects.get(person=person).meaning == "reviewer"
    assert address not in client.get(reverse("sessions:review_queue", args=[slug])).content.decode()


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
        "contact", "assessment", "consent", "result", "medicine", "adverse-event", "weight", "escort", "book",
        "start", "start-dosing", "log", "unscheduled", "not-done", "hold", "deviation-enter", "reach",
        "release", "psychotherapy-note", "session-error", "wording", "dry-run",
    }, "no form to enter anything"  # fmt: skip


def test_every_link_and_form_shown_to_an_outside_reviewer_is_theirs_to_use() -> None:
    day = make_day()
    cast, today = day.cast, clock.now()
    held = SessionRecord.objects.get(course=day.late, key="preparation.2")
    sent = send_record_for_review(actor=cast.actor("ada", at=today), record_id=held.public_id, now=today)
    invited(
        cast,
        day.late,
        day.new,
        actor=cast.actor("carla", at=today),
        now=today,
        until_on=today.date() + timedelta(days=9),
    )
    client = Client()
    client.force_login(Person.objects.get(email="rita@example.org"))
    slug = cast.clinic.slug
    pages = {
        **addresses(day),
        "review": reverse("sessions:review", args=[slug, sent.public_id]),
        "outcomes": reverse("sessions:outcomes", args=[slug]),
        "chart-new": reverse("sessions:chart", args=[slug, day.new.public_id]),
    }
    links: dict[str, str] = {}
    forms: dict[str, str] = {}
    for name, address in pages.items():
        response = client.get(address)
        if response.status_code != 200:
            continue
        body = response.content.decode()
        for found in re.findall(r'href="(/c/[^"#?]*)', body):
            links.setdefault(html.unescape(found), name)
        for form in re.findall(r"<form[^>]*method=\"post\"[^>]*>", body):
            action = re.search(r'action="([^"]*)"', form)
            where = html.unescape(action[1]) if action else address.partition("?")[0]
            if "/accounts/" not in where:
                forms.setdefault(where, name)
    closed = {
        (page, resolve(link).url_name)
        for link, page in links.items()
        if client.get(link).status_code not in (200, 302)
    }
    refused = {
        (page, resolve(form).url_name)
        for form, page in forms.items()
        if client.post(form, {}).status_code in (403, 404, 405)
    }
    assert sorted(closed) == []
    assert sorted(refused) == []
    assert {reverse("sessions:review_queue", args=[slug]), pages["chart-new"]} <= set(links)
    assert reverse("sessions:return_record", args=[slug, sent.public_id]) in forms


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
            reason="agreed",
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
            reason="agreed",
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
            reason="agreed",
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
