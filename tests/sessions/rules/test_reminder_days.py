"""When a reminder goes: never on the day of a dosing session, and never too many on one day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from sessions.rules.reminders import (
    Considered,
    Dosing,
    ReminderDue,
    ReminderIdentity,
    _after_quiet_hours,
    _off_dosing_days,
    _spread,
)

ZONE = ZoneInfo("Europe/Paris")
AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
DUE = ReminderDue(
    key="pcl5.after_dosing@dosing.1",
    purpose="questionnaire",
    rule_code="pcl5.due",
    occurrence=0,
    target_at=AT + timedelta(days=2),
    local_at=datetime(2026, 3, 10, 10, 0),  # noqa: DTZ001  # a wall time
    zone=ZONE,
    send_at=AT,
    not_after=AT + timedelta(days=2),
)


def dosing_on(*days: int) -> Dosing:
    return Dosing(days=frozenset(date(2026, 3, day) for day in days))


@pytest.mark.parametrize(
    ("dosing", "useful_days", "safety", "goes_on", "reason"),
    [
        ((), 2, False, 10, ""),
        ((9,), 2, False, 10, ""),
        ((10,), 2, False, 11, ""),
        ((10, 11), 3, False, 12, ""),
        ((10,), 1, False, 10, "dosing_day"),
        ((10,), 1, True, 10, ""),
        ((10,), 2, True, 11, ""),
    ],
)
def test_nothing_is_sent_on_the_day_of_a_dosing_session_unless_safety_cannot_wait(
    dosing: tuple[int, ...], useful_days: int, safety: bool, goes_on: int, reason: str
) -> None:
    due = replace(DUE, not_after=AT + timedelta(days=useful_days))
    moved, why = _off_dosing_days(due, dosing_on(*dosing), safety=safety)
    assert (moved.send_at.astimezone(ZONE).day, why) == (goes_on, reason)
    assert moved.local_at.time() == due.local_at.time(), "at the same hour of the patient's day"


def test_a_reminder_moved_across_a_clock_change_keeps_its_hour() -> None:
    at = datetime(2026, 3, 28, 9, 0, tzinfo=UTC)
    due = replace(
        DUE,
        send_at=at,
        local_at=at.astimezone(ZONE).replace(tzinfo=None),
        not_after=at + timedelta(days=3),
    )
    moved, _why = _off_dosing_days(due, dosing_on(28), safety=False)
    assert moved.send_at == datetime(2026, 3, 29, 8, 0, tzinfo=UTC), "ten o'clock on both days"


def many(*purposes: str, useful_days: int = 3) -> list[Considered]:
    return [
        Considered(
            key=f"rule.{index}",
            purpose=purpose,
            rule_code=f"rule.{index}",
            due=replace(
                DUE,
                key=f"rule.{index}",
                purpose=purpose,
                not_after=AT + timedelta(days=useful_days),
                send_at=AT + timedelta(minutes=index),
            ),
        )
        for index, purpose in enumerate(purposes)
    ]


def days_of(spread: tuple[Considered, ...]) -> list[int | str]:
    return [one.reason or (one.due.send_at.astimezone(ZONE).day if one.due else 0) for one in spread]


FORMS = ["questionnaire"] * 3


@pytest.mark.parametrize(
    ("purposes", "useful_days", "safety", "dosing", "goes_on"),
    [
        (FORMS, 3, (), (), [10, 10, 11]),
        ([*FORMS, "visit_reminder"], 3, (), (), [10, 11, 11, 10]),
        (FORMS, 1, (), (), [10, 10, "ceiling"]),
        (FORMS, 1, ("rule.2",), (), [10, "ceiling", 10]),
        (["check_in"] * 3, 1, ("rule.0", "rule.1", "rule.2"), (), [10, 10, 10]),
        (FORMS, 3, (), (11,), [10, 10, 12]),
    ],
)
def test_no_more_than_so_many_go_on_one_day_and_safety_never_waits(
    purposes: list[str],
    useful_days: int,
    safety: tuple[str, ...],
    dosing: tuple[int, ...],
    goes_on: list[int | str],
) -> None:
    spread = spread_of(many(*purposes, useful_days=useful_days), dosing=dosing, safety=safety)
    assert days_of(spread) == goes_on
    assert days_of(spread_of(spread, dosing=dosing, safety=safety)) == goes_on, "asked again nothing moves"


def spread_of(
    found: Sequence[Considered],
    *,
    dosing: Sequence[int] = (),
    safety: Sequence[str] = (),
    went: Mapping[ReminderIdentity, datetime] | None = None,
    now: datetime = AT,
) -> tuple[Considered, ...]:
    return _spread(
        found, most_a_day=2, dosing=dosing_on(*dosing), safety=safety, went=went or {}, now=now, zone=ZONE
    )


def test_what_went_out_today_and_was_answered_still_counts_for_the_day() -> None:
    first, second, third = many(*FORMS)
    assert first.due and second.due
    gone = {first.due.identity: AT, second.due.identity: AT}
    assert days_of(spread_of([third], went=gone)) == [11], "an answer brings no further message"
    assert days_of(spread_of([third])) == [10]


def test_what_went_out_keeps_its_day_when_something_of_more_weight_comes_up() -> None:
    first, second = many("questionnaire", "questionnaire")
    visit = replace(many("visit_reminder")[0], key="visit")
    assert visit.due and first.due and second.due
    visit = replace(visit, due=replace(visit.due, key="visit"))
    gone = {first.due.identity: AT, second.due.identity: AT}
    assert days_of(spread_of([first, second, visit], went=gone)) == [10, 10, 11]


def test_what_should_have_gone_yesterday_counts_for_today() -> None:
    late, today = AT + timedelta(days=1), many("questionnaire", "questionnaire", useful_days=4)
    due = many("questionnaire")[0]
    assert due.due
    tomorrow = replace(
        due, due=replace(due.due, key="next", send_at=late, not_after=late + timedelta(days=3))
    )
    assert days_of(spread_of([*today, tomorrow], now=late)) == [10, 10, 12], (
        "two go at once, as soon as they can"
    )


def test_a_session_that_lasts_past_midnight_is_silent_until_it_is_over() -> None:
    begins = AT - timedelta(hours=12)  # 22:00 on the 9th
    dosing = Dosing(days=frozenset({date(2026, 3, 9)}), spans=[(begins, AT + timedelta(hours=1))])
    during, _why = _off_dosing_days(DUE, dosing, safety=False)
    assert during.send_at == AT + timedelta(days=1)
    short = Dosing(days=frozenset({date(2026, 3, 9)}), spans=[(begins, AT - timedelta(hours=9))])
    assert _off_dosing_days(DUE, short, safety=False) == (DUE, ""), "the morning after is a day like others"


@pytest.mark.parametrize(
    ("send_hour", "useful_hours", "goes_at"),
    [
        (9, 24, (10, 10)),  # 10:00 in Paris
        (20, 24, (11, 9)),  # 21:00
        (3, 24, (10, 9)),  # 4:00
        (20, 6, (10, 21)),  # of no use in the morning: who sends says so
    ],
)
def test_what_falls_into_quiet_hours_counts_for_the_day_on_which_it_goes(
    send_hour: int, useful_hours: int, goes_at: tuple[int, int]
) -> None:
    at = AT.replace(hour=send_hour)
    due = replace(
        DUE,
        send_at=at,
        local_at=at.astimezone(ZONE).replace(tzinfo=None),
        not_after=at + timedelta(hours=useful_hours),
    )
    moved = _after_quiet_hours(due, (time(20), time(9)))
    assert (moved.local_at.day, moved.local_at.hour) == goes_at
    assert moved.send_at.astimezone(ZONE).replace(tzinfo=None) == moved.local_at
    assert moved.kept_quiet is (moved != due)
