"""One run: servers of its own, as durable as in production; texts planned; workers at work and killed at it;
then what arrived is held against what was asked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import TypeVar
from urllib.request import Request, urlopen

import psutil
import psycopg
import redis

from clinic.local import children, places
from clinic.local.postgres import Postgres
from clinic.local.redis import RedisServer
from tests.support.schema import TEMPLATE, migrated_template
from tests.support.text_gateway import ACCOUNT, TOKEN

T = TypeVar("T")
KILL_EVERY = 0.3  # seconds
LEASE = 5  # seconds, in these runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    messages: int
    lost: int
    doubled: int
    uncertain: int
    kills: int
    restarts: int  # of the database, immediate
    seconds: float
    late: float  # seconds, of the 99th in a hundred; what was late because of the chaos included


class Place:
    """The servers, the provider and the workers of one run."""

    def __init__(self, folder: Path, *, seed: int, misbehaving: bool) -> None:
        self.folder, self.chance = folder, Random(seed)
        self.postgres = Postgres(data=folder / "data", run=folder / "run", log=folder / "postgres.log")
        self.redis = RedisServer(socket=folder / "run" / "redis.sock", log=folder / "redis.log")
        self.kills = self.restarts = 0
        self._gateway_seed = seed if misbehaving else 0
        self._started: list[subprocess.Popen[bytes]] = []

    def open(self) -> None:
        self.postgres.start()
        self.redis.start()
        self.gateway_url = self._gateway()
        os.environ |= self.environment
        migrated_template(self.postgres)

    @property
    def database_url(self) -> str:
        return self.postgres.url(TEMPLATE)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "CLINIC_MODE": "test",
            "DJANGO_SETTINGS_MODULE": "clinic.settings",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis.url,
            "TEXT_URL": self.gateway_url,
            "TEXT_ACCOUNT": ACCOUNT,
            "TEXT_TOKEN": TOKEN,
            "TEXT_TIMEOUT_SECONDS": "1",
            "MESSAGE_LEASE_SECONDS": str(LEASE),
            "LOG_LEVEL": "ERROR",
        }

    def close(self) -> None:
        for process in self._started:
            children.end(process, patience_seconds=3)
        self.redis.stop()
        self.postgres.stop(immediately=True)

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        process = children.start(
            argv,
            log=self.folder / "processes.log",
            cwd=places.PROJECT,
            env=dict(os.environ),
            death_signal=signal.SIGKILL,
        )
        self._started.append(process)
        return process

    def _gateway(self) -> str:
        port_file = self.folder / "gateway.url"
        self.start(
            *(sys.executable, "-m", "tests.chaos.gateway", str(port_file), str(self._gateway_seed)),
        )
        return wait_for(lambda: port_file.read_text() if port_file.exists() else "", seconds=20)

    def taken(self) -> list[tuple[str, float]]:
        with urlopen(Request(self.gateway_url + "/taken"), timeout=60) as answer:
            return [(to, at) for to, at in json.load(answer)]

    def worker(self, app: str, *, concurrency: int = 3) -> subprocess.Popen[bytes]:
        return self.start(
            *(sys.executable, "-m", "celery", "-A", app, "worker", "--loglevel=ERROR", "-O", "fair"),
            *(f"--concurrency={concurrency}", "--without-gossip", "--without-mingle"),
            f"--hostname=chaos{len(self._started)}@%h",
        )

    def beat(self) -> subprocess.Popen[bytes]:
        return self.start(
            *(sys.executable, "-m", "celery", "-A", "tests.chaos.app", "beat", "--loglevel=ERROR"),
            *("--pidfile", "", "--schedule", str(self.folder / "schedule")),
        )

    # --- harm -----------------------------------------------------------------------------------------------

    def kill_one(self, worker: subprocess.Popen[bytes]) -> None:
        """`kill -9` to one of the processes that send."""
        with suppress(psutil.Error, ProcessLookupError):
            senders = psutil.Process(worker.pid).children()
            if senders:
                self.chance.choice(senders).send_signal(signal.SIGKILL)
                self.kills += 1

    def kill_all(self, worker: subprocess.Popen[bytes]) -> None:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(timeout=20)
        self.kills += 1

    def stand_still(self, worker: subprocess.Popen[bytes]) -> Callable[[], None]:
        """Stops the senders in the middle of whatever they do; what is returned lets them go on."""
        with suppress(psutil.Error):
            frozen = psutil.Process(worker.pid).children()
            for one in frozen:
                one.send_signal(signal.SIGSTOP)

            def go_on() -> None:
                for one in frozen:
                    with suppress(psutil.Error, ProcessLookupError):
                        one.send_signal(signal.SIGCONT)

            return go_on
        return lambda: None

    def restart_postgres(self) -> None:
        """As after a power cut, but for the disk: what was not committed is gone."""
        self.postgres.stop(immediately=True)
        self.postgres.start()
        self.restarts += 1

    def flush_redis(self) -> None:
        client = redis.Redis.from_url(self.redis.url)
        client.flushall()
        client.close()

    def ask(self, query: str) -> int:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
            return int(row[0]) if row and row[0] is not None else 0


@contextmanager
def a_place(*, seed: int, misbehaving: bool) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="clinic-chaos-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # the database may run as another user, who passes through
        place = Place(folder, seed=seed, misbehaving=misbehaving)
        try:
            place.open()
            yield place
        finally:
            place.close()


def wait_for(answer: Callable[[], T], *, seconds: float, every: float = 0.1) -> T:
    deadline = time.monotonic() + seconds
    while not (found := answer()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain")
        time.sleep(every)
    return found


# --- the outbox ---------------------------------------------------------------------------------------------


def chaos(*, messages: int, seed: int) -> Report:
    with a_place(seed=seed, misbehaving=True) as place:
        due = plan(messages, spread_seconds=0)
        started = time.monotonic()
        place.beat()
        worker = [place.worker("tests.chaos.app")]

        def left() -> int:
            return place.ask("SELECT count(*) FROM clinic_message")

        harm(
            place,
            worker,
            app="tests.chaos.app",
            done=lambda: 1 - left() / messages,
            seconds=60 + messages / 20,
        )

        def over() -> bool:
            keep_running(place, worker, app="tests.chaos.app")
            return left() == 0

        wait_for(over, seconds=60 + messages / 100, every=0.5)
        took = time.monotonic() - started
        return reported(
            place, due, took=took, told="SELECT count(*) FROM clinic_messagelog WHERE state = 'uncertain'"
        )


def steady(*, rate: int, seconds: int, seed: int) -> Report:
    """An honest provider, and so many a second: how late they go."""
    with a_place(seed=seed, misbehaving=False) as place:
        place.beat()
        place.worker("tests.chaos.app", concurrency=2)
        time.sleep(8)  # until they are ready
        due = plan(rate * seconds, spread_seconds=seconds)
        started = time.monotonic()
        wait_for(
            lambda: place.ask("SELECT count(*) FROM clinic_message") == 0, seconds=4 * seconds + 60, every=0.5
        )
        return reported(
            place,
            due,
            took=time.monotonic() - started,
            told="SELECT count(*) FROM clinic_messagelog WHERE state = 'uncertain'",
        )


def plan(messages: int, *, spread_seconds: float) -> dict[str, float]:
    """Their numbers, and when each is due. In this process: Django is set up on first use."""
    import django

    django.setup()
    from clinic import clock
    from clinic.models import Clinic
    from tests.chaos.app import OURS, number_of

    clinic = Clinic.objects.create(
        slug="chaos",
        name="Chaos House",
        zone="UTC",
        sender_name="Chaos House",
        phone="555-0100",
        text_sender=OURS,
    )
    start = clock.now()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO clinic_message (public_id, clinic_id, purpose, subject_key, rule_code, occurrence,
                target_at, channel, data, local_at, zone, send_at, not_after, state, attempt,
                planned_at, unknown_outcomes)
            SELECT gen_random_uuid(), %(clinic)s, 'chaos_note', 'note:' || n, 'reminder', 0,
                %(start)s::timestamptz + interval '1 day', 'text', '{}',
                (%(start)s::timestamptz + n * %(gap)s * interval '1 second') AT TIME ZONE 'UTC', 'UTC',
                %(start)s::timestamptz + n * %(gap)s * interval '1 second',
                %(start)s::timestamptz + interval '6 hours', 'planned', 0, %(start)s, 0
            FROM generate_series(1, %(count)s) AS n""",
            {"clinic": clinic.pk, "start": start, "count": messages, "gap": spread_seconds / messages},
        )
    first = start.timestamp()
    return {number_of(f"note:{n}"): first + n * spread_seconds / messages for n in range(1, messages + 1)}


