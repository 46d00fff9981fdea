"""Real worker processes killed with -9 at each step of a send, against a real SMTP server: nothing lost,
nothing double.

Double means two distinct Message-IDs for one message: a copy under the same one is the same mail to whoever
gets it.
"""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from datetime import timedelta

import pytest
import redis

from clinic import clock, outbox
from clinic.crash import POINTS
from clinic.models import Message, MessageLog
from clinic.operations.clock import move_clock
from clinic.outbox.sending import LEASE
from tests.clinic.house import a_clinic, a_spec
from tests.support.processes import Processes, Started
from tests.support.smtp import SmtpServer, wait_until

PURPOSE = "fault_note"
pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def plan(count: int) -> set[str]:
    """Due messages, and the addresses they are for."""
    clinic, now = a_clinic(), clock.now()
    subjects = [f"note:{number}" for number in range(count)]
    outbox.plan(
        specs=[a_spec(clinic, subject, at=now, purpose=PURPOSE) for subject in subjects],
        now=now,
    )
    return {subject.replace(":", "-") + "@example.org" for subject in subjects}


def one_turn(processes: Processes, crash_at: str = "") -> Started:
    return processes.start(
        sys.executable, "-m", "tests.faults.outbox_app", name="turn", env={"CRASH_AT": crash_at}
    )


def worker(processes: Processes, crash_at: str = "") -> Started:
    started = processes.start(
        *(sys.executable, "-m", "celery", "-A", "tests.faults.outbox_app", "worker", "--loglevel=INFO"),
        *("-O", "fair", "--concurrency=1", "--without-gossip", "--without-mingle"),
        f"--hostname=sender{crash_at}{id(object())}@%h",
        name="worker",
        env={"CRASH_AT": crash_at},
    )
    started.wait_for_output(" ready.", seconds=60)
    return started


def received(smtp_server: SmtpServer) -> dict[str, set[str]]:
    """Address -> the distinct Message-IDs that arrived there."""
    found: dict[str, set[str]] = {}
    for mail in smtp_server.received:
        for address in mail.recipients:
            found.setdefault(address, set()).add(mail.message_id)
    return found


def assert_each_arrived_once(smtp_server: SmtpServer, addresses: set[str]) -> None:
    found = received(smtp_server)
    assert set(found) == addresses, f"lost: {addresses - set(found)}"
    assert {address: ids for address, ids in found.items() if len(ids) > 1} == {}


@pytest.mark.parametrize("step", POINTS)
def test_killed_at_any_step_each_message_arrives_once(
    step: str, smtp_server: SmtpServer, processes: Processes
) -> None:
    addresses = plan(4)
    killed = one_turn(processes, crash_at=step)
    assert killed.wait() == -signal.SIGKILL, killed.output
    assert Message.objects.filter(state="leased").exists()
    # Within the lease nobody else may touch them; after it the next turn takes them back.
    move_clock(by=LEASE + timedelta(seconds=1))
    Message.objects.filter(state="leased").update(lease_until=clock.now() - timedelta(seconds=1))
    for _turn in range(2):
        turn = one_turn(processes)
        assert turn.wait() == 0, turn.output
        move_clock(by=timedelta(minutes=2))
    assert_each_arrived_once(smtp_server, addresses)
    assert Counter(MessageLog.objects.values_list("state", flat=True)) == {"handed_off": 4}
    copies = len(smtp_server.received) - len(addresses)
    # Only after the server may have accepted can there be a second copy at all, and only of the one in hand.
    assert copies == (1 if step in ("after_accept", "before_settle") else 0)


@pytest.mark.parametrize("step", POINTS)
def test_killed_at_any_step_what_goes_as_one_arrives_once_and_every_row_is_settled(
    step: str, smtp_server: SmtpServer, processes: Processes
) -> None:
    """Two patients with three messages each, due at once: two mails."""
    clinic, now = a_clinic(), clock.now()
    outbox.plan(
        specs=[
            a_spec(clinic, f"note:{course}:{number}", at=now, purpose="fault_notes_as_one", course_id=course)
            for course in (1, 2)
            for number in range(3)
        ],
        now=now,
    )
    killed = one_turn(processes, crash_at=step)
    assert killed.wait() == -signal.SIGKILL, killed.output
    move_clock(by=LEASE + timedelta(seconds=1))
    Message.objects.filter(state="leased").update(lease_until=clock.now() - timedelta(seconds=1))
    for _turn in range(2):
        turn = one_turn(processes)
        assert turn.wait() == 0, turn.output
        move_clock(by=timedelta(minutes=2))
    assert_each_arrived_once(smtp_server, {"course-1@example.org", "course-2@example.org"})
    for one in smtp_server.received:
        assert one.text.count("note:") == 3, "a copy says what the first said"
    assert Counter(MessageLog.objects.values_list("state", flat=True)) == {"handed_off": 6}
    carriers = MessageLog.objects.values_list("course_id", "carried_by").distinct()
    assert sorted(course or 0 for course, carrier in carriers if carrier) == [1, 2]


def test_two_workers_sending_at_once_share_the_work(smtp_server: SmtpServer, processes: Processes) -> None:
    addresses = plan(120)
    turns = [one_turn(processes) for _worker in range(2)]
    for turn in turns:
        assert turn.wait() == 0, turn.output
    assert_each_arrived_once(smtp_server, addresses)
    assert len(smtp_server.received) == 120


def test_a_server_that_accepts_and_drops_the_line_gets_one_message_id(
    smtp_server: SmtpServer, processes: Processes
) -> None:
    addresses = plan(2)
    smtp_server.drop_after_accept = True
    assert one_turn(processes).wait() == 0
    assert set(Message.objects.values_list("state", flat=True)) == {"uncertain"}
    smtp_server.drop_after_accept = False
    move_clock(by=timedelta(minutes=2))
    assert one_turn(processes).wait() == 0
    assert_each_arrived_once(smtp_server, addresses)
    assert Message.objects.count() == 0


def test_with_redis_flushed_again_and_again_every_message_arrives(
    smtp_server: SmtpServer, processes: Processes, redis_url: str
) -> None:
    addresses = plan(30)
    worker(processes)
    processes.beat()
    client = redis.Redis.from_url(redis_url)
    for _time in range(5):
        client.flushall()
        time.sleep(0.3)
    wait_until(lambda: len(smtp_server.received) >= 30, seconds=60, what="the arrival of every message")
    client.flushall()
    client.close()
    wait_until(lambda: not Message.objects.exists(), what="the settling of every message")
    assert_each_arrived_once(smtp_server, addresses)


def test_two_beats_and_two_workers_send_each_message_once(
    smtp_server: SmtpServer, processes: Processes
) -> None:
    addresses = plan(60)
    for _pair in range(2):
        worker(processes)
        processes.beat()
    wait_until(lambda: len(smtp_server.received) >= 60, seconds=60, what="the arrival of every message")
    wait_until(lambda: not Message.objects.exists(), what="the settling of every message")
    assert_each_arrived_once(smtp_server, addresses)
    assert len(smtp_server.received) == 60
