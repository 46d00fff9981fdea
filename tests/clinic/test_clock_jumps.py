"""The database's clock is set wrong: what would go out is held, somebody is told, and it goes on once it is
right.

A jump is an offset written past `move_clock`, as a time server or a person would cause it; the second clock
is given by hand, so that an hour passes in no time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from smtplib import SMTPException
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client

from clinic import clock, outbox
from clinic.models import Clinic, ClockOffset, ClockReading, Message, MessageLog
from clinic.operations.clock import Turn, confirm_clock, move_clock, take_turn
from clinic.rules.clock_jumps import Reading, SecondClock, ahead
from tests.clinic.house import NOON, Teller, a_clinic, a_spec, registered

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
TOLD = "test_staff"


class Machine:
    """A worker's machine, whose clocks run as the test says."""

    def __init__(self, name: str = "first start") -> None:
        self.clock = SecondClock(machine=name, steady=5000.0, wall=1_800_000_000.0)

    def passes(self, time: timedelta) -> None:
        seconds = time.total_seconds()
        self.clock = replace(self.clock, steady=self.clock.steady + seconds, wall=self.clock.wall + seconds)

    def restarts(self) -> None:
        self.clock = replace(self.clock, machine=self.clock.machine + " and another", steady=3.0)

    def turn(self) -> Turn:
        return take_turn(beside=self.clock)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture(autouse=True)
def told(settings: Any) -> None:
    settings.ALARM_MAIL = ["whoever@runs.example"]


def jumps(by: timedelta) -> None:
    offset, _ = ClockOffset.objects.get_or_create(id=1)
    ClockOffset.objects.update(ahead_by=offset.ahead_by + by)


def hours_later(machine: Machine, time: timedelta) -> None:
    """Both clocks agree that so much has passed."""
    jumps(time)
    machine.passes(time)


@pytest.fixture
def clinic() -> Iterator[Clinic]:
    """With one message to a patient an hour from now, and one to staff."""
    clinic, at = a_clinic(quiet_from="00:00", quiet_until="00:00"), clock.now() + HOUR
    with registered(Teller()), registered(Teller(), TOLD, respects_quiet_hours=False):
        outbox.plan(
            specs=[a_spec(clinic, at=at), a_spec(clinic, "task:1", at=at, purpose=TOLD)], now=at - HOUR
        )
        yield clinic


def drain(turn: Turn) -> set[str]:
    outbox.send_due_messages(now=turn.now, held=turn.held, own=turn.own)
    return set(MessageLog.objects.values_list("subject_key", flat=True))


def near(turn: Turn, at: datetime) -> bool:
    return abs(turn.now - at) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("machine_now", "database", "expected"),
    [
        pytest.param(("a", 3610.0, 10.0), HOUR, timedelta(seconds=-10), id="same machine: its steady clock"),
        pytest.param(
            ("a", 10.0, 9999.0), HOUR, timedelta(minutes=59, seconds=50), id="its wall says nothing"
        ),
        pytest.param(("b", 0.0, 3600.0), HOUR, timedelta(0), id="another machine: the walls"),
        pytest.param(("b", 0.0, 0.0), -HOUR, -HOUR, id="set back"),
        pytest.param(("b", 0.0, -50.0), timedelta(0), timedelta(0), id="a wall set back tells of no time"),
    ],
)
def test_the_database_is_ahead_by_what_the_second_clock_does_not_know_of(
    machine_now: tuple[str, float, float], database: timedelta, expected: timedelta
) -> None:
    last = Reading(at=NOON, beside=SecondClock(machine="a", steady=0.0, wall=0.0))
    name, steady, wall = machine_now
    now = Reading(at=NOON + database, beside=SecondClock(machine=name, steady=steady, wall=wall))
    assert ahead(last, now) == expected


def test_an_hour_that_passed_is_no_jump_and_what_is_due_goes(clinic: Clinic, machine: Machine) -> None:
    machine.turn()
    hours_later(machine, HOUR + timedelta(minutes=1))
    assert drain(machine.turn()) == {"visit:1", "task:1"}
    assert not mail.outbox[2:], "nobody is alarmed"


