"""A storm of due messages: through the outbox as it runs, against one Celery ETA task each and against the
bare writes.

Both sides run on the same database with the same durability. Counts are checked before anything is printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from clinic import clock
from clinic.ids import uuid7
from clinic.local import children, places
from clinic.models import Clinic, Message, MessageAttempt, MessageLog
from clinic.outbox.sending import LEASE
from clinic.outbox.statements import CLAIM, FINISH, INTEND
from tests.benchmarks.celery_peer import settle
from tests.benchmarks.lines import Line, per_second, seconds
from tests.benchmarks.storm import BATCH, PURPOSE

MEMORY = 150  # MB


def lines(full: bool) -> Iterator[Line]:
    count, tasks = (1_000_000, 20_000) if full else (100_000, 5_000)
    clinic = Clinic.objects.create(
        slug="bench", name="Bench House", zone="UTC", sender_name="Bench House", phone="555-0100"
    )
    bare: list[float] = []
    alone: list[float] = []
    noted: list[float] = []
    together: list[float] = []
    for _round in range(1 if full else 3):
        plan_storm(clinic, count)
        bare.append(two_updates(count))
        alone.append(claim_and_settle(count, workers=1))
        plan_storm(clinic, count)
        noted.append(claim_and_settle(count, workers=1, noting=True))
        plan_storm(clinic, count)
        together.append(claim_and_settle(count, workers=2))
    plan_storm(clinic, count)
    whole = send_everything(count)
    # The faster of two runs: a peer slowed down by whatever else the machine did would flatter us.
    peer = tasks / min(celery_seconds(tasks) for _ in range(2))
    yield Line(
        name="claim-and-settle / Celery ETA task",  # two workers on either side
        ours=per_second(count, median(together)),
        against=f"{peer:,.0f}/s",
        ratio=count / median(together) / peer,
        target=30,
    )
    yield Line(
        name="claim-and-settle / two UPDATEs",  # one connection on either side
        ours=per_second(count, median(alone)),
        against=per_second(count, median(bare)),
        ratio=median(bare) / median(alone),
        target=0.5,
    )
    yield Line(
        name="storm, all noted / two UPDATEs",  # with an intent and an outcome for each, in the audit's table
        ours=per_second(count, median(noted)),
        against=per_second(count, median(bare)),
        ratio=median(bare) / median(noted),
        target=0.35,
    )
    yield Line(
        name="whole outbox / Celery ETA task",  # asked, rendered, intent and outcome noted; one worker
        ours=per_second(count, whole.seconds),
        against=f"{peer:,.0f}/s",
        ratio=count / whole.seconds / peer,
        target=3,
    )
    yield Line(
        name="whole outbox, memory",
        ours=f"{whole.most:.0f}MB",
        against=f"{MEMORY}MB",
        ratio=whole.most / MEMORY,
        target=1,
        at_least=False,
    )
    yield Line(
        name="whole outbox, memory over time",  # from when a tenth was sent to the end
        ours=f"{whole.most:.0f}MB",
        against=f"{whole.early:.0f}MB",
        ratio=whole.most / whole.early,
        target=1.1,
        at_least=False,
    )


def plan_storm(clinic: Clinic, count: int) -> None:
    """As many messages as that, all due, and nothing else in the tables."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE clinic_message, clinic_messagelog, clinic_messageattempt")
        cursor.execute(
            """
            INSERT INTO clinic_message (public_id, clinic_id, purpose, subject_key, rule_code, occurrence,
                target_at, channel, course_id, data, local_at, zone, send_at, not_after, state, attempt,
                planned_at, unknown_outcomes)
            SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
                    || '7' || substr(md5(n::text), 1, 19))::uuid, %(clinic)s, %(purpose)s,
                'visit:' || n, 'reminder', 0,
                clinic_now() + interval '1 day', 'email', n / 5, '{}', clinic_now() AT TIME ZONE 'UTC', 'UTC',
                clinic_now() - interval '1 minute', clinic_now() + interval '6 hours', 'planned', 0,
                clinic_now(), 0
            FROM generate_series(1, %(count)s) AS n""",
            {"clinic": clinic.pk, "purpose": PURPOSE, "count": count},
        )
        cursor.execute("VACUUM ANALYZE clinic_message")
        cursor.execute("CHECKPOINT")


