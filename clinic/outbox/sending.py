"""Claim with a lease, ask once more, commit the intent, send, settle. No transaction is open while anything
is sent.

Killed at any step, nothing is lost: a message without a committed intent was never sent; one with an intent
and no outcome is uncertain, and is sent once more under the same Message-ID.
"""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import Any, Protocol, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from clinic.actors import acting, system_actor
from clinic.adapters.mail import MailChannel, RenderedMail, SendOutcome, message_id_domain, message_key
from clinic.adapters.text import NoAnswer, TooLate, text_channel
from clinic.crash import crash_point
from clinic.ids import uuid7
from clinic.models import Channel, Clinic, Message, MessageAttempt, MessageState
from clinic.outbox.bundles import Bundle, bundles_of, combines, rendered_as_one
from clinic.outbox.purposes import Purpose, Rendered, Sent, Stopped, Undeliverable, purposes
from clinic.outbox.statements import (
    ALREADY_FINISHED,
    CLAIM,
    CLAIM_BESIDE,
    CLAIM_THESE,
    FINISH,
    GIVE_BACK,
    INTEND,
    RECLAIM,
    RECLAIM_THESE,
)
from clinic.rules.quiet_hours import out_of_quiet_hours

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=settings.MESSAGE_LEASE_SECONDS)
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
RESEND_UNCERTAIN_AFTER = timedelta(seconds=60)
MOST_UNKNOWN_OUTCOMES = 2  # the attempt and its one resend
# How long after a message's use has passed its provider is still asked whether it took it.
ASKED_AFTERWARDS = timedelta(hours=2)
ACCEPTED = SendOutcome(verdict="accepted")
TAKEN_APART = SendOutcome(verdict="transient", detail="taken-apart")


class ChannelAdapter(Protocol):
    @property
    def together(self) -> int: ...
    @property
    def timeout_seconds(self) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: Any) -> None: ...
    # Takes what the purposes render for its channel. One that can be asked also has
    # `find(rendered, since=…) -> SendOutcome | None`; one on which the same message twice is two messages
    # says `resends_unknown = False`, is given `too_late` and asks it last of all, raising TooLate; one that
    # takes several at the same time says how many, `at_once`.
    def send(self, mail: Any, /, *, key: str) -> SendOutcome: ...


channels: dict[str, Callable[[], ChannelAdapter]] = {
    Channel.EMAIL: MailChannel,
    Channel.TEXT: text_channel,
}


@dataclass(slots=True, kw_only=True)
class SendReport:
    claimed: int = 0
    sent: int = 0
    cancelled: int = 0
    deferred: int = 0
    retried: int = 0
    uncertain: int = 0
    failed: int = 0
    expired: int = 0
    lost_leases: int = 0
    errors: int = 0


def send_due_messages(
    *,
    now: datetime,
    held: bool = False,
    own: datetime | None = None,
    limit: int = 50,
    deadline_seconds: float = 25,
) -> SendReport:
    """Claim due messages in batches until none is due or the time is up. Any number of workers may run it at
    once. `held`: nobody knows whether it is time, and only what waits for no hour goes: what staff are told,
    and what somebody has asked for just now; none of it is too late before it is so by the machine's `own`
    clock as well."""
    report = SendReport()
    started = time.monotonic()
    with ExitStack() as open_channels:
        sender = _Sender(
            report=report,
            now=now,
            held=held,
            behind=now - min(own or now, now),
            started=started,
            open_channels=open_channels,
        )
        while time.monotonic() - started < deadline_seconds:
            batch = sender.claim(limit)
            if not batch:
                break
            crash_point("after_claim")
            sender.send_batch(batch)
    return report


class _LostLease(Exception):
    """Somebody else has the message now; whatever was about to be written about it is not."""


