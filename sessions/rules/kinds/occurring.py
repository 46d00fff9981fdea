"""Which of the acts that happened meets a requirement: one made for it, or any that fell within its
window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sessions.rules.facts import Fact
from sessions.rules.settling import Act, in_window, shown
from sessions.rules.timeline import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    at: datetime
    fact: Fact


def matches_by_time(span: Span) -> bool:
    """Whether an act that names no requirement may meet this one: not while its window is only a
    projection."""
    return span.firm or span.before_anchor


def act_for(key: str, span: Span, candidates: Sequence[Candidate]) -> Act | None:
    """The act that settles `key`. `candidates` are in order of time. Within the window the first one counts,
    whomever it
    was meant for; outside it only one made for this requirement, the first early or late."""
    meant: Candidate | None = None
    for candidate in candidates:
        mine = candidate.fact.key == key
        if mine and meant is None:
            meant = candidate
        if (mine or matches_by_time(span)) and _bounded(span, candidate.at):
            return Act(at=candidate.at, evidence=(shown(candidate.fact),))
    return None if meant is None else Act(at=meant.at, evidence=(shown(meant.fact),))


def _bounded(span: Span, at: datetime) -> bool:
    # A window without any bound would swallow every act of its kind.
    window = span.window
    if window.opens_at is None and window.closes_at is None:
        return False
    return in_window(window, at)