def two_updates(count: int) -> float:
    """The floor: as many row versions as claim and end need, in two statements. Then all is as before."""
    token = uuid7()

    def both() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE clinic_message SET state = 'leased', lease_token = %s, lease_until = clinic_now() "
                "WHERE state = 'planned'",
                [token],
            )
            assert cursor.rowcount == count
            cursor.execute(
                "UPDATE clinic_message SET state = 'planned', lease_token = NULL, lease_until = NULL "
                "WHERE state = 'leased'"
            )
            assert cursor.rowcount == count

    took = seconds(both)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM clinic_message")
        cursor.execute("CHECKPOINT")
    return took


def claim_and_settle(count: int, *, workers: int, noting: bool = False) -> float:
    """The outbox's own two statements, batch by batch, every message to its log; the rows stay in the
    database, as those of the bare updates do. With `noting`, the third too: the intent is committed before,
    and the outcome noted with the end."""
    now = clock.now()
    claim = CLAIM.replace("RETURNING m.*", "RETURNING m.id")
    assert claim != CLAIM

    def drain() -> None:
        with connection.cursor() as cursor:
            while ids := _claimed(cursor, claim, now=now, token=(token := uuid7())):
                given: dict[str, Any] = {
                    "ids": ids,
                    "token": token,
                    "at": now,
                    "domain": "bench.example",
                    "detail": "",
                    "details": None,
                    "carriers": None,
                }
                if noting:
                    cursor.execute(INTEND, given)
                cursor.execute(
                    FINISH,
                    {
                        **given,
                        "state": "handed_off",
                        "reason": "",
                        "result": "accepted" if noting else "",
                    },
                )

    def in_thread() -> None:
        try:
            drain()
        finally:
            connection.close()

    def drain_together() -> None:
        with ThreadPoolExecutor(workers) as pool:
            for one in [pool.submit(in_thread) for _ in range(workers)]:
                one.result()

    took = seconds(drain if workers == 1 else drain_together)
    assert MessageLog.objects.filter(state="handed_off").count() == count
    assert not Message.objects.exists()
    assert MessageAttempt.objects.count() == (2 * count if noting else 0)
    return took


def _claimed(cursor: CursorWrapper, claim: str, *, now: datetime, token: UUID) -> list[int]:
    cursor.execute(claim, {"at": now, "limit": BATCH, "token": token, "until": now + LEASE})
    return [row[0] for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    seconds: float
    early: float  # the worker's resident memory when a tenth was sent, MB
    most: float


def send_everything(count: int) -> Sent:
    """All of it, in a process of its own as a worker is: asked once more, rendered, the intent committed,
    sent nowhere, settled."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.storm", str(count)],
        check=True,
        capture_output=True,
        text=True,
        cwd=places.PROJECT,
    )
    assert MessageLog.objects.filter(state="handed_off").count() == count
    assert MessageAttempt.objects.count() == 2 * count
    return Sent(**json.loads(run.stdout))


def celery_seconds(count: int) -> float:
    """From the instant at which all are due to the last one done; handing them over is not counted."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_peer (id int PRIMARY KEY, done_at timestamptz)")
        cursor.execute("TRUNCATE bench_peer")
        cursor.execute("INSERT INTO bench_peer SELECT n FROM generate_series(1, %s) AS n", [count])
    with celery_worker():
        due = clock.now() + timedelta(seconds=5 + count / 250)  # time to hand all over
        for number in range(1, count + 1):
            settle.apply_async((number,), eta=due)
        handed_over = clock.now()
        deadline = time.monotonic() + 60 + count / 100
        while True:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(done_at), min(done_at), max(done_at) FROM bench_peer")
                done, first, last = cursor.fetchone()
            if done == count:
                break
            assert time.monotonic() < deadline, f"Celery did {done} of {count}"
            time.sleep(0.2)
    assert first >= due
    assert handed_over < due, "handing over took too long to measure"
    return float((last - due).total_seconds())


@contextmanager
def celery_worker() -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryDirectory(prefix="clinic-bench-") as folder:
        log = Path(folder) / "worker.log"
        worker = children.start(
            [
                *(sys.executable, "-m", "celery", "-A", "tests.benchmarks.celery_peer", "worker"),
                *("--concurrency=2", "--loglevel=WARNING", "--without-gossip", "--without-mingle"),
            ],
            log=log,
            cwd=places.PROJECT,
            env=dict(os.environ),
        )
        try:
            yield worker
        except AssertionError as error:
            raise AssertionError(f"{error}\n{children.tail(log, 30)}") from error
        finally:
            children.end(worker, patience_seconds=10)
