"""What a protocol asks on after a course has ended: of whom, until when, and what a miss is then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.rules.definition import Departures, ProtocolDefinition, SessionKind
from protocols.rules.document import parse
from sessions.rules.deviations import deviations
from sessions.rules.engine import outcome_of, requirements, timeline_of
from sessions.rules.facts import (
    AssessmentAnswered,
    ConsentChanged,
    ConsentState,
    ContactMade,
    ContactResult,
    CourseEnded,
    DoseGiven,
    DosePart,
    EndKind,
    FactValue,
    History,
    HoldBegun,
    Intake,
    Mode,
    NotDone,
    SessionHeld,
    Setting,
)
from sessions.rules.reminders import considered, reminders
from sessions.rules.requirements import Requirement, Status
from sessions.rules.tally import tally
from tests.support.courses import Walker

PARIS = ZoneInfo("Europe/Paris")
ENROLLED = datetime(2026, 1, 5, 9, tzinfo=UTC)
DOSED = datetime(2026, 2, 2, 9, tzinfo=UTC)  # 10:00 in Paris
ENDED = datetime(2026, 5, 4, 9, tzinfo=UTC)
DAY = timedelta(days=1)
YEARS_LATER = ENDED + 1200 * DAY

DOCUMENT = """
format: 1
code: followed
version: "1"
title: Followed long
indication: An example
investigational: true
jurisdiction: none
citations: {p: A paper}
instruments: [phq9]
stages:
  - {code: screening, kind: screening, words: Screening}
  - {code: dosing, kind: dosing, words: Dosing, per_cycle: true}
  - {code: after, kind: follow_up, words: After}
rules:
  - {type: consent, code: consent, stage: screening, words: Consent, who: therapist, source: p,
     scope: treatment}
  - {type: consent, code: consent.later, stage: screening, words: Being asked, who: therapist, source: p,
     scope: later, optional: true}
  - {type: session, code: dosing, stage: dosing, words: Dosing, who: therapist, source: p, kind: dosing,
     makes_cycles: true, count: {value: 2, source: p}, minutes: {value: 8 h, source: p},
     windows: [{anchor: enrolment, opens: {value: 7 d, source: p}}]}
  - type: assessment
    code: soon
    stage: after
    words: Six months after the last session
    who: patient
    source: p
    instrument: phq9
    window:
      anchor: {event: start, rule: dosing, which: last}
      opens: {value: 24 wk, source: p}
      target: {value: 26 wk, source: p}
      closes: {value: 28 wk, source: p}
  - type: assessment
    code: year
    stage: after
    words: Twelve months after the last session
    who: patient
    source: p
    instrument: phq9
    window:
      anchor: {event: start, rule: dosing, which: last}
      opens: {value: 50 wk, source: p}
      target: {value: 52 wk, source: p}
      closes: {value: 54 wk, source: p}
    after_end:
      ended: {value: [completed, discontinued], source: p}
  - type: assessment
    code: end_year
    stage: after
    words: Twelve months after the end
    who: patient
    source: p
    instrument: phq9
    window:
      anchor: course_end
      opens: {value: 50 wk, source: p}
      target: {value: 52 wk, source: p}
      closes: {value: 54 wk, source: p}
    after_end:
      ended: {value: [completed, discontinued, withdrawn], source: p}
      consent: later
      departures: apart
  - type: contact
    code: call
    stage: after
    words: Call
    who: therapist
    source: p
    count: {value: 4, source: p}
    every: {value: 26 wk, source: p}
    window:
      anchor: {event: start, rule: dosing, which: last}
      opens: {value: 26 wk, source: p}
      closes: {value: 27 wk, source: p}
    after_end:
      ended: {value: [completed], source: p}
      departures: apart
reminders:
  - {code: soon.due, rule: soon, purpose: questionnaire, at: "10:00", before: {value: 7 d, source: p},
     useful_for: {value: 7 d, source: p}}
  - {code: year.due, rule: year, purpose: questionnaire, at: "10:00", before: {value: 14 d, source: p},
     useful_for: {value: 7 d, source: p}}
  - {code: end_year.due, rule: end_year, purpose: questionnaire, at: "10:00",
     before: {value: 14 d, source: p}, useful_for: {value: 7 d, source: p}}
