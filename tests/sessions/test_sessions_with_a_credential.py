"""A protocol that asks who holds a dosing session to be trained: at booking, at the start, on record, and
when what was held turns out otherwise."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.actors import acting
from clinic.errors import Forbidden, Incomplete, NotNow
from clinic.models import Credential, CredentialKind
from clinic.operations.credentials import record_credential, withdraw_credential
from clinic.permissions import Role
from protocols.rules.definition import Move
from sessions.models import Course, DeviationRecord, FactRecord, SessionBooking
from sessions.operations.booking import book_session
from sessions.operations.gating import override_requirement
from sessions.operations.presence import change_presence
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.starting import start_session
from sessions.operations.verifying import verify_requirements
from sessions.operations.workflow import discontinue_course
from sessions.queries.arranging import booking_options
from sessions.queries.history import histories_of
from tests.support.cast import LIBRARY, START, Cast, days, enrol, make_cast, make_person, publish
from tests.support.clinic_day import set_clock
from tests.support.dosed import hold_dosing

pytestmark = pytest.mark.django_db

KEY = "resuscitation@dosing.1"
DOSING = START + days(28)
LATER = DOSING + days(3)
ASKED = """
  - type: credential
    code: resuscitation
    stage: dosing
    words: Trained in resuscitation
    who: supervisor
    clinic_choice: for a test
    important: true
    per: dosing
    any_of: [bls, als]
    held_by: everybody
    roles: [therapist]
    blocks: [{move: start, rule: dosing, override: [supervisor]}]