def harm(
    place: Place,
    worker: list[subprocess.Popen[bytes]],
    *,
    app: str,
    done: Callable[[], float],
    seconds: float,
) -> None:
    """Until nearly all is done: a sender killed every 300 ms, and at its stage each of the rarer troubles."""
    deadline = time.monotonic() + seconds

    def anew() -> None:
        place.kill_all(worker[-1])
        worker.append(place.worker(app))

    rarer: list[tuple[float, Callable[[], None]]] = [
        (0.1, place.flush_redis),
        (0.2, place.restart_postgres),
        (0.35, anew),
        (0.65, place.restart_postgres),
        (0.75, place.flush_redis),
    ]
    frozen: tuple[float, Callable[[], None]] | None = None
    stood_still = False
    while (share := done()) < 0.9 and time.monotonic() < deadline:
        keep_running(place, worker, app=app)
        if rarer and share >= rarer[0][0]:
            rarer.pop(0)[1]()
        if not stood_still and share >= 0.5:
            stood_still = True
            frozen = (time.monotonic() + LEASE + 2, place.stand_still(worker[-1]))
            second = place.worker(app)  # somebody takes over, and finishes before the first wakes up
            worker.insert(0, second)
        if frozen is not None and time.monotonic() > frozen[0]:
            frozen[1]()
            frozen = None
        if frozen is None and share > 0:  # once they are at work
            place.kill_one(worker[-1])
        time.sleep(KILL_EVERY)
    if frozen is not None:
        time.sleep(max(0.0, frozen[0] - time.monotonic()))
        frozen[1]()
    for _late, trouble in rarer:
        trouble()


