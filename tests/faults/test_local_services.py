"""What `make demo` stands on: it ends completely, starts again after anything, and is refused in plain
words."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
import yaml

from clinic import clock
from clinic.local import children, places
from clinic.local.postgres import Postgres
from clinic.local.supervisor import end_orphans
from clinic.models import MessageLog
from sessions.models.tasks import TaskKind
from sessions.operations.tasks import open_task
from tests.support.cast import enrol, make_cast
from tests.support.processes import free_port
from tests.support.servers import Servers
from tests.support.smtp import SmtpServer, wait_until


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's tmp_path: as root the database runs as another user, who may not pass through that."""
    made = Path(tempfile.mkdtemp(prefix="clinic-demo-test-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


class DemoRun:
    def __init__(self, folder: Path, *, port: int, given: Mapping[str, str] | None = None) -> None:
        self.port = port
        self.log = folder / "output"
        self.data = folder / "data"
        kept = {
            name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}
        }
        self.process = children.start(
            [sys.executable, "-m", "clinic.local", "demo", "--empty", "--port", str(port)],
            log=self.log,
            cwd=places.PROJECT,
            env={**kept, **(given or {}), places.DATA_VARIABLE: str(self.data)},
            death_signal=signal.SIGTERM,
        )

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait_until_open(self) -> list[psutil.Process]:
        """Once the address is printed; returns every process of the demo."""
        before = self.output.count("The clinic is open")
        wait_until(
            lambda: self.output.count("The clinic is open") > before or self.process.poll() is not None,
            seconds=90,
            what=f"the opening of the demo ({self.log})",
        )
        assert self.process.poll() is None, self.output
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> None:
        children.end(self.process, patience_seconds=40)


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.processes
def test_a_killed_demo_starts_again_and_sigterm_ends_every_child(folder: Path) -> None:
    port = free_port()
    first = DemoRun(folder, port=port)
    of_first = first.wait_until_open()
    names = " ".join(" ".join(each.cmdline()) for each in of_first)
    for part in ("postgres", "redis-server", "mail_sink", "granian", "worker", "beat"):
        assert part in names

    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    second = DemoRun(folder, port=port)
    try:
        of_second = second.wait_until_open()
        assert running([each for each in of_first if each not in of_second]) == []
        with urllib.request.urlopen(f"http://localhost:{port}/health/ready", timeout=10) as answer:
            assert answer.status == 200

        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(timeout=60) == 0
        assert running(of_second) == []
        assert not (
            folder / "data" / "postgres" / "postmaster.pid"
        ).exists()  # It was shut down, not cut off.
    finally:
        second.end()


@pytest.mark.processes
def test_a_database_a_redis_and_a_mail_server_of_ones_own_replace_the_embedded_ones(
    folder: Path, process_env: dict[str, str], smtp_server: SmtpServer
) -> None:
    cast, now = make_cast(), clock.now()
    task = open_task(
        course=enrol(cast),
        kind=TaskKind.CALL_ASKED,
        subject="contact",
        act_by=now + timedelta(hours=1),
        now=now,
        owner_role="therapist",
        cover_role="coordinator",
    )
    given = {name: process_env[name] for name in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL")}
    demo = DemoRun(folder, port=free_port(), given=given)
    try:
        names = " ".join(" ".join(each.cmdline()) for each in demo.wait_until_open())
        for part in ("postgres", "redis-server", "valkey-server", "mail_sink"):
            assert part not in names
        for part in ("granian", "worker", "beat"):
            assert part in names
        [mail] = smtp_server.wait_for(1, to="ada@example.org")
    finally:
        demo.end()
    assert task is not None and str(task.public_id) in mail.text, "its worker read the database given"
    wait_until(lambda: MessageLog.objects.filter(purpose="staff_task", state="handed_off").exists())
    client = redis.Redis.from_url(process_env["REDIS_URL"])
    assert client.keys("_kombu.binding.*"), "its beat and its worker met in the Redis given"
    client.close()
    assert not (folder / "data" / "postgres").exists()
    assert not (folder / "data" / "mail").exists()
    for name in given:
        assert name in demo.output, "and it says so"


_WHAT_RUNS = """
import os, psutil
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
print(*(each.name() for each in psutil.Process(os.getppid()).children()))
"""


@pytest.mark.processes
def test_a_command_or_a_test_run_on_services_of_ones_own_starts_none(
    process_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {name: process_env[name] for name in ("DATABASE_URL", "REDIS_URL")}
    ran = subprocess.run(
        [sys.executable, "-m", "clinic.local", "with-services", sys.executable, "-c", _WHAT_RUNS],
        cwd=places.PROJECT,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=True,
    )
    addresses, running_beside = ran.stdout.splitlines()
    assert addresses.split() == list(given.values())
    assert len(running_beside.split()) == 1 and "python" in running_beside

    for name, value in given.items():
        monkeypatch.setenv(f"GIVEN_{name}", value)
    of_a_run = Servers()
    assert of_a_run.database() is None and of_a_run.redis() == given["REDIS_URL"]
    assert of_a_run.database_url == given["DATABASE_URL"]


@pytest.mark.processes
def test_a_taken_port_is_named_with_the_way_to_choose_another(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = int(other.getsockname()[1])
        demo = DemoRun(folder, port=port)
        assert demo.process.wait(timeout=60) == 1
    assert f"Port {port} is taken" in demo.output
    assert f"PORT={port + 1} make demo" in demo.output
    assert not (folder / "data" / "postgres").exists()  # Refused before anything was started.


def make_postgres(folder: Path) -> Postgres:
    return Postgres(data=folder / "data", run=folder / "run", log=folder / "postgres.log", for_tests=True)


@pytest.mark.processes
def test_a_database_that_outlived_its_supervisor_is_stopped_and_started_again(folder: Path) -> None:
    left_behind = make_postgres(folder)
    left_behind.start()
    assert left_behind.process is not None
    with psycopg.connect(left_behind.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")

    ours = make_postgres(folder)
    ours.start()
    try:
        assert left_behind.process.wait(timeout=20) == 0
        with psycopg.connect(ours.url("postgres")) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    finally:
        ours.stop()


@pytest.mark.processes
def test_a_database_killed_outright_starts_again(folder: Path) -> None:
    killed = make_postgres(folder)
    killed.start()
    assert killed.process is not None
    killed.process.kill()
    killed.process.wait()
    again = make_postgres(folder)
    again.start()
    again.stop()


@pytest.mark.processes
def test_who_stands_still_in_a_transaction_is_put_out_and_holds_up_nobody_for_long(folder: Path) -> None:
    postgres = make_postgres(folder)
    postgres.start()
    try:
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            assert connection.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("5min",)
    finally:
        postgres.stop()
    compose = yaml.safe_load((places.PROJECT / "docker-compose.yml").read_text())
    assert "idle_in_transaction_session_timeout=5min" in compose["services"]["db"]["command"]


@pytest.mark.processes
def test_a_pid_file_that_names_another_program_does_no_harm_to_it(folder: Path) -> None:
    postgres = make_postgres(folder)
    postgres.start()
    postgres.stop()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (folder / "data" / "postmaster.pid").write_text(f"{bystander.pid}\n{folder / 'data'}\n")
        postgres.start()
        postgres.stop()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.processes
def test_only_processes_of_the_same_demo_are_ended_as_orphans(folder: Path) -> None:
    def sleeper(run: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sleep", "60"], env={**os.environ, places.RUN_VARIABLE: run})

    orphan, of_another_demo = sleeper(str(folder / "run")), sleeper(str(folder / "other"))
    try:
        time.sleep(0.2)
        end_orphans(run=folder / "run", say=lambda line: None)
        orphan.wait(timeout=10)  # psutil has taken its exit code.
        assert of_another_demo.poll() is None
    finally:
        of_another_demo.kill()
        of_another_demo.wait()
