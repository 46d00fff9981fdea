"""What was done for a requirement: one act made for it, or any that fell within its window."""

from __future__ import annotations

from collections.abc import Sequence

from sessions.rules.settling.every_shape import shown
from sessions.rules.settling.in_window import Act
from sessions.rules.windows import Candidate, Span, chosen


def act_for(key: str, span: Span, candidates: Sequence[Candidate]) -> Act | None:
    """The act that settles `key`, among candidates in order of time."""
    return as_act(chosen(key, span, candidates))


def as_act(candidate: Candidate | None) -> Act | None:
    return None if candidate is None else Act(at=candidate.at, evidence=(shown(candidate.fact),))