reminders:
"""


@pytest.fixture
def cast() -> Cast:
    set_clock(START)
    cast = make_cast()
    text = (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8")
    text = text.replace('version: "1.0"', 'version: "1.0-trained"', 1).replace("\nreminders:\n", ASKED, 1)
    cast.version = publish(cast, text)
    return cast


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


def train(
    cast: Cast, who: str, *, code: str = "bls", until: date | None = None, now: datetime = START
) -> Credential:
    return record_credential(
        actor=cast.actor("carla", at=now),
        person_id=cast.id(who),
        kind=CredentialKind.CERTIFICATE,
        code=code,
        title="Basic life support",
        valid_from=date(2026, 1, 1),
        valid_until=until,
        reason="Seen at appointment.",
        now=now,
    )


def book(cast: Cast, course: Course, *who: str, confirmed: tuple[str, ...] = ()) -> SessionBooking:
    return book_session(
        actor=cast.actor("eve", at=START),
        course_id=course.public_id,
        key="dosing.1",
        starts_at=DOSING,
        people=[cast.id(one) for one in who],
        confirmed=frozenset({"outside-window", *confirmed}),
        now=START,
    )


def tick(now: datetime) -> int:
    return refresh_due_courses(now=now).refreshed


def deviation(course: Course) -> DeviationRecord:
    return DeviationRecord.objects.get(course=course, key=KEY)


def test_booking_who_will_not_hold_it_that_day_asks_first_and_names_them(cast: Cast, course: Course) -> None:
    train(cast, "ada")
    train(cast, "gil", until=(DOSING - days(1)).date())
    with pytest.raises(Incomplete) as asked:
        book(cast, course, "ada", "ben", "gil")
    assert asked.value.data == {
        "confirm": ["not-held"],
        "words": ["Trained in resuscitation: not held that day by Ben Birch, Gil Grove"],
    }
    assert not SessionBooking.objects.exists()
    book(cast, course, "ada", "ben", confirmed=("not-held",))
    train(cast, "ben", code="als")
    book(cast, course, "ada", "ben")


def test_who_is_asked_at_another_session_is_not_asked_here(cast: Cast, course: Course) -> None:
    book_session(
        actor=cast.actor("eve", at=START),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=START + days(7),
        people=[cast.id("ben")],
        confirmed=frozenset({"outside-window"}),
        now=START,
    )


def test_the_gate_is_closed_to_them_until_it_is_recorded_or_overridden(cast: Cast, course: Course) -> None:
    train(cast, "ada")
    with pytest.raises(Incomplete):
        hold_dosing(cast, course)  # its booking asks first
    book(cast, course, "ada", "ben", confirmed=("not-held",))
    page = signed_in(cast, "ada").get(
        reverse("sessions:start", args=[cast.clinic.slug, course.public_id, "dosing.1"])
    )
    assert "Not held today by Ben Birch." in page.content.decode()
    set_clock(DOSING)
    begin = {
        "actor": cast.actor("ada", at=DOSING),
        "course_id": course.public_id,
        "key": "dosing.1",
        "now": DOSING,
    }
    SessionBooking.objects.update(status="checked_in")
    assert KEY in refused(begin, staff=[cast.id("ben")])
    assert KEY in refused(begin, staff=[cast.id("gil")]), "who was not booked is"
    override_requirement(
        actor=cast.actor("carla", at=DOSING),
        course_id=course.public_id,
        key=KEY,
        move=Move.START_SESSION,
        session_key="dosing.1",
        reason="Renewed yesterday; the paper comes by post.",
        now=DOSING,
    )
    record = start_session(**begin, staff=[cast.id("ben")])  # type: ignore[arg-type]  # as named above
    assert record.key == "dosing.1"
    assert deviation(course).status == "overridden"


def test_who_was_booked_and_is_not_there_is_not_asked(cast: Cast, course: Course) -> None:
    train(cast, "ada")
    with pytest.raises(Incomplete):
        hold_dosing(cast, course)
    book(cast, course, "ada", "ben", confirmed=("not-held",))
    SessionBooking.objects.update(status="checked_in")
    record = start_session(
        actor=cast.actor("ada", at=DOSING), course_id=course.public_id, key="dosing.1", now=DOSING
    )
    assert record.key == "dosing.1"


def refused(begin: dict[str, object], *, staff: list[UUID]) -> set[str]:
    with pytest.raises(NotNow) as stopped:
        start_session(**begin, staff=staff)  # type: ignore[arg-type]  # as named above
    assert stopped.value.code == "gates-closed"
    return {str(gate["key"]) for gate in stopped.value.data["gates"]}


def signed_in(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name])
    return client


@pytest.fixture
def held(cast: Cast, course: Course) -> Course:
    """Held with Ada and Ben, both trained as far as was known then."""
    train(cast, "ada")
    train(cast, "ben")
    hold_dosing(cast, course)
    assert not DeviationRecord.objects.filter(key=KEY).exists()
    return Course.objects.get(pk=course.pk)


@pytest.mark.parametrize("over", [False, True], ids=["going on", "over"])
def test_what_is_recorded_later_turns_a_kept_requirement_into_a_deviation_and_back(
    cast: Cast, held: Course, over: bool
) -> None:
    if over:
        ended = DOSING + days(2)
        discontinue_course(
            actor=cast.actor("ada", at=ended),
            course_id=held.public_id,
            reason="Moved abroad.",
            deceased=True,
            now=ended,
        )
        tick(ended)
    row = Credential.objects.get(person=cast.people["ben"], code="bls")
    withdraw_credential(
        actor=cast.actor("carla", at=LATER), credential_id=row.public_id, reason="Wrong person.", now=LATER
    )
    assert tick(LATER) == 1
    found = deviation(held)
    assert (found.status, found.important, found.kind) == ("missed", True, "credential")
    train(cast, "ben", now=LATER + timedelta(hours=1))
    assert tick(LATER + timedelta(hours=1)) == 1
    assert deviation(held).documented_late_at == LATER + timedelta(hours=1)
    assert verify_requirements(now=LATER + timedelta(hours=1), all_courses=True).differences == ()


def test_a_suspension_from_a_later_day_leaves_what_was_held(cast: Cast, held: Course) -> None:
    row = Credential.objects.get(person=cast.people["ben"], code="bls")
    withdraw_credential(
        actor=cast.actor("carla", at=LATER),
        credential_id=row.public_id,
        reason="Suspended by the board.",
        from_on=LATER.date(),
        now=LATER,
    )
    tick(LATER)
    assert not DeviationRecord.objects.filter(key=KEY).exists()


def test_the_deviation_names_who_had_none_and_the_requirement_what_was_held(cast: Cast, held: Course) -> None:
    client = signed_in(cast, "carla")
    row = held.requirements.get(key=KEY)
    kept = client.get(reverse("sessions:adherence_row", args=[cast.clinic.slug, row.public_id]))
    assert "Credential: Ada Alder" in kept.content.decode()
    credential = Credential.objects.get(person=cast.people["ben"], code="bls")
    withdraw_credential(
        actor=cast.actor("carla", at=LATER), credential_id=credential.public_id, reason="Wrong.", now=LATER
    )
    tick(LATER)
    page = client.get(reverse("sessions:deviation", args=[cast.clinic.slug, deviation(held).public_id]))
    shown = page.content.decode()
    assert "Not held by everybody of whom it is asked." in shown and "not_held" not in shown
    assert "Ben Birch" in shown and "none in force" in shown and "als, bls" in shown


def test_what_everybody_holds_is_read_in_the_one_query_and_as_it_was_known(cast: Cast, held: Course) -> None:
    held = Course.objects.select_related("clinic", "patient").get(pk=held.pk)
    with CaptureQueriesContext(connection) as one:
        now = histories_of([held])[held.pk]
    assert len(one) == 1
    assert {row.person_id for row in now.setting.credentials if row.code == "bls"} == {
        cast.people["ada"].pk,
        cast.people["ben"].pk,
    }
    before = histories_of([held], known_at=START - timedelta(seconds=1))[held.pk]
    assert "bls" not in {row.code for row in before.setting.credentials}


# --- before anybody is chosen ---


def choices_on(
    client: Client, cast: Cast, course: Course, page: str, field: str, **sent: str
) -> dict[str, str]:
    """Printed name → the whole of what stands beside it."""
    address = reverse(f"sessions:{page}", args=[cast.clinic.slug, course.public_id, "dosing.1"])
    form = (client.post(address, sent) if sent else client.get(address)).context["form"]
    return {str(words).partition(" · ")[0]: str(words) for _value, words in form.fields[field].choices}


def test_the_booking_form_says_beside_each_name_what_is_missing_that_day(cast: Cast, course: Course) -> None:
    train(cast, "ada")
    train(cast, "gil", until=(DOSING - days(1)).date())
    ended = f"{(DOSING - days(1)).date():%-d %b %Y}"
    eve = signed_in(cast, "eve")
    found = choices_on(eve, cast, course, "book", "people", starts_at=f"{DOSING:%Y-%m-%dT%H:%M}")
    assert found["Ben Birch"].endswith("· Trained in resuscitation: not recorded")
    assert found["Gil Grove"].endswith(f"· Trained in resuscitation: ended {ended}")
    assert "resuscitation" not in found["Ada Alder"]
    assert "resuscitation" not in found["Dov Dale"], "it is asked of therapists"
    earlier = DOSING - days(2)
    found = choices_on(eve, cast, course, "book", "people", starts_at=f"{earlier:%Y-%m-%dT%H:%M}")
    assert "resuscitation" not in found["Gil Grove"], "it is still in force on that day"
    page = eve.get(reverse("sessions:book", args=[cast.clinic.slug, course.public_id, "dosing.1"]))
    assert "Trained in resuscitation: not recorded" in page.content.decode()
    assert "another day is asked about again" in page.content.decode()


def test_the_start_form_says_it_of_each_and_of_whoever_starts(cast: Cast, course: Course) -> None:
    train(cast, "gil")
    book(cast, course, "ada", "gil", confirmed=("not-held",))
    set_clock(DOSING)
    ada = signed_in(cast, "ada")
    found = choices_on(ada, cast, course, "start", "staff")
    assert "Ada Alder" not in found and "resuscitation" not in found["Gil Grove"]
    assert found["Ben Birch"].endswith("· Trained in resuscitation: not recorded")
    page = ada.get(reverse("sessions:start", args=[cast.clinic.slug, course.public_id, "dosing.1"]))
    assert "Of you yourself: Trained in resuscitation: not recorded" in page.content.decode()


def test_a_session_of_which_nothing_is_asked_says_nothing(cast: Cast, course: Course) -> None:
    page = signed_in(cast, "eve").get(
        reverse("sessions:book", args=[cast.clinic.slug, course.public_id, "preparation.1"])
    )
    assert "Trained in resuscitation" not in page.content.decode()


def test_however_many_work_here_what_each_lacks_costs_as_many_questions(cast: Cast, course: Course) -> None:
    def asked() -> int:
        eve = cast.actor("eve", at=START)
        with acting(eve), CaptureQueriesContext(connection) as queries:
            booking_options(eve, course.public_id, "dosing.1", now=START)
        return len(queries)

    few = asked()
    for number in range(4):
        person = make_person(cast.clinic, f"Tom{number} Thorn", Role.THERAPIST)
        cast.people[f"tom{number}"] = person
        train(cast, f"tom{number}", until=date(2026, 2, 1))
    assert asked() == few


# --- an override is for those it names ---


def override(cast: Cast, course: Course, *people: str, by: str = "carla") -> FactRecord:
    return override_requirement(
        actor=cast.actor(by, at=DOSING),
        course_id=course.public_id,
        key=KEY,
        move=Move.START_SESSION,
        session_key="dosing.1",
        reason="The paper comes by post.",
        people=[cast.id(one) for one in people],
        now=DOSING,
    )


@pytest.fixture
def due(cast: Cast, course: Course) -> dict[str, object]:
    """Ada, who is trained, and Ben, who is not, are booked and the patient is there; how Ada starts it."""
    train(cast, "ada")
    with pytest.raises(Incomplete):
        hold_dosing(cast, course)  # its booking asks first
    book(cast, course, "ada", "ben", confirmed=("not-held",))
    SessionBooking.objects.update(status="checked_in")
    set_clock(DOSING)
    return {
        "actor": cast.actor("ada", at=DOSING),
        "course_id": course.public_id,
        "key": "dosing.1",
        "now": DOSING,
    }


def test_an_override_for_who_is_booked_lets_nobody_else_start(
    cast: Cast, course: Course, due: dict[str, object]
) -> None:
    row = override(cast, course)
    assert row.value["people"] == [cast.people["ben"].pk]
    assert KEY in refused(due, staff=[cast.id("gil")])
    assert KEY in refused(due, staff=[cast.id("ben"), cast.id("gil")])
    override(cast, course, "gil")
    start_session(**due, staff=[cast.id("ben"), cast.id("gil")])  # type: ignore[arg-type]  # as named above
    assert deviation(course).status == "overridden"


def test_who_comes_into_the_room_later_without_it_makes_it_a_deviation_after_all(
    cast: Cast, course: Course, due: dict[str, object]
) -> None:
    override(cast, course)
    record = start_session(**due, staff=[cast.id("ben")])  # type: ignore[arg-type]  # as named above
    assert deviation(course).status == "overridden"
    later = DOSING + timedelta(hours=2)
    set_clock(later)
    change_presence(
        actor=cast.actor("ada", at=later),
        record_id=record.public_id,
        person_id=cast.id("gil"),
        here=True,
        occurred_at=later,
        now=later,
    )
    assert deviation(course).status == "missed"


def test_a_supervisor_overrides_on_the_page_for_somebody_who_comes_instead(
    cast: Cast, course: Course, due: dict[str, object]
) -> None:
    train(cast, "ben", until=DOSING.date())
    carla = signed_in(cast, "carla")
    start = reverse("sessions:start", args=[cast.clinic.slug, course.public_id, "dosing.1"])
    address = reverse("sessions:override", args=[cast.clinic.slug, course.public_id, KEY]) + "?for=dosing.1"
    assert f'href="{address}"' in carla.get(start).content.decode()
    form = carla.get(address).context["form"]
    assert set(form["people"].value()) == {str(cast.id("ada")), str(cast.id("ben"))}
    choices = dict(form.fields["people"].choices)
    assert str(choices[str(cast.id("gil"))]).endswith("· Trained in resuscitation: not recorded")
    sent = {
        "public_id": str(form["public_id"].value()),
        "people": [str(cast.id("ada")), str(cast.id("ben"))],
        "reason": "Ben is ill.",
    }
    refused = carla.post(address, sent)
    assert refused.status_code == 400 and "None of them lacks what is asked" in refused.content.decode()
    sent["people"] = [str(cast.id("ada")), str(cast.id("gil"))]
    assert carla.post(address, sent).status_code == 302
    assert FactRecord.objects.get(kind="override").value["people"] == [cast.people["gil"].pk]
    start_session(**due, staff=[cast.id("gil")])  # type: ignore[arg-type]  # as named above
    assert deviation(course).status == "overridden"


def test_nobody_overrides_for_a_session_that_they_will_hold_themselves(
    cast: Cast, course: Course, due: dict[str, object]
) -> None:
    with pytest.raises(Forbidden, match="conducts"):
        override(cast, course, "carla", "ben")