class _Sender:
    """One drain of the outbox by one worker."""

    def __init__(
        self,
        *,
        report: SendReport,
        now: datetime,
        held: bool,
        behind: timedelta,
        started: float,
        open_channels: ExitStack,
    ) -> None:
        self.report = report
        self.now = now
        self.held = held
        self.behind = behind  # by how much it may be earlier than the database's clock says
        self.started = started
        self.open_channels = open_channels
        self.adapters: dict[str, ChannelAdapter] = {}
        self.domain = message_id_domain()
        self.token = uuid7()
        self.lease_until = now

    @property
    def at(self) -> datetime:
        """`now`, and what has passed since: a drain takes a while."""
        return self.now + timedelta(seconds=time.monotonic() - self.started)

    def claim(self, limit: int) -> list[Message]:
        self.token, at = uuid7(), self.at
        self.lease_until = at + LEASE
        asked = {"at": at, "limit": limit, "token": self.token, "until": self.lease_until}
        if self.held:
            batch = list(Message.objects.raw(CLAIM_THESE, {**asked, "purposes": _waiting_for_no_hour()}))
            self.report.claimed += len(batch)
            return sorted(batch, key=lambda message: (message.send_at, message.pk))
        batch = list(Message.objects.raw(CLAIM, asked))
        if beside := {(one.clinic_id, one.course_id) for one in batch if combines(one)}:
            clinics, courses = zip(*sorted(beside), strict=True)
            at_rest = {"clinics": list(clinics), "courses": list(courses)}
            batch += Message.objects.raw(
                CLAIM_BESIDE, {"at": at, "token": self.token, "until": self.lease_until, **at_rest}
            )
        self.report.claimed += len(batch)
        return sorted(batch, key=lambda message: (message.send_at, message.pk))

    def send_batch(self, batch: Sequence[Message]) -> None:
        by_channel: dict[str, list[Message]] = defaultdict(list)
        for message in self._worth_sending(batch):
            by_channel[message.channel].append(message)
        for channel, messages in by_channel.items():
            adapter = self._adapter(channel)
            bundles = bundles_of(messages, resent_together=getattr(adapter, "find", None) is None)
            for start in range(0, len(bundles), adapter.together):
                group = bundles[start : start + adapter.together]
                # Never begin what might outlast the lease: another worker would begin it too.
                if self._too_late_for(adapter, len(group)):
                    left = [message for bundle in bundles[start:] for message in bundle.messages]
                    self._give_back(left, send_at=None)
                    return
                self._send_group(group, adapter)

    def _too_late_for(self, adapter: ChannelAdapter, sends: int) -> bool:
        turns = ceil(sends / getattr(adapter, "at_once", 1))
        return self.at + timedelta(seconds=adapter.timeout_seconds * turns) > self.lease_until

    def _adapter(self, channel: str) -> ChannelAdapter:
        if channel not in self.adapters:
            self.adapters[channel] = self.open_channels.enter_context(channels[channel]())
        return self.adapters[channel]

    # -- Which of the claimed ones still ought to go

    def _worth_sending(self, batch: Sequence[Message]) -> list[Message]:
        at = self.at
        finished_before = self._already_finished(batch)
        quiet = {
            clinic.pk: clinic
            for clinic in Clinic.objects.filter(pk__in={message.clinic_id for message in batch})
        }
        candidates: dict[str, list[Message]] = defaultdict(list)
        for message in batch:
            try:
                if message.pk in finished_before:
                    # Planned in the very moment in which its twin went to the log.
                    self._drop(message)
                elif message.unknown_outcomes and self._cleared_up(message):
                    continue
                elif message.not_after <= at - self.behind:
                    self._stop(message, MessageState.EXPIRED, "too-late")
                elif message.purpose not in purposes:
                    self._retry(message, "unknown-purpose")
                elif (later := self._later(message, quiet[message.clinic_id], at)) is not None:
                    self._defer(message, later)
                else:
                    candidates[message.purpose].append(message)
            except Exception:
                self._push_back(message)
        worth: list[Message] = []
        for purpose, messages in candidates.items():
            reasons = self._reasons(purposes[purpose], messages)
            for message in messages:
                if message.pk not in reasons:
                    continue  # asking about it failed; it was pushed back
                reason = reasons[message.pk]
                if reason is None:
                    worth.append(message)
                else:
                    self._cancel(message, reason)
        return sorted(worth, key=lambda message: (message.send_at, message.pk))

    def _cleared_up(self, message: Message) -> bool:
        """Whether a message that may have been accepted is dealt with now. Where the channel can be asked, it
        is: found, it has gone; not found, it may go again. Where not, a second copy is sent only if that does
        no harm, once."""
        adapter = self._adapter(message.channel)
        find = getattr(adapter, "find", None)
        if find is None:
            if not getattr(adapter, "resends_unknown", True):
                self._stop(message, MessageState.UNCERTAIN, "may-have-arrived")
                return True
            if message.unknown_outcomes >= MOST_UNKNOWN_OUTCOMES:
                self._stop(message, MessageState.UNCERTAIN, "unknown-twice")
                return True
            return False
        if message.purpose not in purposes:
            return False
        try:
            found = find(purposes[message.purpose].render(message, self.at), since=self._first_tried(message))
        except NoAnswer:
            if self.at >= message.not_after + ASKED_AFTERWARDS:
                self._stop(message, MessageState.UNCERTAIN, "could-not-be-asked")
            else:
                self._give_back([message], send_at=self.at + _backoff(message))
                self.report.uncertain += 1
            return True
        except Undeliverable:
            # The address is gone since: there is nothing to ask by.
            self._stop(message, MessageState.UNCERTAIN, "may-have-arrived")
            return True
        if found is None:
            return False
        if found.verdict == "permanent":
            self._stop(message, MessageState.FAILED, "provider-failed")
        else:
            with transaction.atomic():
                self._tell_sent([message])
                gone = self._finish([message], MessageState.HANDED_OFF, "found-at-provider", None)
            self.report.sent += len(gone)
        return True

    def _first_tried(self, message: Message) -> datetime:
        tried = MessageAttempt.objects.filter(
            clinic_id=message.clinic_id, message_id=message.pk, step=MessageAttempt.Step.INTENT
        )
        return tried.order_by("attempt").values_list("at", flat=True).first() or message.planned_at

    def _already_finished(self, batch: Sequence[Message]) -> set[int]:
        with connection.cursor() as cursor:
            cursor.execute(ALREADY_FINISHED, {"ids": [message.pk for message in batch]})
            return {row[0] for row in cursor.fetchall()}

    def _later(self, message: Message, clinic: Clinic, at: datetime) -> datetime | None:
        if not purposes[message.purpose].respects_quiet_hours:
            return None
        allowed_at = out_of_quiet_hours(
            at, zone=ZoneInfo(message.zone), quiet_from=clinic.quiet_from, quiet_until=clinic.quiet_until
        )
        return allowed_at if allowed_at > at else None

    def _reasons(self, purpose: Purpose, messages: Sequence[Message]) -> dict[int, str | None]:
        """One question for all; when that fails, one each, so that a bad row is alone with its trouble."""
        try:
            with transaction.atomic():
                answers = purpose.still_wanted(messages, self.at)
            return {message.pk: answers.get(message.pk, "gone") for message in messages}
        except Exception:
            log.exception("asking whether %d messages are still wanted failed", len(messages))
            self.report.errors += 1
            if len(messages) == 1:
                self._retry(messages[0], "still-wanted-failed")
                return {}
            return {
                pk: reason for message in messages for pk, reason in self._reasons(purpose, [message]).items()
            }

    # -- One group: intent, send, settle

    def _send_group(self, group: Sequence[Bundle], adapter: ChannelAdapter) -> None:
        ready = [one for bundle in group for one in self._rendered(bundle)]
        mine = self._intend([bundle for bundle, _rendered in ready])
        ready = [one for one in ready if self._whole(one[0], mine)]
        crash_point("after_intent")
        at_once = getattr(adapter, "at_once", 1)
        if at_once == 1 or len(ready) < 2:
            outcomes = [self._send(bundle, rendered, adapter) for bundle, rendered in ready]
        else:
            with ThreadPoolExecutor(min(at_once, len(ready))) as senders:
                outcomes = list(senders.map(lambda one: self._send(one[0], one[1], adapter), ready))
        self.report.lost_leases += outcomes.count(None)
        self._settle(
            [
                (bundle, outcome)
                for (bundle, _rendered), outcome in zip(ready, outcomes, strict=True)
                if outcome is not None
            ]
        )

    def _rendered(self, bundle: Bundle) -> list[tuple[Bundle, Rendered]]:
        """The bundle as one message if its words fit into one, else as several. What cannot be rendered is
        ended or tried again, each on its own."""
        if len(bundle.messages) > 1:
            try:
                as_one = rendered_as_one(bundle, self.at)
            except Exception:
                # One of them; each on its own shows which.
                log.info("message %s could not be rendered with others", bundle.key)
                as_one = None
            if as_one is not None:
                left = bundle.messages[len(as_one[0].messages) :]
                return [as_one, *(self._rendered(_bundle_of(left)) if left else ())]
            return [one for message in bundle.messages for one in self._rendered(_bundle_of([message]))]
        [message] = bundle.messages
        try:
            return [(bundle, purposes[message.purpose].render(message, self.at))]
        except Undeliverable as error:
            self._stop(message, MessageState.FAILED, str(error))
        except Exception:
            log.exception("message %s could not be rendered", message.public_id)
            self.report.errors += 1
            self._retry(message, "render-failed")
        return []

    def _whole(self, bundle: Bundle, mine: set[int]) -> bool:
        """Whether all of it is still ours. Where somebody took or cancelled a part, the words are no longer
        right: the rest is due again at once."""
        left = [message for message in bundle.messages if message.pk in mine]
        if len(left) == len(bundle.messages):
            return True
        if left:
            self._give_back(left, send_at=None, outcome=TAKEN_APART)
        return False

    def _send(self, bundle: Bundle, rendered: Rendered, adapter: ChannelAdapter) -> SendOutcome | None:
        """Hand one over; None when it is not ours to send any more. Touches no database: several run at
        once."""
        once: dict[str, Any] = {}
        if not getattr(adapter, "resends_unknown", True):
            once["too_late"] = partial(self._too_late_for, adapter, 1)
        try:
            dated = replace(rendered, dated_at=self.at) if isinstance(rendered, RenderedMail) else rendered
            outcome = adapter.send(dated, key=message_key(bundle.key, self.domain), **once)
        except TooLate:
            # We stood still since the intent: whoever has the lease by now asks the provider and sends.
            return None
        except Exception:
            # An adapter that raises instead of answering: nobody can say what became of the message.
            log.exception("channel %s raised for message %s", bundle.messages[0].channel, bundle.key)
            outcome = SendOutcome(verdict="unknown", detail="adapter-raised")
        if outcome.verdict == "accepted":
            crash_point("after_accept")
        return outcome

    def _intend(self, bundles: Sequence[Bundle]) -> set[int]:
        """Commit that we are about to send. A message cancelled or reclaimed meanwhile is not ours any
        more."""
        messages = [message for bundle in bundles for message in bundle.messages]
        if not messages:
            return set()
        carriers = {pk: key for bundle in bundles for pk, key in bundle.carriers.items()}
        mine = self._run(INTEND, messages, carriers=json.dumps(carriers) if carriers else None)
        for message in messages:
            message.attempt += 1
        self.report.lost_leases += len(messages) - len(mine)
        return mine

    def _run(
        self, statement: str, messages: Iterable[Message], **values: str | int | datetime | None
    ) -> set[int]:
        """One statement over those of the messages that are still ours; their ids."""
        with connection.cursor() as cursor:
            cursor.execute(
                statement,
                {
                    "ids": [message.pk for message in messages],
                    "token": self.token,
                    "at": self.at,
                    "domain": self.domain,
                    "details": None,
                    "carriers": None,
                    **values,
                },
            )
            return {row[0] for row in cursor.fetchall()}

    def _settle(self, settled: Sequence[tuple[Bundle, SendOutcome]]) -> None:
        accepted = {
            message: outcome.detail
            for bundle, outcome in settled
            if outcome.verdict == "accepted"
            for message in bundle.messages
        }
        if accepted:
            with transaction.atomic():
                self._tell_sent(list(accepted))
                gone = self._finish(
                    accepted,
                    MessageState.HANDED_OFF,
                    "",
                    ACCEPTED,
                    details={message.pk: detail[:200] for message, detail in accepted.items()},
                )
                crash_point("before_settle")
            self.report.sent += len(gone)
            self._count_lost(list(accepted), gone)
        for bundle, outcome in settled:
            for message in bundle.messages:
                if outcome.verdict == "permanent":
                    self._stop(message, MessageState.FAILED, outcome.detail, outcome=outcome)
                elif outcome.verdict == "transient":
                    # All of them when the first one is: they go together again.
                    self._retry(message, outcome.detail, outcome=outcome, wait=_backoff(bundle.messages[0]))
                elif outcome.verdict == "unknown":
                    self._doubt(message, outcome)

    # -- The ways a claimed message can go

    def _finish(
        self,
        messages: Iterable[Message],
        state: str,
        reason: str,
        outcome: SendOutcome | None,
        *,
        details: Mapping[int, str] | None = None,
    ) -> set[int]:
        """Move to the log those that are still ours, with the outcome of the attempt if there was one;
        `details` are what the channel calls each (message id → its word)."""
        return self._run(
            FINISH,
            messages,
            state=state,
            reason=reason[:200],
            details=json.dumps(details) if details is not None else None,
            **_noted(outcome),
        )

    def _tell_sent(self, messages: Sequence[Message]) -> None:
        """Tell who owns their purposes, before the rows are touched: hooks lock courses, and whoever holds a
        course may be waiting for one of these messages."""
        by_hook: dict[Sent, list[Message]] = defaultdict(list)
        for message in messages:
            purpose = purposes.get(message.purpose)
            if purpose is not None and purpose.on_sent is not None:
                by_hook[purpose.on_sent].append(message)
        for hook, theirs in by_hook.items():
            hook(theirs, self.at)

    def _stop(
        self, message: Message, state: MessageState, reason: str, *, outcome: SendOutcome | None = None
    ) -> None:
        """End it undelivered and tell whoever owns the purpose, in one transaction: a person takes over, or
        nothing has changed and it is tried again."""
        if message.unknown_outcomes and state in (MessageState.EXPIRED, MessageState.FAILED):
            state = MessageState.UNCERTAIN  # an earlier attempt may have arrived
        purpose = purposes.get(message.purpose)
        hook = purpose.on_undeliverable if purpose else None
        if self._end(message, state, reason, hook, outcome):
            counted = {
                MessageState.FAILED: "failed",
                MessageState.EXPIRED: "expired",
                MessageState.UNCERTAIN: "uncertain",
            }[state]
            setattr(self.report, counted, getattr(self.report, counted) + 1)

    def _cancel(self, message: Message, reason: str) -> None:
        state = MessageState.UNCERTAIN if message.unknown_outcomes else MessageState.CANCELLED
        if self._end(message, state, reason, purposes[message.purpose].on_unwanted, None):
            self.report.cancelled += 1

    def _end(
        self,
        message: Message,
        state: MessageState,
        reason: str,
        hook: Stopped | None,
        outcome: SendOutcome | None,
    ) -> bool:
        message.state = state
        try:
            with acting(system_actor(clinic_id=message.clinic_id, at=self.at)):
                if hook is not None:
                    # Before the message's own row is touched: hooks lock a course, and whoever holds a course
                    # may be waiting for this very message to cancel it.
                    hook(message, reason, self.at)
                if message.pk not in self._finish([message], state, reason, outcome):
                    raise _LostLease
        except _LostLease:
            self._count_lost([message], set())
            return False
        except Exception:
            self._push_back(message)
            return False
        return True

    def _retry(
        self,
        message: Message,
        reason: str,
        *,
        outcome: SendOutcome | None = None,
        wait: timedelta | None = None,
    ) -> None:
        at = self.at
        if at >= message.not_after:
            self._stop(message, MessageState.EXPIRED, reason, outcome=outcome)
            return
        wait = wait or _backoff(message)
        if outcome is not None and outcome.retry_after is not None:
            wait = max(wait, timedelta(seconds=outcome.retry_after))
        self._give_back([message], send_at=min(at + wait, message.not_after), outcome=outcome)
        self.report.retried += 1

    def _doubt(self, message: Message, outcome: SendOutcome) -> None:
        self._give_back([message], send_at=self.at + RESEND_UNCERTAIN_AFTER, outcome=outcome)
        self.report.uncertain += 1

    def _defer(self, message: Message, later: datetime) -> None:
        if later >= message.not_after:
            self._stop(message, MessageState.EXPIRED, "quiet-hours")
        else:
            self._give_back([message], send_at=later)
            self.report.deferred += 1

    def _push_back(self, message: Message) -> None:
        """Something of ours failed: try the same again later, for as long as it takes. Never dropped."""
        log.exception("message %s is pushed back", message.public_id)
        self.report.errors += 1
        self._give_back([message], send_at=self.at + _backoff(message))

    def _give_back(
        self, messages: Sequence[Message], *, send_at: datetime | None, outcome: SendOutcome | None = None
    ) -> None:
        unknown = 1 if outcome is not None and outcome.verdict == "unknown" else 0
        kept = self._run(GIVE_BACK, messages, send_at=send_at, unknown=unknown, **_noted(outcome))
        self.report.lost_leases += len(messages) - len(kept)

    def _drop(self, message: Message) -> None:
        Message.objects.filter(pk=message.pk, lease_token=self.token).delete()
        self.report.cancelled += 1

    def _count_lost(self, messages: Sequence[Message], kept: set[int]) -> None:
        for message in messages:
            if message.pk not in kept:
                log.warning("lost the lease of message %s before it was settled", message.public_id)
                self.report.lost_leases += 1


