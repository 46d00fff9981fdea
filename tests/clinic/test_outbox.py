"""Sending: once, never twice, never lost, never when no longer wanted; and what each failure leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from clinic import outbox
from clinic.adapters.mail import RenderedMail, SendOutcome
from clinic.models import Clinic, Message, MessageAttempt, MessageLog, MessageState
from clinic.outbox.sending import LEASE, MOST_UNKNOWN_OUTCOMES, RESEND_UNCERTAIN_AFTER
from tests.clinic.house import NOON, Teller, a_clinic, a_spec, registered

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return a_clinic()


@pytest.fixture
def teller() -> Iterator[Teller]:
    with registered(Teller()) as teller:
        yield teller


class Scripted:
    """A channel that answers as told, and keeps the keys it was given."""

    together = 1
    timeout_seconds = 1

    def __init__(self, *verdicts: str) -> None:
        self.verdicts = list(verdicts)
        self.keys: list[str] = []
        self.while_sending: Callable[[], None] = lambda: None

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *args: object) -> None:
        return None

    def send(self, mail: RenderedMail, *, key: str) -> SendOutcome:
        self.keys.append(key)
        self.while_sending()
        verdict: Any = self.verdicts.pop(0) if self.verdicts else "accepted"
        return SendOutcome(verdict=verdict, detail=f"told-{verdict}")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    channel = Scripted()
    monkeypatch.setitem(outbox.channels, "email", lambda: channel)
    return channel


def finished() -> dict[str, str]:
    return dict(MessageLog.objects.values_list("subject_key", "state"))


# --- planning ---


def test_planning_the_same_message_twice_writes_one(clinic: Clinic) -> None:
    assert outbox.plan(specs=[a_spec(clinic), a_spec(clinic)], now=NOON) == 1
    assert outbox.plan(specs=[a_spec(clinic)], now=NOON) == 0
    assert Message.objects.count() == 1


def test_a_moved_visit_is_reminded_anew(clinic: Clinic) -> None:
    later = NOON + timedelta(days=9)
    assert outbox.plan(specs=[a_spec(clinic), a_spec(clinic, target_at=later)], now=NOON) == 2


def test_a_changed_zone_moves_the_waiting_message(clinic: Clinic) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    moved = a_spec(clinic, zone="Asia/Kathmandu", send_at=NOON + timedelta(hours=1))
    assert outbox.plan(specs=[moved], now=NOON) == 1
    assert Message.objects.get().send_at == NOON + timedelta(hours=1)


def test_new_rules_of_a_zone_move_what_waits_for_the_same_hour(clinic: Clinic) -> None:
    spec = a_spec(clinic, send_at=NOON + timedelta(days=2), not_after=NOON + timedelta(days=3))
    outbox.plan(specs=[spec], now=NOON)
    Message.objects.update(send_at=spec.send_at - timedelta(hours=1))  # as the rules were when it was planned
    assert outbox.plan(specs=[spec], now=NOON) == 1
    assert Message.objects.get().send_at == spec.send_at
    assert outbox.plan(specs=[spec], now=NOON) == 0, "asked again nothing is written"


def test_what_was_put_off_is_not_called_forward(clinic: Clinic) -> None:
    spec = a_spec(clinic, send_at=NOON, not_after=NOON + timedelta(days=1))
    outbox.plan(specs=[spec], now=NOON)
    Message.objects.update(send_at=NOON + timedelta(hours=9))
    assert outbox.plan(specs=[spec], now=NOON + timedelta(minutes=1)) == 0
    assert Message.objects.get().send_at == NOON + timedelta(hours=9)


def test_a_message_that_went_out_is_never_planned_again(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    outbox.send_due_messages(now=NOON)
    assert outbox.plan(specs=[a_spec(clinic)], now=NOON) == 0


def test_one_planned_in_the_moment_its_twin_went_out_is_dropped(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    outbox.send_due_messages(now=NOON)
    # What a planner leaves whose statement began before the twin was logged and ended after: the index saw
    # nothing.
    outbox.plan(specs=[a_spec(clinic, "visit:2")], now=NOON)
    Message.objects.update(subject_key="visit:1")
    outbox.send_due_messages(now=NOON)
    assert len(mail.outbox) == 1
    assert not Message.objects.exists()


def test_a_cancelled_message_may_be_planned_again(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    assert (
        outbox.cancel_unsent(clinic_id=clinic.pk, subject_keys=["visit:1"], reason="on-hold", now=NOON) == 1
    )
    assert finished() == {"visit:1": "cancelled"}
    assert outbox.plan(specs=[a_spec(clinic)], now=NOON) == 1
    outbox.send_due_messages(now=NOON)
    assert len(mail.outbox) == 1


def test_planning_a_course_again_writes_nothing_when_nothing_changed(clinic: Clinic) -> None:
    specs = [a_spec(clinic, f"visit:{n}", course_id=5) for n in range(3)]
    plan = partial(outbox.plan_course, clinic_id=clinic.pk, course_id=5, now=NOON)
    assert plan(specs=specs) == (3, 0)
    assert plan(specs=specs) == (0, 0)
    assert plan(specs=specs[:1]) == (0, 2)
    assert finished() == {"visit:1": "cancelled", "visit:2": "cancelled"}


def test_the_database_refuses_a_second_message_for_one_target(clinic: Clinic) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    twin = Message.objects.get()
    twin.pk, twin.public_id = None, "018f0000-0000-7000-8000-000000000001"
    with pytest.raises(IntegrityError, match="one_message_per_purpose_and_target"), transaction.atomic():
        twin.save(force_insert=True)


def test_attempts_cannot_be_changed_or_deleted(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    outbox.send_due_messages(now=NOON)
    for change in (MessageAttempt.objects.all().delete, lambda: MessageAttempt.objects.update(detail="x")):
        with pytest.raises(IntegrityError, match="only added to"), transaction.atomic():
            change()


# --- once, and only when wanted ---


def test_a_due_message_is_sent_once_however_often_the_loop_runs(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic, f"visit:{n}") for n in range(7)], now=NOON)
    for _run in range(24):
        outbox.send_due_messages(now=NOON, limit=3)
    assert len(mail.outbox) == 7
    assert set(finished().values()) == {"handed_off"}


def test_nothing_is_sent_before_its_time(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    outbox.send_due_messages(now=NOON - timedelta(minutes=1))
    assert mail.outbox == []


def test_after_skipped_ticks_it_is_sent_once_on_the_next(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    outbox.send_due_messages(now=NOON + timedelta(hours=3))
    outbox.send_due_messages(now=NOON + timedelta(hours=4))
    assert len(mail.outbox) == 1


def test_too_late_it_expires_and_its_owner_is_told(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    outbox.send_due_messages(now=NOON + timedelta(hours=6, seconds=1))
    assert mail.outbox == []
    assert finished() == {"visit:1": "expired"}
    assert teller.undeliverable == [("visit:1", "expired", "too-late")]


def test_one_cancelled_between_plan_and_send_does_not_go_out(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic, f"visit:{n}") for n in range(3)], now=NOON)
    teller.reasons["visit:1"] = "moved"
    report = outbox.send_due_messages(now=NOON)
    assert {message.to[0] for message in mail.outbox} == {"visit-0@example.org", "visit-2@example.org"}
    assert finished()["visit:1"] == "cancelled"
    assert (report.sent, report.cancelled) == (2, 1)
    assert teller.unwanted == [("visit:1", "moved")]


def test_one_cancelled_after_it_was_claimed_does_not_go_out(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    teller.while_asked = lambda: (
        outbox.cancel_unsent(clinic_id=clinic.pk, subject_keys=["visit:1"], reason="moved", now=NOON),
        None,
    )[1]
    report = outbox.send_due_messages(now=NOON)
    assert mail.outbox == []
    assert report.lost_leases == 1
    assert finished() == {"visit:1": "cancelled"}


def test_one_whose_sending_has_begun_cannot_be_cancelled(
    clinic: Clinic, teller: Teller, scripted: Scripted
) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    cancelled: list[int] = []
    scripted.while_sending = lambda: cancelled.append(
        outbox.cancel_unsent(clinic_id=clinic.pk, subject_keys=["visit:1"], reason="moved", now=NOON)
    )
    outbox.send_due_messages(now=NOON)
    assert cancelled == [0]
    assert finished() == {"visit:1": "handed_off"}


def test_all_are_asked_about_in_one_question(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic, f"visit:{n}") for n in range(20)], now=NOON)
    outbox.send_due_messages(now=NOON)
    assert teller.asked == [20]


# --- one bad row ---


def test_a_row_that_cannot_be_read_does_not_stop_the_others(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic, f"visit:{n}") for n in range(4)], now=NOON)
    teller.unreadable.add("visit:0")
    report = outbox.send_due_messages(now=NOON)
    assert report.sent == 3
    left = Message.objects.get()
    assert (left.subject_key, left.state) == ("visit:0", "planned")
    assert left.send_at > NOON


def test_a_patient_without_an_address_does_not_stop_the_others(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic, f"visit:{n}") for n in range(3)], now=NOON)
    teller.addresses["visit:0"] = ""
    report = outbox.send_due_messages(now=NOON)
    assert (report.sent, report.failed) == (2, 1)
    assert teller.undeliverable == [("visit:0", "failed", "no-address")]


def test_when_telling_its_owner_fails_the_message_is_kept_and_told_again(
    clinic: Clinic, teller: Teller
) -> None:
    def refuse() -> None:
        raise RuntimeError("no task could be opened")

    outbox.plan(specs=[a_spec(clinic, "visit:0"), a_spec(clinic, "visit:1")], now=NOON)
    teller.addresses["visit:0"] = ""
    teller.while_told = refuse
    assert outbox.send_due_messages(now=NOON).sent == 1
    assert Message.objects.get().subject_key == "visit:0"
    teller.while_told = lambda: None
    outbox.send_due_messages(now=NOON + timedelta(hours=1))
    assert teller.undeliverable == [("visit:0", "failed", "no-address")]
    assert finished()["visit:0"] == "failed"


def test_a_purpose_nobody_registered_waits_for_one_who_does(clinic: Clinic) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    outbox.send_due_messages(now=NOON)
    with registered(Teller()):
        outbox.send_due_messages(now=NOON + timedelta(minutes=5))
    assert len(mail.outbox) == 1


# --- what the channel answers ---


def test_a_transient_refusal_is_tried_again_and_then_arrives(
    clinic: Clinic, teller: Teller, scripted: Scripted
) -> None:
    scripted.verdicts = ["transient", "transient"]
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    for minutes in range(10):
        outbox.send_due_messages(now=NOON + timedelta(minutes=minutes))
    assert len(scripted.keys) == 3
    assert finished() == {"visit:1": "handed_off"}


def test_retries_end_with_the_message_s_own_time(clinic: Clinic, teller: Teller, scripted: Scripted) -> None:
    scripted.verdicts = ["transient"] * 100
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    for minutes in range(0, 8 * 60, 5):
        outbox.send_due_messages(now=NOON + timedelta(minutes=minutes))
    assert finished() == {"visit:1": "expired"}
    assert teller.undeliverable[0][:2] == ("visit:1", "expired")
    assert 5 < len(scripted.keys) < 20


def test_a_permanent_refusal_is_not_tried_again(clinic: Clinic, teller: Teller, scripted: Scripted) -> None:
    scripted.verdicts = ["permanent"]
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    for hours in range(4):
        outbox.send_due_messages(now=NOON + timedelta(hours=hours))
    assert len(scripted.keys) == 1
    assert teller.undeliverable == [("visit:1", "failed", "told-permanent")]


def test_an_uncertain_one_is_resent_once_under_the_same_message_id(
    clinic: Clinic, teller: Teller, scripted: Scripted
) -> None:
    scripted.verdicts = ["unknown"]
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    outbox.send_due_messages(now=NOON)
    assert Message.objects.get().state == "uncertain"
    outbox.send_due_messages(now=NOON + RESEND_UNCERTAIN_AFTER + timedelta(seconds=1))
    assert len(scripted.keys) == 2
    assert len(set(scripted.keys)) == 1
    assert finished() == {"visit:1": "handed_off"}


def test_uncertain_twice_goes_to_a_person(clinic: Clinic, teller: Teller, scripted: Scripted) -> None:
    scripted.verdicts = ["unknown"] * 10
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    for minutes in range(20):
        outbox.send_due_messages(now=NOON + timedelta(minutes=minutes))
    assert len(scripted.keys) == MOST_UNKNOWN_OUTCOMES
    assert teller.undeliverable == [("visit:1", "uncertain", "unknown-twice")]
    assert finished() == {"visit:1": "uncertain"}


def test_what_may_have_arrived_is_never_logged_as_expired(
    clinic: Clinic, teller: Teller, scripted: Scripted
) -> None:
    scripted.verdicts = ["unknown"]
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    outbox.send_due_messages(now=NOON)
    outbox.send_due_messages(now=NOON + timedelta(hours=7))
    assert finished() == {"visit:1": "uncertain"}


# --- leases ---


def test_a_worker_that_died_before_the_intent_leaves_the_message_as_planned(
    clinic: Clinic, teller: Teller
) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    Message.objects.update(
        state="leased", lease_token="018f0000-0000-7000-8000-000000000002", lease_until=NOON
    )
    assert outbox.sweep(now=NOON) == 0
    assert outbox.sweep(now=NOON + timedelta(seconds=1)) == 1
    assert Message.objects.get().state == "planned"
    assert outbox.send_due_messages(now=NOON + timedelta(seconds=2)).sent == 1


def test_a_worker_that_died_after_the_intent_leaves_the_message_uncertain(
    clinic: Clinic, teller: Teller
) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    Message.objects.update(
        state="leased",
        lease_token="018f0000-0000-7000-8000-000000000002",
        lease_until=NOON,
        intent_at=NOON,
        attempt=1,
    )
    outbox.sweep(now=NOON + timedelta(seconds=1))
    message = Message.objects.get()
    assert (message.state, message.unknown_outcomes) == ("uncertain", 1)
    assert MessageAttempt.objects.get().result == "unknown"


def test_a_frozen_worker_cannot_settle_what_was_taken_from_it(
    clinic: Clinic, teller: Teller, scripted: Scripted
) -> None:
    def freeze() -> None:
        scripted.while_sending = lambda: None
        outbox.sweep(now=NOON + LEASE * 2)

    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    scripted.while_sending = freeze
    report = outbox.send_due_messages(now=NOON, limit=1, deadline_seconds=0.001)
    assert (report.sent, report.lost_leases) == (0, 1)
    assert Message.objects.get().state == "uncertain"
    outbox.send_due_messages(now=NOON + LEASE * 3)
    assert len(set(scripted.keys)) == 1
    assert finished() == {"visit:1": "handed_off"}


def test_nothing_is_begun_that_might_outlast_the_lease(
    clinic: Clinic, teller: Teller, scripted: Scripted
) -> None:
    scripted.timeout_seconds = int(LEASE.total_seconds()) + 1
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    outbox.send_due_messages(now=NOON, deadline_seconds=0.001)
    assert scripted.keys == []
    assert Message.objects.get().state == "planned"


# --- quiet hours ---


@pytest.mark.parametrize(
    ("zone", "at", "sent_at"),
    [
        ("UTC", datetime(2026, 3, 10, 21, 0, tzinfo=UTC), datetime(2026, 3, 11, 9, 0, tzinfo=UTC)),
        ("UTC", datetime(2026, 3, 10, 8, 59, tzinfo=UTC), datetime(2026, 3, 10, 9, 0, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 3, 10, 2, 0, tzinfo=UTC), datetime(2026, 3, 10, 3, 15, tzinfo=UTC)),
    ],
    ids=["the evening before", "a minute too early", "the patient's morning, not the clinic's"],
)
def test_in_quiet_hours_it_waits_until_they_end(
    clinic: Clinic, teller: Teller, zone: str, at: datetime, sent_at: datetime
) -> None:
    outbox.plan(specs=[a_spec(clinic, at=at, zone=zone, not_after=at + timedelta(days=1))], now=at)
    assert outbox.send_due_messages(now=at).deferred == 1
    assert Message.objects.get().send_at == sent_at
    assert outbox.send_due_messages(now=sent_at).sent == 1


def test_one_that_cannot_wait_for_the_morning_goes_to_a_person(clinic: Clinic, teller: Teller) -> None:
    at = datetime(2026, 3, 10, 21, 0, tzinfo=UTC)
    outbox.plan(specs=[a_spec(clinic, at=at)], now=at)
    outbox.send_due_messages(now=at)
    assert teller.undeliverable == [("visit:1", "expired", "quiet-hours")]


def test_a_purpose_may_go_out_at_any_hour(clinic: Clinic) -> None:
    at = datetime(2026, 3, 10, 23, 0, tzinfo=UTC)
    with registered(Teller(), respects_quiet_hours=False):
        outbox.plan(specs=[a_spec(clinic, at=at)], now=at)
        assert outbox.send_due_messages(now=at).sent == 1


# --- the mail itself ---


def test_a_mail_says_that_a_machine_sent_it_and_names_no_clinic(clinic: Clinic, teller: Teller) -> None:
    outbox.plan(specs=[a_spec(clinic)], now=NOON)
    public_id = Message.objects.get().public_id
    outbox.send_due_messages(now=NOON)
    sent = mail.outbox[0]
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"
    assert sent.extra_headers["Message-ID"].startswith(f"<{public_id}@")
    assert clinic.name not in str(sent.message())


def test_batches_take_the_same_number_of_claims_whatever_they_hold(clinic: Clinic, teller: Teller) -> None:
    counts = []
    for size in (1, 10):
        outbox.plan(specs=[a_spec(clinic, f"visit:{size}:{n}") for n in range(size)], now=NOON)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            outbox.send_due_messages(now=NOON)
        counts.append((len(queries), size))
    # One intent and one settlement each, so that a kill leaves at most one uncertain; the rest is per batch.
    (few, one), (many, ten) = counts
    assert (many - few) % (ten - one) == 0
    assert MessageLog.objects.filter(state=MessageState.HANDED_OFF).count() == 11