def test_a_loop_that_was_down_while_its_machine_was_started_anew_is_no_jump(
    clinic: Clinic, machine: Machine
) -> None:
    machine.turn()
    hours_later(machine, HOUR + timedelta(minutes=1))
    machine.restarts()
    turn = machine.turn()
    assert not turn.held
    assert drain(turn) == {"visit:1", "task:1"}


def test_set_forward_nothing_goes_to_patients_and_staff_are_told_all_the_same(
    clinic: Clinic, machine: Machine, client: Client
) -> None:
    machine.turn()
    jumps(HOUR + timedelta(minutes=1))
    machine.passes(timedelta(seconds=1))
    turn = machine.turn()
    assert turn.held
    assert drain(turn) == {"task:1"}
    response = client.get("/health/reminders")
    assert response.status_code == 503
    found = response.json()["clock"]
    assert (found["ok"], found["held"]) == (False, True)
    assert found["jumped_by_seconds"] == pytest.approx(3659, abs=30)


def test_set_forward_the_machines_own_clock_says_what_time_it_is_for_staffs_work(machine: Machine) -> None:
    before = machine.turn()
    jumps(HOUR * 30)
    assert near(machine.turn(), before.now + HOUR * 30)
    for minutes in (10, 50):
        hours_later(machine, timedelta(minutes=minutes))
    turn = machine.turn()
    assert turn.held and abs(turn.own - before.now - HOUR) < timedelta(seconds=30)
    machine.restarts()
    again = machine.turn()
    assert again.held and again.own >= turn.own, "it never goes back"
    jumps(-HOUR * 30)
    right = machine.turn()
    assert not right.held and right.own == right.now >= again.own


def test_what_staff_are_told_is_not_too_late_because_the_clock_is_wrong(
    clinic: Clinic, machine: Machine
) -> None:
    machine.turn()
    jumps(HOUR * 24 * 40)
    turn = machine.turn()
    assert turn.held
    assert drain(turn) == {"task:1"}
    assert MessageLog.objects.get().state == "handed_off"


def test_whoever_runs_the_installation_is_mailed_once_and_again_for_another_jump(machine: Machine) -> None:
    machine.turn()
    jumps(HOUR)
    machine.turn()
    machine.turn()
    [alarm] = mail.outbox
    assert alarm.to == ["whoever@runs.example"]
    assert "confirm_clock" in alarm.body
    assert "forward" in alarm.body
    jumps(-HOUR)
    assert not machine.turn().held
    jumps(-HOUR)
    machine.turn()
    assert [("went back" in one.body) for one in mail.outbox] == [False, True]


def test_an_alarm_that_could_not_be_mailed_is_tried_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.turn()
    jumps(HOUR)
    with monkeypatch.context() as broken:

        def refused(self: object) -> int:
            raise SMTPException("no")

        broken.setattr("django.core.mail.EmailMessage.send", refused)
        assert machine.turn().held, "and the loop goes on"
    assert mail.outbox == []
    machine.turn()
    assert len(mail.outbox) == 1


def test_it_goes_on_by_itself_once_the_clock_is_right_again(clinic: Clinic, machine: Machine) -> None:
    machine.turn()
    jumps(HOUR * 5)
    assert machine.turn().held
    hours_later(machine, timedelta(minutes=20))
    assert machine.turn().held, "time that passes meanwhile puts nothing right"
    jumps(-HOUR * 5)
    turn = machine.turn()
    assert not turn.held
    assert drain(turn) == set(), "it is not time yet"
    hours_later(machine, HOUR)
    assert drain(machine.turn()) == {"visit:1", "task:1"}


