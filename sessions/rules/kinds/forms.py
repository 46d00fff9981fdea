"""Forms and reports to be signed, handed over or filed in a window."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.rules.definition import FormRule
from sessions.rules.facts import FormFiled
from sessions.rules.keys import key_of
from sessions.rules.kinds.occurring import act_for
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling.in_window import settle_window
from sessions.rules.timeline import Timeline
from sessions.rules.windows import Candidate


def requirements_of(timeline: Timeline, rule: FormRule) -> Iterator[Requirement]:
    filed = [
        Candidate(at=fact.occurred_at, fact=fact)
        for fact, form in timeline.facts(FormFiled)
        if form.form == rule.form
    ]
    for cycle in timeline.cycles_of(rule.per):
        key = key_of(rule, cycle)
        span = timeline.span(rule.window, cycle=cycle, suspended_by_hold=timeline.suspended_by_hold(rule))
        yield settle_window(
            timeline,
            rule,
            key=key,
            kind=Kind.FORM,
            cycle=cycle,
            span=span,
            act=act_for(key, span, filed),
        )
