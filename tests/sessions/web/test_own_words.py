"""Where services are not medicine, no page speaks of patients, therapists, prescribers or a diagnosis; and
everything such a protocol asks for can be done on the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.translation import gettext, pgettext

from clinic.own_words import said, speaking
from clinic.rules.own_words import OwnWords
from protocols.operations import retire_version
from sessions.models import Course, CourseRequirement, FactRecord, SessionRecord
from sessions.operations.booking import book_session, check_in_patient
from sessions.operations.entering import log_session
from sessions.operations.refresh import refresh_due_courses
from tests.support.cast import LIBRARY, START, Cast, allow, days, enrol, fill_chart, make_cast, publish
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db

MEDICAL = re.compile(
    r"\b(patients?|therapists?|prescribers?|supervisors?|diagnos\w*|dosing session)\b", re.IGNORECASE
)
KEY = "administration.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Center:
    """A service center in Oregon. Its only protocol is Oregon's; a client is checked in."""

    cast: Cast
    course: Course
    day: datetime

    def client(self, name: str = "ada") -> Client:
        client = Client()
        client.force_login(
            self.cast.people[name], backend="allauth.account.auth_backends.AuthenticationBackend"
        )
        return client

    def url(self, name: str, *args: object) -> str:
        return reverse(f"sessions:{name}", args=(self.cast.clinic.slug, *args))

    def send(self, address: str, **given: object) -> None:
        """Fill in the form at that address, by the facilitator."""
        client = self.client()
        form = client.get(address).context["form"]
        answer = client.post(address, {"public_id": str(form["public_id"].value()), **given})
        assert answer.status_code == 302, strip_tags(answer.content.decode())[-2000:]


@pytest.fixture
def center() -> Center:
    cast = make_cast()
    assert cast.version is not None
    retire_version(actor=cast.actor("carla"), version=cast.version, comment="Superseded.", now=START)
    cast.version = publish(cast, (LIBRARY / "oregon_psilocybin.yaml").read_text(encoding="utf-8"), now=START)
    allow(cast)
    course = enrol(cast)
    day = START + days(14)
    fill_chart(cast, course, now=START)
    log_session(
        actor=cast.actor("ada", at=day - days(7)),
        course_id=course.public_id,
        key="preparation",
        started_at=day
        - days(
            7,
        )
        - timedelta(hours=1),
        ended_at=day - days(7),
        items=("rights_read", "touch_talked_through", "nondirective_explained"),
        note="We talked.",
        now=day - days(7),
    )
    fill_chart(cast, course, now=day - timedelta(hours=1), cycle=1)
    booking = book_session(
        actor=cast.actor("ada", at=day),
        course_id=course.public_id,
        key=KEY,
        starts_at=day,
        people=[cast.id("ada")],
        room_id=cast.rooms["blue"].public_id,
        now=day - timedelta(minutes=5),
    )
    check_in_patient(actor=cast.actor("ada", at=day), booking_id=booking.public_id, now=day)
    set_clock(day)
    return Center(cast=cast, course=course, day=day)


def file_every_form(center: Center) -> None:
    for row in CourseRequirement.objects.filter(course=center.course, kind="form").order_by("key"):
        center.send(center.url("file_form", center.course.public_id, row.key), reference="")


def start(center: Center) -> SessionRecord:
    file_every_form(center)
    center.send(center.url("start", center.course.public_id, KEY), mode="in_person")
    return SessionRecord.objects.get(course=center.course, key=KEY)


def test_an_administration_session_is_held_from_its_forms_to_a_secondary_dose_on_the_pages(
    center: Center,
) -> None:
    course = center.course.public_id
    refused = center.client().get(center.url("start", course, KEY)).content.decode()
    assert "Transportation plan, signed by the client" in refused and "Record that it was done" in refused
    record = start(center)
    center.send(center.url("decide", course, "product"), choice="prepared", reason="The client prefers tea.")
    center.send(
        center.url("record", course, "dose-order") + f"?key={KEY}", amount="20", supplement_allowed="on"
    )
    center.send(center.url("group", record.public_id), patients="3", facilitators="1", largest_amount="20")
    board = center.client().get(center.url("session", record.public_id))
    assert "3 clients with 1" in board.content.decode()
    for part, amount in (("initial", "20"), ("supplement", "5"), ("supplement", "2.5")):
        page = center.client().get(center.url("session", record.public_id))
        panel = [one for one in page.context["doses"] if one.part == part][-1]
        assert panel.given is None and (part == "initial" or panel.withhold_form is None)
        answer = center.client().post(
            center.url("dose", record.public_id),
            {
                "public_id": str(panel.form["public_id"].value()),
                "part": part,
                "amount": amount,
                "intake": "full",
                "checked_by": str(center.cast.id("ben")),
            },
        )
        assert answer.status_code == 302, strip_tags(answer.content.decode())[-1500:]
    given = FactRecord.objects.filter(course=center.course, kind="dose_given").order_by("id")
    assert [row.value["amount"] for row in given] == ["20", "5", "2.5"]
    standing = center.client().get(center.url("session", record.public_id)).context["doses"]
    assert [one.given is not None for one in standing] == [True, True, True, False]


