"""What must never be found: each promise of the database is broken on purpose, and its view shows it."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from clinic import clock, outbox, proofs, tasks
from clinic.models import Clinic, Message, MessageAttempt, MessageLog, MessageState
from clinic.permissions import Role
from clinic.queries import reminders_by_day
from tests.clinic.house import Teller, a_clinic, a_member, a_person, a_spec, registered
from tests.support.cast import acts

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return a_clinic()


def sent(clinic: Clinic, subject: str = "visit:1") -> MessageLog:
    now = clock.now()
    with registered(Teller(), respects_quiet_hours=False):
        outbox.plan(specs=[a_spec(clinic, subject, at=now)], now=now)
        outbox.send_due_messages(now=now)
    return MessageLog.objects.get(clinic=clinic, subject_key=subject)


def once_more(log: MessageLog, step: str, result: str = "") -> None:
    MessageAttempt.objects.create(
        clinic_id=log.clinic_id,
        message_id=log.pk,
        attempt=log.attempt + 1,
        step=step,
        result=result,
        message_key="k",
        at=log.finished_at + timedelta(seconds=1),
    )


def test_a_message_that_went_out_as_it_should_breaks_no_promise(clinic: Clinic) -> None:
    sent(clinic)
    assert proofs.broken() == {}
    out = StringIO()
    call_command("prove", stdout=out)
    assert out.getvalue().count("Kept.") == len(proofs.registered()) >= 9


def test_one_that_waits_past_its_time_is_found_and_the_health_page_says_so(
    clinic: Clinic, client: Client
) -> None:
    now = clock.now()
    outbox.plan(specs=[a_spec(clinic, at=now - timedelta(minutes=3))], now=now)
    assert proofs.broken(quick=True) == {"never_waiting_past_its_time": 1}
    health = client.get("/health/reminders")
    assert health.status_code == 503
    assert health.json()["proofs"] == {
        "ok": False,
        "broken": {"never_waiting_past_its_time": 1},
        "all_asked_at": None,
    }


def test_what_takes_long_to_ask_stands_on_the_health_page_as_it_was_when_last_asked(
    clinic: Clinic, client: Client
) -> None:
    log = sent(clinic)
    MessageLog.objects.filter(pk=log.pk).update(id=log.pk + 1_000_000)  # its intent is another's now
    assert client.get("/health/reminders").status_code == 200, "nobody has asked yet"
    tasks.prove()
    health = client.get("/health/reminders")
    assert health.status_code == 503
    assert health.json()["proofs"]["broken"] == {"never_sent_without_an_intent": 1}
    asked_at = health.json()["proofs"]["all_asked_at"]
    MessageLog.objects.filter(pk=log.pk + 1_000_000).update(id=log.pk)
    call_command("prove", stdout=StringIO())
    proved = client.get("/health/reminders")
    assert proved.status_code == 200
    assert proved.json()["proofs"]["all_asked_at"] > asked_at


def test_one_whose_worker_is_gone_is_found(clinic: Clinic) -> None:
    now = clock.now()
    outbox.plan(specs=[a_spec(clinic, at=now + timedelta(days=1))], now=now)
    Message.objects.update(
        state=MessageState.LEASED,
        lease_token="018f0000-0000-7000-8000-000000000000",
        lease_until=now - timedelta(minutes=3),
    )
    assert proofs.broken(quick=True) == {"never_leased_for_ever": 1}


def test_one_that_went_out_unannounced_is_found(clinic: Clinic) -> None:
    log = sent(clinic)
    MessageLog.objects.filter(pk=log.pk).update(id=log.pk + 1_000_000)  # its intent is another's now
    assert proofs.broken() == {"never_sent_without_an_intent": 1}


def test_one_that_went_out_after_it_was_cancelled_is_found(clinic: Clinic) -> None:
    log = sent(clinic)
    MessageLog.objects.filter(pk=log.pk).update(state=MessageState.CANCELLED)
    once_more(log, "intent")
    assert proofs.broken() == {"never_sent_after_it_was_cancelled": 1}


def test_one_accepted_twice_is_found_and_counted_on_its_day(clinic: Clinic) -> None:
    log = sent(clinic)
    sent(clinic, "visit:2")
    MessageLog.objects.filter(pk=log.pk).update(attempt=2)
    once_more(log, "outcome", "accepted")
    assert proofs.broken() == {"never_accepted_twice": 1}
    with pytest.raises(CommandError, match="1 of"):
        call_command("prove", stdout=StringIO())
    now = clock.now()
    ada = a_person("ada")
    a_member(clinic, ada, Role.COORDINATOR)
    actor = acts(ada, clinic, at=now)
    (today,) = reminders_by_day(actor, zone=clinic.zone, now=now, since=now - timedelta(days=1))
    assert (today.due, today.sent, today.late, today.twice, today.waiting) == (2, 2, 0, 1, 0)


def test_another_clinic_s_broken_promise_is_not_shown_as_ones_own(clinic: Clinic) -> None:
    now = clock.now()
    outbox.plan(specs=[a_spec(a_clinic("birch"), at=now - timedelta(minutes=3))], now=now)
    assert proofs.broken(clinic_id=clinic.pk) == {}
    assert proofs.broken() != {}