def keep_running(place: Place, worker: list[subprocess.Popen[bytes]], *, app: str) -> None:
    """What a supervisor does: Celery gives up when its senders are killed while it starts."""
    if worker[-1].poll() is not None:
        worker.append(place.worker(app))


def reported(place: Place, due: dict[str, float], *, took: float, told: str) -> Report:
    taken = place.taken()
    times = Counter(to for to, _at in taken)
    first: dict[str, float] = {}
    for to, at in taken:
        first[to] = min(at, first.get(to, at))
    late = [at - due[to] for to, at in first.items() if to in due]
    return Report(
        messages=len(due),
        lost=len(due.keys() - times.keys()),
        doubled=sum(count > 1 for count in times.values()),
        uncertain=place.ask(told),
        kills=place.kills,
        restarts=place.restarts,
        seconds=round(took, 1),
        late=round(quantiles(late, n=100)[-1], 2) if len(late) > 1 else 0.0,
    )


# --- the peer -----------------------------------------------------------------------------------------------


def peer(*, messages: int, seed: int) -> Report:
    """One Celery task with an ETA for each, the same harm, and then all the time it wants."""
    with a_place(seed=seed, misbehaving=True) as place:
        from tests.chaos.app import number_of
        from tests.chaos.peer import send

        with psycopg.connect(place.database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE chaos_peer (id int PRIMARY KEY, done_at timestamptz)")
            connection.execute("INSERT INTO chaos_peer SELECT n FROM generate_series(1, %s) n", [messages])
        eta = time.time() + 2
        for number in range(1, messages + 1):
            send.apply_async((number,), eta=datetime.fromtimestamp(eta, UTC))
        started = time.monotonic()
        worker = [place.worker("tests.chaos.peer")]

        def done() -> int:
            return place.ask("SELECT count(done_at) FROM chaos_peer")

        harm(
            place, worker, app="tests.chaos.peer", done=lambda: done() / messages, seconds=15 + messages / 50
        )
        before, still = -1, 0
        while done() < messages and still < 10:  # ten seconds in which nothing more is done
            keep_running(place, worker, app="tests.chaos.peer")
            still = still + 1 if done() == before else 0
            before = done()
            time.sleep(1)
        due = {number_of(f"note:{n}"): eta for n in range(1, messages + 1)}
        return reported(
            place,
            due,
            took=time.monotonic() - started,
            told="SELECT count(*) FROM chaos_peer WHERE done_at IS NULL",
        )