def test_it_goes_on_once_somebody_has_confirmed_the_clock(
    clinic: Clinic, machine: Machine, client: Client
) -> None:
    machine.turn()
    jumps(HOUR * 2)
    assert machine.turn().held
    out = StringIO()
    call_command("confirm_clock", stdout=out)
    assert "The loop goes on by it." in out.getvalue()
    turn = machine.turn()
    assert not turn.held
    assert drain(turn) == {"visit:1", "task:1"}
    assert client.get("/health/reminders").json()["clock"]["ok"] is True
    assert confirm_clock() == 0, "nobody doubts it any more"


def test_set_back_the_loop_goes_on_where_it_was_and_sends_on_time(
    clinic: Clinic, machine: Machine, client: Client
) -> None:
    before = machine.turn()
    jumps(-HOUR * 3)
    machine.passes(timedelta(minutes=30))
    turn = machine.turn()
    assert not turn.held
    assert near(turn, before.now + timedelta(minutes=30)), "by the machine's own clock"
    assert client.get("/health/reminders").json()["clock"] == {
        "ok": False,
        "held": False,
        "jumped_by_seconds": pytest.approx(-3600 * 3.5, abs=30),
    }
    machine.passes(timedelta(minutes=31))
    assert drain(machine.turn()) == {"visit:1", "task:1"}


def test_the_loop_never_goes_back_behind_what_it_has_done(machine: Machine) -> None:
    first = machine.turn()
    jumps(timedelta(minutes=-3))
    assert machine.turn().now == first.now, "a little back: it waits until the clock has caught up"
    hours_later(machine, timedelta(minutes=4))
    assert machine.turn().now > first.now


def test_a_jump_as_small_as_the_setting_allows_holds_nothing(machine: Machine, settings: Any) -> None:
    settings.CLOCK_JUMP_SECONDS = 300
    machine.turn()
    jumps(timedelta(seconds=295))
    assert not machine.turn().held
    jumps(timedelta(seconds=305))
    assert machine.turn().held


def test_a_second_machine_that_comes_to_it_holds_as_well(machine: Machine) -> None:
    machine.turn()
    jumps(HOUR)
    other = Machine("elsewhere")
    assert other.turn().held
    jumps(-HOUR)
    assert not other.turn().held
    machine.passes(timedelta(seconds=1))
    assert not machine.turn().held


def test_what_a_machine_doubted_before_it_was_started_anew_is_forgotten(
    machine: Machine, client: Client
) -> None:
    machine.turn()
    jumps(HOUR)
    machine.turn()
    jumps(-HOUR)
    hours_later(machine, timedelta(minutes=10))
    machine.restarts()
    assert not machine.turn().held
    assert ClockReading.objects.count() == 1
    assert client.get("/health/reminders").json()["clock"]["ok"] is True


def test_a_clock_moved_on_purpose_is_no_jump(machine: Machine) -> None:
    machine.turn()
    move_clock(by=HOUR * 24)
    assert not machine.turn().held


def test_while_held_a_dead_workers_messages_to_patients_stay_and_those_to_staff_are_taken_back(
    clinic: Clinic,
) -> None:
    at = clock.now() + HOUR * 2
    Message.objects.update(
        state="leased", lease_token="0190a0a0-0000-7000-8000-000000000000", lease_until=at - HOUR
    )
    assert outbox.sweep(now=at, held=True) == 1
    assert set(Message.objects.filter(state="leased").values_list("subject_key", flat=True)) == {"visit:1"}


def test_the_turn_of_the_loop_by_hand_says_that_it_is_held(
    clinic: Clinic, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "beside", lambda: machine.clock)
    machine.turn()
    jumps(HOUR * 2)
    out = StringIO()
    call_command("tick", "--once", stdout=out)
    assert "held: the database's clock jumped" in out.getvalue()
    assert "refresh_due_courses" in out.getvalue(), "by the machine's own clock"
    assert "escalate_due_tasks" in out.getvalue()
    assert set(MessageLog.objects.values_list("subject_key", flat=True)) == {"task:1"}


def test_the_machines_own_clock_only_runs_on() -> None:
    first, second = clock.beside(), clock.beside()
    assert first.machine == second.machine != ""
    assert second.steady >= first.steady