"""


@cache
def followed() -> ProtocolDefinition:
    return parse(DOCUMENT)


def course(
    kind: EndKind | None = EndKind.COMPLETED,
    *more: tuple[datetime, FactValue, str | None],
    dosed: bool = True,
    later: ConsentState | None = ConsentState.GIVEN,
) -> History:
    """Consented, dosed once of twice, ended."""
    walker = Walker(
        History(course_id=1, enrolled_at=ENROLLED, live_from=ENROLLED, setting=Setting(zone=PARIS))
    )
    walker.fact(ENROLLED, agreed("treatment"))
    if later is not None:
        walker.fact(ENROLLED, agreed("later", later))
    if dosed:
        record = UUID(int=1)
        end = DOSED + timedelta(hours=8)
        walker.fact(
            DOSED,
            SessionHeld(
                record_id=record,
                kind=SessionKind.DOSING,
                started_at=DOSED,
                ended_at=end,
                mode=Mode.IN_PERSON,
            ),
            "dosing.1",
        )
        walker.fact(
            DOSED + timedelta(minutes=30),
            DoseGiven(
                record_id=record,
                part=DosePart.INITIAL,
                amount=Decimal(25),
                unit="mg",
                intake=Intake.FULL,
                given_by=1,
                checked_by=2,
            ),
            "dosing.1",
        )
    if kind is not None:
        walker.fact(ENDED, CourseEnded(kind=kind, reason=""))
    for at, value, key in more:
        walker.fact(at, value, key)
    return walker.history


def agreed(scope: str, state: ConsentState = ConsentState.GIVEN) -> ConsentChanged:
    return ConsentChanged(scope=scope, state=state, document_version="1")


def answer() -> AssessmentAnswered:
    return AssessmentAnswered(instrument="phq9", by="patient", answers=(), total=4, mode=Mode.LINK)


def rows(history: History, as_of: datetime) -> dict[str, Requirement]:
    return {
        row.key: row
        for row in requirements(definition=followed(), history=history, as_of=as_of).requirements
        if row.rule in ("soon", "year", "end_year", "call")
    }


def days_of(row: Requirement) -> tuple[date, ...]:
    window = row.window
    return tuple(
        at.astimezone(PARIS).date() for at in (window.opens_at, window.target_at, window.closes_at) if at
    )


# --- windows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "days"),
    [
        pytest.param("year", (date(2027, 1, 18), date(2027, 2, 1), date(2027, 2, 15)), id="last dose"),
        pytest.param("end_year", (date(2027, 4, 19), date(2027, 5, 3), date(2027, 5, 17)), id="the end"),
        pytest.param("call#1", (date(2026, 8, 3), date(2026, 8, 10)), id="6 months"),
        pytest.param("call#2", (date(2027, 2, 1), date(2027, 2, 8)), id="12 months"),
        pytest.param("call#3", (date(2027, 8, 2), date(2027, 8, 9)), id="18 months"),
        pytest.param("call#4", (date(2028, 1, 31), date(2028, 2, 7)), id="24 months"),
    ],
)
def test_its_window_is_counted_from_the_last_session_held_or_from_the_end(
    key: str, days: tuple[date, ...]
) -> None:
    row = rows(course(), ENDED + DAY)[key]
    assert days_of(row) == days
    assert (row.status, row.firm) == (Status.UPCOMING, True)


def test_while_the_course_goes_on_what_is_counted_from_its_end_has_no_day() -> None:
    row = rows(course(None), ENDED + DAY)["end_year"]
    assert (row.status, row.firm, days_of(row), row.afterwards) == (Status.UPCOMING, False, (), None)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (datetime(2027, 1, 17, 22, 59, tzinfo=UTC), Status.UPCOMING),
        (datetime(2027, 1, 17, 23, 0, tzinfo=UTC), Status.OPEN),
        (datetime(2027, 2, 15, 22, 59, tzinfo=UTC), Status.OPEN),
        (datetime(2027, 2, 15, 23, 0, tzinfo=UTC), Status.MISSED),
    ],
)
def test_it_opens_and_closes_as_any_other(as_of: datetime, expected: Status) -> None:
    assert rows(course(), as_of)["year"].status is expected


def test_the_course_is_looked_at_again_at_each_of_its_moments_until_the_last_has_gone() -> None:
    looks: list[date] = []
    look: datetime | None = ENDED
    while look is not None:
        look = requirements(definition=followed(), history=course(), as_of=look).next_look
        if look is not None:
            looks.append(look.astimezone(PARIS).date())
    assert (looks[0], looks[-1]) == (date(2026, 8, 3), date(2028, 2, 8))
    assert date(2027, 1, 18) in looks and date(2027, 5, 18) in looks


# --- of whom ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        (EndKind.COMPLETED, {"year", "end_year", "call#1", "call#2", "call#3", "call#4"}),
        (EndKind.DISCONTINUED, {"year", "end_year"}),
        (EndKind.WITHDRAWN, {"end_year"}),
        (EndKind.DECEASED, set()),
    ],
)
def test_who_is_asked_on_hangs_on_how_the_course_ended(kind: EndKind, asked: set[str]) -> None:
    found = rows(course(kind), ENDED + DAY)
    assert {key for key, row in found.items() if row.status is not Status.WITHDRAWN} == asked
    assert {row.reason for key, row in found.items() if key not in asked and row.rule != "soon"} <= {
        "not_asked_after_this_end"
    }
    assert found["soon"].status is Status.WITHDRAWN, "without the word the end ends it, as ever"


@pytest.mark.parametrize(("scope", "key"), [("treatment", "year"), ("later", "end_year")])
def test_nobody_is_asked_who_took_the_consent_back(scope: str, key: str) -> None:
    back = ENDED + 30 * DAY
    history = course(EndKind.COMPLETED, (back, agreed(scope, ConsentState.WITHDRAWN), None))
    assert rows(history, back - DAY)[key].status is Status.UPCOMING
    row = rows(history, back)[key]
    assert (row.status, row.settled_at, row.reason) == (Status.WITHDRAWN, back, "no_consent_to_be_asked")
    again = course(
        EndKind.COMPLETED,
        (back, agreed(scope, ConsentState.WITHDRAWN), None),
        (back + DAY, agreed(scope), None),
    )
    assert rows(again, back + DAY)[key].status is Status.UPCOMING


def test_nobody_is_asked_whose_consent_nobody_recorded() -> None:
    row = rows(course(later=None), ENDED + DAY)["end_year"]
    assert (row.status, row.reason) == (Status.WITHDRAWN, "no_consent_to_be_asked")


def test_who_left_during_a_hold_is_asked_all_the_same() -> None:
    """The end ends the hold too: nothing is waited for any more."""
    history = course(EndKind.DISCONTINUED, (ENDED - 10 * DAY, HoldBegun(reason="away"), None))
    assert rows(history, ENDED + DAY)["year"] == rows(course(EndKind.DISCONTINUED), ENDED + DAY)["year"]
    assert sent(history, ENDED + DAY) == sent(course(EndKind.DISCONTINUED), ENDED + DAY) != {}


def test_nobody_is_asked_about_a_session_that_never_was() -> None:
    found = rows(course(dosed=False), ENDED + DAY)
    assert {found[key].status for key in ("year", "call#1")} == {Status.WITHDRAWN}
    assert found["end_year"].status is Status.UPCOMING


# --- what a miss is -----------------------------------------------------------------------------------------


def test_a_miss_is_no_departure_or_one_apart_as_the_protocol_says() -> None:
    outcome = requirements(definition=followed(), history=course(), as_of=YEARS_LATER)
    found = {row.key: row for row in outcome.requirements}
    assert (found["year"].status, found["year"].afterwards) == (Status.MISSED, Departures.NONE)
    assert not found["year"].is_deviation
    apart = {row.key: row.came_due_at for row in deviations(outcome)}
    assert set(apart) == {"end_year", "call#1", "call#2", "call#3", "call#4"}
    assert apart["end_year"] == found["end_year"].window.closes_at
    total = tally(outcome.requirements)
    assert (total.departed_count, total.important_count, total.due_weight) == (
        0,
        0,
        tally(requirements(definition=followed(), history=course(), as_of=ENDED).requirements).due_weight,
    )


def test_what_was_missed_before_the_end_stays_a_departure_of_the_course() -> None:
    late = DOSED + 400 * DAY
    walker = Walker(course(None))
    history = walker.history
    ended = Walker(History(course_id=2, enrolled_at=ENROLLED, live_from=ENROLLED, setting=history.setting))
    ended.history = history
    ended.fact(late, CourseEnded(kind=EndKind.COMPLETED, reason=""))
    found = rows(ended.history, late + DAY)
    assert (found["year"].status, found["year"].afterwards, found["year"].is_deviation) == (
        *(Status.MISSED, None),
        True,
    )
    assert tally(found.values()).departed_count == 4, "soon, year, and two calls"
    assert found["call#3"].afterwards is Departures.APART


ACTS = st.one_of(
    st.just(answer()),
    st.sampled_from(ContactResult).map(lambda result: ContactMade(result=result, mode=Mode.PHONE, safe=True)),
    st.just(NotDone(reason="moved away", cause="patient_unreachable")),
    st.tuples(st.sampled_from(["treatment", "later"]), st.sampled_from(ConsentState)).map(
        lambda one: agreed(*one)
    ),
)
KEYS = st.sampled_from([None, "year", "end_year", "call#1", "call#3"])


@given(
    acts=st.lists(st.tuples(st.integers(1, 1100), ACTS, KEYS), max_size=6),
    day=st.integers(0, 1200),
    kind=st.sampled_from(EndKind),
)
def test_whatever_comes_after_the_end_what_the_course_adds_up_to_stays(
    acts: Sequence[tuple[int, FactValue, str | None]], day: int, kind: EndKind
) -> None:
    def total(history: History, as_of: datetime) -> tuple[Decimal, Decimal, int, int]:
        # What may be asked after the end, and no more: a consent that is taken back is judged elsewhere.
        asked = [row for row in rows(history, as_of).values() if row.rule != "soon"]
        found = tally(asked)
        return found.met_weight, found.due_weight, found.departed_count, found.important_count

    history = course(kind, *((ENDED + at * DAY, act, key) for at, act, key in acts))
    assert total(history, ENDED + day * DAY) == total(course(kind), ENDED)


# --- messages -----------------------------------------------------------------------------------------------


def sent(history: History, as_of: datetime) -> dict[str, date]:
    timeline = timeline_of(definition=followed(), history=history, as_of=as_of)
    due = reminders(timeline, outcome_of(timeline))
    return {one.rule_code: one.local_at.date() for one in due}


def test_the_patient_is_reminded_of_it_after_the_end() -> None:
    assert sent(course(), ENDED + DAY) == {
        "year.due": date(2027, 2, 1),
        "end_year.due": date(2027, 5, 3),
    }
    answered = course(EndKind.COMPLETED, (datetime(2027, 1, 20, 9, tzinfo=UTC), answer(), "year"))
    assert set(sent(answered, datetime(2027, 1, 20, 9, tzinfo=UTC))) == {"end_year.due"}


@pytest.mark.parametrize(
    ("history", "reasons"),
    [
        pytest.param(course(EndKind.DECEASED), {"year": "deceased", "end_year": "deceased"}, id="died"),
        pytest.param(
            course(EndKind.WITHDRAWN), {"year": "not_asked_after_this_end", "end_year": ""}, id="withdrew"
        ),
        pytest.param(
            course(later=None), {"year": "", "end_year": "no_consent_to_be_asked"}, id="nobody recorded a yes"
        ),
        pytest.param(
            course(
                EndKind.COMPLETED,
                (ENDED + 3 * DAY, NotDone(reason="moved away", cause="patient_unreachable"), "year"),
            ),
            {"year": "recorded_not_done", "end_year": ""},
            id="moved away",
        ),
    ],
)
def test_why_it_does_not_go_is_told(history: History, reasons: dict[str, str]) -> None:
    as_of = ENDED + 5 * DAY
    timeline = timeline_of(definition=followed(), history=history, as_of=as_of)
    told = {one.key: one.reason for one in considered(timeline, outcome_of(timeline))}
    assert {key: told[key] for key in reasons} == reasons
