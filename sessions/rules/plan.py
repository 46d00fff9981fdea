"""The plan: the requirements that are sessions, each with its window, its booking and the one word for the
screen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from protocols.rules.definition import ProtocolDefinition, SessionKind, SessionRule, Words
from sessions.rules.engine import timeline_of
from sessions.rules.facts import Booking, History
from sessions.rules.requirements import Kind, Outcome, Requirement, Status, Window
from sessions.rules.timeline import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSession:
    """A session that ought to happen. `word` is one of planned, booked, under_way, ended, missed, not_done,
    withdrawn, overridden; whether the patient checked in or the record was signed, rows know and facts do
    not. `minutes` is the least length the protocol plans; by what is given it may have to last longer."""

    key: str
    rule: str
    kind: SessionKind
    words: Words
    stage: str
    cycle: int | None
    occurrence: int | None
    minutes: int
    window: Window
    firm: bool
    status: Status
    word: str
    booking: Booking | None
    record_id: UUID | None
    started_at: datetime | None
    ended_at: datetime | None
    requirement: Requirement

    @property
    def is_bookable(self) -> bool:
        """Whether a visit may still be booked for it: also for one that is late, or only provisional."""
        waiting = (Status.UPCOMING, Status.OPEN, Status.OVERDUE, Status.MISSED, Status.OVERRIDDEN)
        return self.record_id is None and self.status in waiting


def plan(
    *, definition: ProtocolDefinition, outcome: Outcome, history: History, as_of: datetime
) -> tuple[PlannedSession, ...]:
    """Every planned session of the course, in the order of the outcome."""
    timelines: dict[int | None, Timeline] = {
        None: timeline_of(definition=definition, history=history, as_of=as_of)
    }
    for period in history.earlier:
        timelines[period.version_id] = timeline_of(definition=period.definition, history=history, as_of=as_of)
    found = []
    for requirement in outcome.requirements:
        if requirement.kind != Kind.SESSION:
            continue
        timeline = timelines[requirement.version_id]
        rule = timeline.definition.rule(requirement.rule)
        if not isinstance(rule, SessionRule):
            continue
        held = timeline.held.get(requirement.key) or timeline.under_way.get(requirement.key)
        booking = timeline.bookings.get(requirement.key) if held is None else None
        if held is not None:
            word = "under_way" if held.ended_at is None else "ended"
        elif requirement.status in (Status.NOT_DONE, Status.WITHDRAWN, Status.OVERRIDDEN):
            word = requirement.status.value
        elif requirement.status == Status.MET:
            word = Status.NOT_DONE.value  # offered, and declined
        elif booking is not None:
            word = "booked"
        else:
            word = "missed" if requirement.status == Status.MISSED else "planned"
        found.append(
            PlannedSession(
                key=requirement.key,
                rule=rule.code,
                kind=rule.kind,
                words=rule.words,
                stage=requirement.stage,
                cycle=requirement.cycle,
                occurrence=requirement.occurrence,
                minutes=rule.minutes.value,
                window=requirement.window,
                firm=requirement.firm,
                status=requirement.status,
                word=word,
                booking=booking,
                record_id=held.value.record_id if held is not None else None,
                started_at=held.started_at if held is not None else None,
                ended_at=held.ended_at if held is not None else None,
                requirement=requirement,
            )
        )
    return tuple(found)