def _bundle_of(messages: Sequence[Message]) -> Bundle:
    return Bundle(messages=tuple(messages), key=messages[0].public_id)


def _noted(outcome: SendOutcome | None) -> dict[str, str]:
    if outcome is None:
        return {"result": "", "detail": ""}
    return {"result": outcome.verdict, "detail": outcome.detail[:200]}


def _backoff(message: Message) -> timedelta:
    """Doubling, with a jitter taken from the message's id: repeatable, and no wave of retries in step."""
    wait: timedelta = min(FIRST_RETRY * 2 ** min(max(message.attempt - 1, 0), 10), LONGEST_RETRY)
    return wait * (0.75 + (_low_bits(message.public_id) % 1000) / 2000)


def _low_bits(value: UUID) -> int:
    return value.int & 0xFFFF


def sweep(*, now: datetime, held: bool = False, limit: int = 1000) -> int:
    """Take back what dead workers held. With no intent it was never sent; with one it is uncertain. `held`:
    whether a lease has run out is not known either, and only what waits for no hour is taken back."""
    asked: dict[str, Any] = {"now": now, "limit": limit, "domain": message_id_domain()}
    with connection.cursor() as cursor:
        if held:
            cursor.execute(RECLAIM_THESE, {**asked, "purposes": _waiting_for_no_hour()})
        else:
            cursor.execute(RECLAIM, asked)
        return int(cursor.rowcount)


def _waiting_for_no_hour() -> list[str]:
    return [name for name, purpose in purposes.items() if not purpose.respects_quiet_hours]
