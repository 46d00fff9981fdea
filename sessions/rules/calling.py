"""In which order patients are rung: who said something that worries first, then who has a standing flag, then
whose dose is the shortest time ago, then whose clock runs out first. An order of work, not a score: it says
nothing of how a patient is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

_NEVER_DOSED = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """What is known of one patient that bears on who is rung first. `urgent`: the instrument asks for acting
    at once; `days_since_dose`: whole days, None before any dose."""

    worried: bool = False
    urgent: bool = False
    flagged: bool = False
    days_since_dose: int | None = None
    act_by: datetime


def call_order(risk: Risk) -> tuple[bool, bool, bool, int, datetime]:
    """What patients are sorted by, the first to be rung first."""
    since = _NEVER_DOSED if risk.days_since_dose is None else risk.days_since_dose
    return not risk.urgent, not risk.worried, not risk.flagged, since, risk.act_by
