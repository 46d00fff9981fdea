"""A patient's concern about their care reaches somebody outside the team, by a clock, and nobody in it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from clinic import clock
from clinic.errors import Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Clinic, Event, Message
from clinic.operations.clock import move_clock
from sessions.models import CareConcern, CareConcernStep, Course, StaffTask
from sessions.operations.booking import book_session
from sessions.operations.care_concerns import act_on_concern, concern_still_wanted, raise_concern
from sessions.operations.rendering import link_address
from sessions.queries.care_concerns import care_concern, care_concerns
from tests.support.cast import Cast, days, enrol, make_cast

pytestmark = pytest.mark.django_db

WORDS = "I was not asked before my hand was held."


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def cast(now: datetime) -> Cast:
    return make_cast(now=now)


@pytest.fixture
def course(cast: Cast, now: datetime) -> Course:
    return enrol(cast, now=now)


@pytest.fixture
def token(cast: Cast, course: Course, now: datetime) -> str:
    book_session(
        actor=cast.actor("eve", at=now),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=now + days(10),
        confirmed=frozenset({"outside-window"}),
        now=now,
    )
    message = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").earliest("send_at")
    return link_address(message=message, course=course).rstrip("/").rsplit("/", 1)[-1]


def sign_in(client: Client, cast: Cast, name: str) -> Client:
    client.force_login(cast.people[name])
    return client


def test_a_concern_reaches_the_named_person_at_once_and_their_cover_when_nobody_acts(
    cast: Cast, course: Course, token: str, now: datetime
) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(concern_person=cast.people["finn"])
    concern = raise_concern(token=token, text=WORDS, now=now)
    assert concern.handler == cast.people["finn"] and concern.cover is not None
    assert concern.act_by == now + timedelta(hours=cast.clinic.concern_hours)
    told = {m.data["person"]: m for m in Message.objects.filter(purpose="care_concern")}
    assert told[concern.handler_id].send_at == now
    assert told[concern.cover_id].send_at == concern.act_by
    messages = list(told.values())
    assert set(concern_still_wanted(messages, now).values()) == {None}
    act_on_concern(
        actor=cast.actor("finn", at=now),
        concern_id=concern.public_id,
        text="Rang them.",
        closes=True,
        now=now,
    )
    assert set(concern_still_wanted(messages, now).values()) == {"concern_closed"}


def test_a_named_person_who_is_in_the_patients_team_does_not_hear_it(
    cast: Cast, course: Course, token: str, now: datetime
) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(concern_person=cast.people["carla"])
    concern = raise_concern(token=token, text=WORDS, now=now)
    team = {cast.people[name].pk for name in ("ada", "ben", "carla", "dov")}
    assert concern.handler_id not in team and concern.cover_id not in team


def test_nobody_else_sees_it_in_any_page_task_event_or_message(
    client: Client, cast: Cast, course: Course, token: str, now: datetime
) -> None:
    concern = raise_concern(token=token, text=WORDS, now=now)
    slug = cast.clinic.slug
    heard_by = {concern.handler_id, concern.cover_id}
    for name, person in cast.people.items():
        if person.pk in heard_by:
            continue
        sign_in(client, cast, name)
        assert client.get(f"/c/{slug}/concerns/{concern.public_id}/").status_code == 404, name
        for page in ("", "concerns/", "tasks/", "patients/", f"courses/{course.public_id}/"):
            assert WORDS not in client.get(f"/c/{slug}/{page}").content.decode(), (name, page)
        assert list(care_concerns(cast.actor(name, at=now))) == []
    assert not StaffTask.objects.filter(course=course).exists()
    assert not Message.objects.filter(course_id=course.pk, purpose="care_concern").exists()
    for event in Event.objects.filter(verb__startswith="concern_"):
        assert (event.course_id, event.actor_kind, event.actor_id) == (None, "system", None)


def test_who_joins_the_care_team_hears_it_no_more(
    cast: Cast, course: Course, token: str, now: datetime
) -> None:
    concern = raise_concern(token=token, text=WORDS, now=now)
    handler = next(name for name, one in cast.people.items() if one.pk == concern.handler_id)
    assert care_concern(cast.actor(handler, at=now), concern.public_id, now=now).patient_name
    course.care_team.create(
        clinic_id=course.clinic_id, person_id=concern.handler_id, team_role="co_therapist", from_at=now
    )
    with pytest.raises(NotFound):
        care_concern(cast.actor(handler, at=now), concern.public_id, now=now)
    with pytest.raises(NotFound):
        act_on_concern(
            actor=cast.actor(handler, at=now), concern_id=concern.public_id, text="x", closes=True, now=now
        )


def test_it_is_raised_from_the_page_of_a_link_however_old_and_opening_raises_nothing(
    client: Client, cast: Cast, course: Course, token: str, now: datetime
) -> None:
    move_clock(by=days(40))
    page = client.get(f"/p/{token}/concern/")
    assert page.status_code == 200 and "555-0100" in page.content.decode()
    assert not CareConcern.objects.exists()
    sent = {"text": WORDS, "public_id": str(uuid7())}
    for _press in range(2):
        answer = client.post(f"/p/{token}/concern/", sent)
        assert answer.status_code == 200 and "not in your team" in answer.content.decode()
    assert CareConcern.objects.get().text == WORDS
    assert f"/p/{token}/concern/" in client.get(f"/p/{token}/").content.decode(), "on every page of a patient"
    with pytest.raises(Incomplete):
        raise_concern(token=token, text="  ", now=now)
    with pytest.raises(NotFound):
        raise_concern(token="NotALinkOfOurs00", text=WORDS, now=now)


def test_what_was_done_is_written_once_and_never_changed_and_a_closed_one_stays_closed(
    client: Client, cast: Cast, course: Course, token: str, now: datetime
) -> None:
    concern = raise_concern(token=token, text=WORDS, now=now)
    handler = next(name for name, one in cast.people.items() if one.pk == concern.handler_id)
    sign_in(client, cast, handler)
    address = f"/c/{cast.clinic.slug}/concerns/{concern.public_id}/"
    assert WORDS in client.get(address).content.decode()
    sent = {"text": "Rang. Meets on Friday.", "public_id": str(uuid7())}
    for _press in range(2):
        assert client.post(address, sent).status_code == 302
    assert CareConcernStep.objects.count() == 1
    assert client.post(address, {"text": "Settled.", "closes": "on"}).status_code == 302
    concern.refresh_from_db()
    assert concern.closed_at is not None
    with pytest.raises(NotNow):
        act_on_concern(
            actor=cast.actor(handler, at=now),
            concern_id=concern.public_id,
            text="More",
            closes=False,
            now=now,
        )
    for statement in (
        "UPDATE therapy_sessions_careconcernstep SET text = 'x'",
        "DELETE FROM therapy_sessions_careconcernstep",
        "UPDATE therapy_sessions_careconcern SET text = 'x'",
        "DELETE FROM therapy_sessions_careconcern",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_another_clinics_people_hear_nothing(cast: Cast, course: Course, token: str, now: datetime) -> None:
    other = make_cast("birch", now=now)
    concern = raise_concern(token=token, text=WORDS, now=now)
    for name in other.people:
        with pytest.raises(NotFound):
            care_concern(other.actor(name, at=now), concern.public_id, now=now)
