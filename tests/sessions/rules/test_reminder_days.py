"""When a reminder goes: never on the day of a dosing session, and never too many on one day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sessions.rules.reminders import Considered, ReminderDue, _off_dosing_days, _spread

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
    moved, why = _off_dosing_days(due, {date(2026, 3, day) for day in dosing}, safety=safety)
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
    moved, _why = _off_dosing_days(due, {date(2026, 3, 28)}, safety=False)
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
    spread = _spread(
        many(*purposes, useful_days=useful_days),
        most_a_day=2,
        dosing_days={date(2026, 3, day) for day in dosing},
        safety=safety,
    )
    assert days_of(spread) == goes_on
    again = _spread(spread, most_a_day=2, dosing_days={date(2026, 3, day) for day in dosing}, safety=safety)
    assert days_of(again) == goes_on, "asked again nothing moves"
