"""A form whose wording the clinic has not loaded reaches no patient: it is not published, not planned, not
shown, and a person asks instead."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from clinic.errors import Incomplete
from clinic.models import Clinic, Message
from protocols.models import ProtocolVersion, VersionStatus
from protocols.operations.wordings import load_wording, take_wording_back
from protocols.queries import instrument_of
from sessions.models import Course, StaffTask
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.rendering import link_address
from tests.support.cast import START, Cast, calm_answers, enrol, make_cast, publish
from tests.support.clinic_day import set_clock
from tests.support.library import text_of
from tests.support.wordings import wording

pytestmark = pytest.mark.django_db

KEY = "pcl5.baseline"


def with_a_licensed_form() -> str:
    """The MDMA protocol, whose first form for the patient ships without its text here."""
    return (
        text_of("mdma_ptsd")
        .replace('version: "1.0"', 'version: "1.1"', 1)
        .replace("instruments: [caps5,", "instruments: [who5, caps5,", 1)
        .replace("    instrument: pcl5\n", "    instrument: who5\n", 1)
    )


def load(cast: Cast) -> None:
    load_wording(
        actor=cast.actor("finn"), instrument="who5", text=wording(code="who5"), reason="agreed", now=START
    )


def take_back(cast: Cast) -> None:
    take_wording_back(actor=cast.actor("finn"), instrument="who5", why="The licence ended.", now=START)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    set_clock(START)
    load(cast)
    cast.version = publish(cast, with_a_licensed_form())
    return enrol(cast)


def forms(course: Course) -> list[Message]:
    found = Message.objects.filter(course_id=course.pk, purpose="questionnaire").order_by("send_at")
    return [message for message in found if message.data["key"] == KEY]


def test_publishing_a_form_for_the_patient_without_its_text_is_refused_and_says_what_to_do(
    cast: Cast,
) -> None:
    with pytest.raises(Incomplete, match="who5") as caught:
        publish(cast, with_a_licensed_form())
    assert caught.value.code == "forms-without-text" and "Load the wording" in caught.value.advice
    assert [line.split(":")[0] for line in caught.value.fields["document"]] == [KEY]
    assert not ProtocolVersion.objects.filter(version="1.1").exists(), "nothing of it stands"
    load(cast)
    assert publish(cast, with_a_licensed_form()).status == VersionStatus.PUBLISHED


def test_a_form_rated_by_staff_without_its_text_is_published(cast: Cast) -> None:
    assert cast.version is not None and cast.version.status == VersionStatus.PUBLISHED
    assert not instrument_of("caps5").has_text, "which the published protocol asks of its rater"


def test_a_form_whose_text_was_taken_back_is_not_sent_and_becomes_a_task_when_it_would_have_gone(
    cast: Cast, course: Course
) -> None:
    due = forms(course)[0].send_at
    take_back(cast)
    refresh_due_courses(now=START + timedelta(minutes=1))
    assert forms(course) == []
    assert not StaffTask.objects.filter(course=course, kind="message_not_sent").exists()
    refresh_due_courses(now=due + timedelta(minutes=1))
    task = StaffTask.objects.get(course=course, kind="message_not_sent")
    assert (task.subject, task.safety) == (KEY, False)
    refresh_due_courses(now=due + timedelta(minutes=2))
    assert StaffTask.objects.filter(course=course, kind="message_not_sent").count() == 1


def test_the_page_of_messages_says_why_a_form_without_text_does_not_go(cast: Cast, course: Course) -> None:
    take_back(cast)
    client = Client()
    client.force_login(cast.people["ada"], backend="allauth.account.auth_backends.AuthenticationBackend")
    page = client.get(reverse("sessions:messages", args=(cast.clinic.slug, course.public_id)))
    assert "The wording of this form is not loaded" in page.content.decode()


def test_who_opens_a_form_whose_text_was_taken_back_is_told_to_call_and_what_was_answered_is_kept(
    client: Client, cast: Cast, course: Course
) -> None:
    message = forms(course)[0]
    path = "/p/" + link_address(message=message, course=course).rsplit("/p/")[1]
    set_clock(message.send_at)
    Clinic.objects.filter(pk=cast.clinic.pk).update(step_up_ways=["birth_date"])
    client.post(f"{path}step/", {"way": "birth_date", "day": "4", "month": "5", "year": "1988"})
    assert "Our own question" in client.get(path).content.decode()
    take_back(cast)
    refused = client.get(path)
    assert refused.status_code == 409
    told = refused.content.decode()
    assert "Please call us" in told and cast.clinic.phone in told and "Item 1" not in told
    answers = {f"item-{code}": str(value) for code, value in calm_answers("who5")}
    assert "Please call us" not in client.post(path, answers).content.decode()
    assert course.facts.filter(key=KEY).exists()
