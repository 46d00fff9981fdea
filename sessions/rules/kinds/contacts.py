"""Calls and check-ins, each occurrence with a window of its own. An attempt without an answer is not a
contact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from protocols.rules.definition import ContactRule
from sessions.rules.facts import ContactMade, ContactResult, Fact
from sessions.rules.keys import key_of
from sessions.rules.kinds.occurring import act_for
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling.in_window import DECLINED, Refusal, settle_window
from sessions.rules.timeline import Timeline
from sessions.rules.windows import Candidate, Span, in_window, matches_by_time, times


def requirements_of(timeline: Timeline, rule: ContactRule) -> Iterator[Requirement]:
    contacts = timeline.facts(ContactMade)
    reached = [
        Candidate(at=fact.occurred_at, fact=fact)
        for fact, contact in contacts
        if contact.result == ContactResult.REACHED
    ]
    # Sessions held, planned or not, are contacts too where the protocol says so.
    reached += [
        Candidate(at=held.started_at, fact=held.fact)
        for held in timeline.all_held
        if held.value.kind in rule.met_by_sessions
    ]
    reached.sort(key=lambda candidate: (candidate.at, candidate.fact.id))
    attempts = [
        fact
        for fact, contact in contacts
        if contact.result not in (ContactResult.REACHED, ContactResult.DECLINED)
    ]
    declined = [fact for fact, contact in contacts if contact.result == ContactResult.DECLINED]
    count = rule.count.value
    for cycle in timeline.cycles_of(rule.per):
        for occurrence in range(1, count + 1):
            key = key_of(rule, cycle)
            if count > 1:
                key = f"{key}#{occurrence}"
            span = timeline.span(
                rule.window,
                cycle=cycle,
                suspended_by_hold=timeline.suspended_by_hold(rule),
                extra=times(rule.every.value, occurrence - 1) if occurrence > 1 else None,
            )
            yield settle_window(
                timeline,
                rule,
                key=key,
                kind=Kind.CONTACT,
                cycle=cycle,
                occurrence=occurrence,
                span=span,
                act=act_for(key, span, reached),
                refusal=_refusal(key, span, declined),
                attempts=attempts,
            )


def _refusal(key: str, span: Span, declined: Sequence[Fact]) -> Refusal | None:
    for fact in declined:
        in_time = fact.key is None and matches_by_time(span) and in_window(span.window, fact.occurred_at)
        if fact.key == key or in_time:
            return Refusal(at=fact.occurred_at, fact=fact, cause=DECLINED)
    return None
