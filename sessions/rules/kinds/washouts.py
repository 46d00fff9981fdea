"""Medicines that must have left the body before a dosing session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal

from clinic.rules.wall_time import day_of, end_of_day, start_of_day
from protocols.rules.definition import MedicineRule, Offset, Unit, WashoutRule
from sessions.rules.facts import Fact, MedicineListed
from sessions.rules.keys import key_of
from sessions.rules.known import Held
from sessions.rules.medicines import Reading, one_name, readings
from sessions.rules.requirements import Evidence, Kind, Requirement
from sessions.rules.settling.every_shape import shown
from sessions.rules.settling.in_place import Standing, settle_in_place
from sessions.rules.timeline import Timeline
from sessions.rules.windows import Edge, length, offset_from

_DAY = Decimal(86400)


def requirements_of(timeline: Timeline, rule: WashoutRule) -> Iterator[Requirement]:
    for cycle in timeline.cycles_of(rule.per):
        yield settle_in_place(
            timeline,
            rule,
            key=key_of(rule, cycle),
            kind=Kind.WASHOUT,
            cycle=cycle,
            standing_at=lambda at, held: standing(timeline, rule, cycle=None, at=at, held=held),
        )


def washouts_of(
    rule: WashoutRule, medicine: MedicineListed, declared: Sequence[MedicineRule] = ()
) -> dict[str, tuple[Offset, Reading]]:
    """The washouts that a medicine must keep, by the word they are listed under: its own name's, or else
    those of its classes and of what it may be."""
    found = readings(medicine, {*rule.washouts, *rule.half_lives}, declared)
    return {word: (washout_of(rule, word), reading) for word, reading in found.items()}


def washout_of(rule: WashoutRule, word: str) -> Offset:
    """The time listed for that word, or so many half-lives and so much more, rounded up to whole days. With
    both, the longer."""
    found = []
    if word in rule.washouts:
        found.append(rule.washouts[word].value)
    if word in rule.half_lives:
        many = rule.times.value if rule.times is not None else Decimal(1)
        seconds = Decimal(length(rule.half_lives[word].value).total_seconds()) * many
        if rule.plus is not None:
            seconds += Decimal(length(rule.plus.value).total_seconds())
        days = (seconds / _DAY).to_integral_value(rounding=ROUND_CEILING)
        found.append(Offset(amount=int(days), unit=Unit.DAYS))
    return max(found, key=length)


def standing(
    timeline: Timeline,
    rule: WashoutRule,
    *,
    cycle: int | None,
    at: datetime,
    held: Held | None,
) -> Standing:
    """Every medicine as it was last listed until `at`, or found out since to have been taken before. No
    medicine listed stands: that the list was asked for is another requirement."""
    listed: dict[str, tuple[Fact, MedicineListed]] = {}
    on = day_of(at, timeline.zone)
    for fact, medicine in timeline.facts(MedicineListed):
        name = one_name(medicine.name)
        before = listed[name][1] if name in listed else None
        if fact.occurred_at <= at or _found_out(medicine, before, on=on):
            listed[name] = (fact, medicine)
    beyond: list[Evidence] = []
    within: list[Evidence] = []
    clear_from: list[datetime | None] = []
    certain = False
    for _, (fact, medicine) in sorted(listed.items()):
        washouts = washouts_of(rule, medicine, timeline.definition.medicines)
        if not washouts:
            continue
        if medicine.washout_cleared:
            within.append(shown(fact, measured="cleared"))
            continue
        clear = {word: _clear_from(timeline, medicine, washout) for word, (washout, _) in washouts.items()}
        open_still = {word: instant for word, instant in clear.items() if instant is None or at < instant}
        last_taken = "still taken" if medicine.last_taken_on is None else medicine.last_taken_on.isoformat()
        if not open_still:
            within.append(shown(fact, measured=last_taken))
            continue
        limit = "; ".join(_worded(word, *washout) for word, washout in washouts.items())
        beyond.append(shown(fact, measured=last_taken, limit=limit))
        instants = [instant for instant in open_still.values() if instant is not None]
        clear_from.append(max(instants) if len(instants) == len(open_still) else None)
        certain = certain or any(washouts[word][1] is not Reading.PERHAPS for word in open_still)
    if beyond:
        known = [instant for instant in clear_from if instant is not None]
        ready = max(known) if len(known) == len(clear_from) else None
        code = "not_clear" if certain else "perhaps_not_clear"
        return Standing(stands=False, code=code, evidence=tuple(beyond), changes_at=ready)
    return Standing(stands=True, evidence=tuple(within))


def _found_out(medicine: MedicineListed, known: MedicineListed | None, *, on: date) -> bool:
    """Whether what was listed since tells of an intake until that day which was not known. What was taken
    after it says nothing."""
    taken_on = medicine.last_taken_on
    if taken_on is None or taken_on > on:
        return False
    return known is None or (known.last_taken_on is not None and taken_on > known.last_taken_on)


def _clear_from(timeline: Timeline, medicine: MedicineListed, washout: Offset) -> datetime | None:
    """The first instant at which it counts as washed out: in days from the day it was last taken, whole
    days."""
    if medicine.last_taken_on is None:
        return None
    if washout.unit in (Unit.DAYS, Unit.WEEKS):
        return offset_from(
            start_of_day(medicine.last_taken_on, timeline.zone),
            washout,
            Edge.FIRST,
            timeline.zone,
        )
    return offset_from(end_of_day(medicine.last_taken_on, timeline.zone), washout, Edge.SAME, timeline.zone)


def _worded(word: str, offset: Offset, reading: Reading) -> str:
    perhaps = "perhaps " if reading is Reading.PERHAPS else ""
    return f"{perhaps}{word} {offset.amount} {offset.unit}"
