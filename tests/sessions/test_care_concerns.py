"""A patient's concern about their care reaches somebody outside the team, by a clock, and nobody in it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from clinic import clock
from clinic.errors import Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Clinic, Event, Membership, Message
from clinic.operations.clock import move_clock
from sessions.models import CareConcern, CareConcernStep, Course, StaffTask
from sessions.operations.booking import book_session
from sessions.operations.care_concerns import (
    act_on_concern,
    concern_still_wanted,
    keep_concerns_heard,
    raise_concern,
)
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


def yesterday(cast: Cast, now: datetime) -> date:
    """By the clinic's calendar: in the evening over there UTC is a day ahead."""
    return now.astimezone(cast.clinic.zone_info).date() - timedelta(days=1)


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


def addresses(cast: Cast, course: Course, now: datetime) -> list[str]:
    """Where somebody who is not meant to know of it would look: pages, searches, files, the API, the
    admin."""
    c, a, one = f"/c/{cast.clinic.slug}/", f"/api/v1/clinics/{cast.clinic.slug}/", str(course.public_id)
    pages = ("", "tasks/", "calls/", "patients/?search=hand", "off-track/", "oversight/", "team/", "reports/")
    of_course = ("", "audit/", "certified-copy/", "certified-copy.csv", "record.csv", "messages/", "reach/")
    files = (f"reports/{now:%Y-%m}.csv", "deviations/log.csv", "adherence/report.csv")
    api = ("today", "patients", "tasks", f"courses/{one}", f"courses/{one}/audit", f"courses/{one}/facts")
    admin = ("clinic/event/", "clinic/message/", "clinic/messagelog/", "therapy_sessions/patient/")
    return [
        *(c + page for page in (*pages, *files, "messages/", "concerns/")),
        *(f"{c}courses/{one}/{page}" for page in of_course),
        *(a + page for page in (*api, f"courses/{one}/certified-copy")),
        *(f"/admin/{page}" for page in (*admin, "", "clinic/event/?q=hand")),
    ]


def words_in(answer: Any) -> str:
    """What stands in a page or a file, also in one that is a packet of several."""
    content = b"".join(answer) if answer.streaming else answer.content
    if content.startswith(b"PK"):
        packet = ZipFile(BytesIO(content))
        content = b"\n".join(packet.read(name) for name in packet.namelist())
    return str(content.decode())


def test_nobody_else_sees_it_in_any_page_search_file_log_or_message(
    client: Client, cast: Cast, course: Course, token: str, now: datetime
) -> None:
    before = set(Event.objects.filter(course_id=course.pk).values_list("pk", flat=True))
    concern = raise_concern(token=token, text=WORDS, now=now)
    heard_by = {concern.handler_id, concern.cover_id}
    handler = next(name for name, one in cast.people.items() if one.pk == concern.handler_id)
    address = f"/c/{cast.clinic.slug}/concerns/{concern.public_id}/"
    assert WORDS in sign_in(client, cast, handler).get(address).content.decode()
    assert set(Event.objects.filter(course_id=course.pk).values_list("pk", flat=True)) == before, (
        "nor reading"
    )
    seen = 0
    for name, person in cast.people.items():
        if person.pk in heard_by:
            continue
        sign_in(client, cast, name)
        assert client.get(address).status_code == 404, name
        for page in addresses(cast, course, now):
            answer = client.get(page)
            seen += answer.status_code == 200
            text = words_in(answer)
            assert WORDS not in text and str(concern.public_id) not in text, (name, page)
        assert list(care_concerns(cast.actor(name, at=now))) == []
    assert seen > 60, "the addresses are those of the product"
    assert not StaffTask.objects.filter(course=course).exists()
    assert not Message.objects.filter(course_id=course.pk, purpose="care_concern").exists()
    for event in Event.objects.filter(verb__startswith="concern_"):
        assert (event.course_id, event.actor_kind, event.actor_id, event.data) == (None, "system", None, {})


def test_who_took_part_in_the_care_before_hears_it_only_when_there_is_nobody_else(
    cast: Cast, course: Course, token: str, now: datetime
) -> None:
    """It may be about just that."""
    Clinic.objects.filter(pk=cast.clinic.pk).update(concern_person=cast.people["finn"])
    course.care_team.create(
        clinic_id=course.clinic_id,
        person=cast.people["finn"],
        team_role="co_therapist",
        from_at=now - days(9),
        until_at=now - days(1),
    )
    concern = raise_concern(token=token, text=WORDS, now=now)
    assert concern.handler != cast.people["finn"]
    others = [one.pk for name, one in cast.people.items() if name != "finn"]
    Membership.objects.filter(clinic=cast.clinic, person_id__in=others).update(until_on=yesterday(cast, now))
    assert raise_concern(token=token, text=WORDS, now=now).handler == cast.people["finn"]


def test_with_nobody_outside_the_team_the_words_stay_and_the_page_says_whom_to_ask_for(
    client: Client, cast: Cast, course: Course, token: str, now: datetime
) -> None:
    outside = [one.pk for name, one in cast.people.items() if name not in ("ada", "ben", "carla", "dov")]
    Membership.objects.filter(clinic=cast.clinic, person_id__in=outside).update(until_on=yesterday(cast, now))
    page = client.post(f"/p/{token}/concern/", {"text": WORDS})
    text = page.content.decode()
    assert page.status_code == 409 and WORDS in text and "555-0100" in text
    assert "ask for somebody who is not in your team" in text
    assert "link has ended" not in text and not CareConcern.objects.exists()


def test_what_was_said_to_somebody_who_leaves_or_joins_the_team_is_heard_by_somebody_else(
    cast: Cast, course: Course, token: str, now: datetime
) -> None:
    concern = raise_concern(token=token, text=WORDS, now=now)
    assert keep_concerns_heard(now=now) == 0
    handler, cover = concern.handler_id, concern.cover_id
    assert cover is not None
    Membership.objects.filter(clinic=cast.clinic, person_id=handler).update(until_on=yesterday(cast, now))
    later = now + timedelta(hours=1)
    assert keep_concerns_heard(now=later) == 1 and keep_concerns_heard(now=later) == 0
    concern.refresh_from_db()
    assert concern.handler_id == cover and concern.cover_id not in (handler, cover)
    assert concern.act_by == later + timedelta(hours=cast.clinic.concern_hours), "a clock of their own"
    told = Message.objects.filter(purpose="care_concern", data__person=cover)
    assert min(message.send_at for message in told) == later, "told at once"
    event = Event.objects.get(verb="concern_handed_on")
    assert (event.course_id, event.actor_kind) == (None, "system")


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
