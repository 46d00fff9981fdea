"""Texts through the outbox: each exactly once whatever the provider does, and what it reports afterwards
counted once and only forward."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import DatabaseError, transaction
from django.test import Client

from clinic import outbox
from clinic.adapters.text import signature_of
from clinic.errors import NotFound
from clinic.models import Clinic, Message, MessageAttempt, MessageLog, MessageReport
from clinic.outbox.sending import LEASE, RESEND_UNCERTAIN_AFTER
from tests.clinic.house import NOON, Teller, a_clinic, a_spec, registered
from tests.support.text_gateway import TOKEN, Gateway, Way

pytestmark = pytest.mark.django_db

NUMBER = "+12025550123"


class Texting(Teller):
    def render(self, message: Message, now: datetime) -> outbox.Rendered:
        link = f"https://clinic.example/p/{message.public_id}/"
        return outbox.RenderedText(
            to=NUMBER, text=f"Alder: see {link}", sender="+12025550100", report_to="", mark=link
        )


@pytest.fixture
def clinic() -> Clinic:
    return a_clinic(text_sender="+12025550100")


@pytest.fixture
def teller() -> Iterator[Texting]:
    with registered(Texting()) as teller:
        yield teller  # type: ignore[misc]


def planned(clinic: Clinic, subject: str = "visit:1", **fields: Any) -> Message:
    outbox.plan(specs=[a_spec(clinic, subject, channel="text", **fields)], now=NOON)
    return Message.objects.get(subject_key=subject)


def logged() -> MessageLog:
    return MessageLog.objects.get()


LATER = NOON + RESEND_UNCERTAIN_AFTER + timedelta(seconds=30)


@pytest.mark.parametrize("way", ["drop", "break", "late", "deaf", "refuse"])
def test_a_text_whose_answer_was_lost_arrives_exactly_once(
    clinic: Clinic, teller: Texting, text_gateway: Gateway, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    monkeypatch.setattr(settings, "TEXT_TIMEOUT_SECONDS", 0.4)
    text_gateway.ways = [way]
    planned(clinic)
    outbox.send_due_messages(now=NOON)
    assert Message.objects.get().state == "uncertain"
    outbox.send_due_messages(now=LATER)
    assert len(text_gateway.bodies()) == 1
    assert logged().state == "handed_off"
    outbox.send_due_messages(now=LATER + timedelta(hours=1))
    assert len(text_gateway.bodies()) == 1


@pytest.mark.parametrize("way", ["drop", "deaf"])
def test_without_a_list_to_look_in_nothing_is_sent_again_and_a_person_is_told(
    clinic: Clinic, teller: Texting, text_gateway: Gateway, settings: Any, way: Way
) -> None:
    settings.TEXT_LOOK_UP = False
    text_gateway.ways = [way]
    planned(clinic)
    outbox.send_due_messages(now=NOON)
    outbox.send_due_messages(now=LATER)
    assert len(text_gateway.bodies()) == (1 if way == "drop" else 0)
    assert teller.undeliverable == [("visit:1", "uncertain", "may-have-arrived")]


def test_while_the_list_does_not_answer_nothing_is_sent_again(
    clinic: Clinic, teller: Texting, text_gateway: Gateway
) -> None:
    text_gateway.ways, text_gateway.list_works = ["drop"], False
    message = planned(clinic)
    outbox.send_due_messages(now=NOON)
    outbox.send_due_messages(now=LATER)
    assert (len(text_gateway.bodies()), text_gateway.asked) == (1, 1)
    outbox.send_due_messages(now=message.not_after + timedelta(hours=3))
    assert teller.undeliverable == [("visit:1", "uncertain", "could-not-be-asked")]
    assert len(text_gateway.bodies()) == 1


def test_a_worker_that_dies_after_the_provider_took_it_leaves_one_text(
    clinic: Clinic, teller: Texting, text_gateway: Gateway
) -> None:
    message = planned(clinic)
    outbox.send_due_messages(now=NOON)
    # As the dead worker left it: the intent committed, the text taken, nothing settled.
    MessageLog.objects.all().delete()
    message.state, message.lease_token, message.lease_until = "leased", uuid4(), NOON + LEASE
    message.intent_at, message.attempt = NOON, 1
    message.save(force_insert=True)
    outbox.sweep(now=NOON + LEASE + timedelta(seconds=1))
    outbox.send_due_messages(now=NOON + LEASE + timedelta(seconds=2))
    assert len(text_gateway.bodies()) == 1
    assert (logged().state, logged().reason) == ("handed_off", "found-at-provider")


def test_a_worker_that_stood_still_beyond_its_lease_sends_nothing(
    clinic: Clinic, teller: Texting, text_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(clinic)
    clock = [0.0]
    monkeypatch.setattr("clinic.outbox.sending.time.monotonic", lambda: clock[0])

    def stand_still(point: str) -> None:
        if point == "after_intent":
            clock[0] += 200

    monkeypatch.setattr("clinic.outbox.sending.crash_point", stand_still)
    report = outbox.send_due_messages(now=NOON)
    assert (text_gateway.bodies(), report.lost_leases) == ([], 1)
    clock[0] = 0
    monkeypatch.setattr("clinic.outbox.sending.crash_point", lambda _point: None)
    outbox.sweep(now=NOON + LEASE + timedelta(seconds=1))
    outbox.send_due_messages(now=NOON + LEASE + timedelta(seconds=1))
    assert len(text_gateway.bodies()) == 1


def test_a_busy_provider_is_tried_again_when_it_said(
    clinic: Clinic, teller: Texting, text_gateway: Gateway
) -> None:
    text_gateway.ways = ["busy"]
    planned(clinic)
    outbox.send_due_messages(now=NOON)
    assert Message.objects.get().send_at >= NOON + timedelta(seconds=120)
    outbox.send_due_messages(now=NOON + timedelta(minutes=5))
    assert len(text_gateway.bodies()) == 1


def test_a_number_that_cannot_get_texts_fails_at_once_and_its_owner_is_told(
    clinic: Clinic, teller: Texting, text_gateway: Gateway
) -> None:
    text_gateway.ways = ["no_number"]
    planned(clinic)
    outbox.send_due_messages(now=NOON)
    assert teller.undeliverable == [("visit:1", "failed", "refused-21211")]


# --- what is reported afterwards ---


def tell(clinic: Clinic, message: UUID, status: str, *, provider_id: str = "SM1", code: str = "") -> bool:
    return outbox.take_report(
        clinic_id=clinic.pk, message=message, status=status, provider_id=provider_id, code=code, now=NOON
    )


def sent(clinic: Clinic) -> UUID:
    message = planned(clinic)
    outbox.send_due_messages(now=NOON)
    return message.public_id


def test_a_delivery_told_twice_and_out_of_order_counts_once_and_only_forward(
    clinic: Clinic, teller: Texting, text_gateway: Gateway
) -> None:
    message = sent(clinic)
    assert tell(clinic, message, "delivered") is True
    assert tell(clinic, message, "delivered") is False
    assert tell(clinic, message, "accepted") is True
    assert tell(clinic, message, "failed", code="30003") is True
    assert logged().state == "delivered"
    assert (teller.undeliverable, MessageReport.objects.count()) == ([], 3)


def test_a_failure_reported_afterwards_is_told_to_the_owner_once(
    clinic: Clinic, teller: Texting, text_gateway: Gateway
) -> None:
    message = sent(clinic)
    for _time in range(3):
        tell(clinic, message, "failed", code="30003")
    assert teller.undeliverable == [("visit:1", "failed", "30003")]
    assert (logged().state, logged().reason) == ("failed", "30003")
    tell(clinic, message, "delivered")
    assert logged().state == "delivered", "it arrived after all"


def test_a_report_that_comes_before_our_own_note_settles_the_message(
    clinic: Clinic, teller: Texting, text_gateway: Gateway
) -> None:
    message = planned(clinic)
    teller.while_asked = lambda: None
    text_gateway.ways = ["drop"]
    outbox.send_due_messages(now=NOON)
    assert tell(clinic, message.public_id, "delivered")
    assert (logged().state, Message.objects.exists()) == ("delivered", False)
    outbox.send_due_messages(now=LATER)
    assert len(text_gateway.bodies()) == 1
    assert MessageAttempt.objects.filter(message_id=message.pk, step="intent").count() == 1


def test_nothing_can_be_reported_of_what_was_never_sent_or_is_another_clinics(
    clinic: Clinic, teller: Texting, text_gateway: Gateway
) -> None:
    waiting = planned(clinic)
    for message in (waiting.public_id, uuid4()):
        with pytest.raises(NotFound):
            tell(clinic, message, "delivered")
    assert not MessageReport.objects.exists()
    outbox.send_due_messages(now=NOON)
    with pytest.raises(NotFound):
        tell(a_clinic("birch"), waiting.public_id, "delivered")


def test_reports_are_never_changed(clinic: Clinic, teller: Texting, text_gateway: Gateway) -> None:
    tell(clinic, sent(clinic), "delivered")
    with pytest.raises(DatabaseError), transaction.atomic():
        MessageReport.objects.update(status="failed")


def test_a_call_back_without_the_providers_signature_changes_nothing(
    clinic: Clinic, teller: Texting, text_gateway: Gateway, settings: Any
) -> None:
    message = sent(clinic)
    path = f"/hooks/alder/text/{message}/"
    said = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    url = settings.SITE_URL + path
    good = signature_of(url, list(said.items()), token=TOKEN)
    client = Client(enforce_csrf_checks=True)
    for signature in ("", "nonsense", signature_of(url, list(said.items()), token="another")):
        assert client.post(path, said, headers={"X-Twilio-Signature": signature}).status_code == 403
    changed = {**said, "MessageStatus": "failed"}
    assert client.post(path, changed, headers={"X-Twilio-Signature": good}).status_code == 403
    assert client.get(path).status_code == 405
    assert logged().state == "handed_off"
    for _again in range(2):
        assert client.post(path, said, headers={"X-Twilio-Signature": good}).status_code == 204
    assert (logged().state, MessageReport.objects.count()) == ("delivered", 1)