def test_no_page_of_a_service_center_speaks_of_patients_therapists_prescribers_or_a_diagnosis(
    center: Center,
) -> None:
    record = start(center)
    refresh_due_courses(now=center.day)
    course, client = center.course.public_id, center.client("carla")
    ada = center.client()
    pages = {
        "chart": ada.get(center.url("chart", course)),
        "board": ada.get(center.url("session", record.public_id)),
        "note": ada.get(center.url("session", record.public_id) + "?as=note"),
        "release": ada.get(center.url("release", record.public_id)),
        "start": ada.get(center.url("start", course, "integration.1@administration.1")),
        "book": ada.get(center.url("book", course, "integration.1@administration.1")),
        "contact": ada.get(center.url("contact", course)),
        "unscheduled": ada.get(center.url("unscheduled", course)),
        "consent": ada.get(center.url("record", course, "consent")),
        "adverse": ada.get(center.url("record", course, "adverse-event")),
        "order": ada.get(center.url("record", course, "dose-order") + f"?key={KEY}"),
        "not-done": ada.get(center.url("not_done", course, "contact.after@administration.1")),
        "withdraw": ada.get(center.url("move", course, "withdraw")),
        "stop": ada.get(center.url("move", course, "stop_dosing")),
        "outcomes": ada.get(center.url("course_outcomes", course)),
        "today": ada.get(center.url("today")),
        "patients": ada.get(center.url("patients")),
        "deviations": client.get(center.url("deviations")),
        "tasks": client.get(center.url("tasks")),
        "enrol": center.client("eve").get(center.url("enrol")),
        "protocols": ada.get(reverse("protocols:protocols", args=(center.cast.clinic.slug,))),
    }
    found = {}
    for name, page in pages.items():
        assert page.status_code == 200, name
        text = strip_tags(re.sub(r"(?s)<script.*?</script>", "", page.content.decode()))
        if words := {word.lower() for word in MEDICAL.findall(text)}:
            found[name] = words
    assert found == {}
    assert "Clients" in pages["patients"].content.decode()
    assert "Lead facilitator" in pages["enrol"].content.decode()
    assert "prescriber" not in pages["enrol"].context["form"].fields


def test_a_protocol_without_vital_signs_asks_for_none(center: Center) -> None:
    board = center.client().get(center.url("session", start(center).public_id)).content.decode()
    assert "Vital signs" not in board and "A reading, if one is taken" in board


def test_where_protocols_differ_lists_speak_the_houses_words_and_each_course_its_own(center: Center) -> None:
    publish(
        center.cast,
        (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8").replace('version: "1.', 'version: "2.'),
    )
    client = center.client()
    assert "<h1>Patients" in client.get(center.url("patients")).content.decode()
    assert "The client withdraws" in client.get(center.url("chart", center.course.public_id)).content.decode()


def test_what_people_wrote_is_never_reworded(center: Center) -> None:
    client = center.client()
    address = center.url("move", center.course.public_id, "put_on_hold")
    form = client.get(address).context["form"]
    client.post(
        address,
        {"public_id": str(form["public_id"].value()), "reason": "The patient’s therapist is ill."},
    )
    assert "patient’s therapist" in str(
        list(
            FactRecord.objects.filter(course=center.course, kind="hold_begun").values_list("value", flat=True)
        )
    )


def test_own_words_reach_every_kind_of_text_and_end_with_the_page() -> None:
    words = OwnWords({"patient": "client"})
    with speaking(words):
        assert gettext("The patient") == "The client"
        assert pgettext("requirement", "Patient") == "Client"
        assert said("A patient") == "A client"
    assert gettext("The patient") == "The patient" and said("A patient") == "A patient"
