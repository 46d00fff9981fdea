"""Real processes of the product against the test database: the worker, beat, any command, the web server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from clinic.local import children, places


class Started:
    """One process, its log, and the ways to end it."""

    def __init__(self, *, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def last_lines(self) -> str:
        return children.tail(self.log, 40)

    def kill(self) -> None:
        """`kill -9`, the forked children with it: nothing of it runs another instruction."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(timeout=20)

    def freeze(self) -> None:
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.process.pid, signal.SIGCONT)

    def stop(self, *, seconds: float = 15) -> int:
        """Ask it to end, as a restart of the machine would."""
        if self.process.poll() is None:
            self.thaw()
        children.end(self.process, patience_seconds=seconds)
        return self.process.returncode

    def wait(self, *, seconds: float = 60) -> int:
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{self.name} did not end within {seconds} s:\n{self.last_lines}") from error

    def wait_for_output(self, text: str, *, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.output:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} never said {text!r}:\n{self.last_lines}")
            time.sleep(0.05)


class Processes:
    """Starts them with the environment of this test run; ends all of them when the test is over."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = dict(env)
        self._folder = Path(tempfile.mkdtemp(prefix="clinic-processes-"))
        self.started: list[Started] = []
        self._web: Started | None = None

    def start(self, *argv: str | Path, name: str, env: Mapping[str, str] | None = None) -> Started:
        log = self._folder / f"{len(self.started)}-{name}.log"
        process = children.start(
            argv,
            log=log,
            cwd=places.PROJECT,
            env={**os.environ, **self.env, **(env or {})},
            death_signal=signal.SIGKILL,
        )
        started = Started(name=name, process=process, log=log)
        self.started.append(started)
        return started

    def worker(
        self, *, concurrency: int = 1, ready: bool = True, env: Mapping[str, str] | None = None
    ) -> Started:
        worker = self.start(
            *(sys.executable, "-m", "celery", "-A", "clinic", "worker", "--loglevel=INFO", "-O", "fair"),
            *(f"--concurrency={concurrency}", "--without-gossip", "--without-mingle"),
            f"--hostname=worker{len(self.started)}@%h",
            name="worker",
            env=env,
        )
        if ready:
            worker.wait_for_output(" ready.", seconds=60)
        return worker

    def beat(self, *, env: Mapping[str, str] | None = None) -> Started:
        schedule = self._folder / f"schedule-{len(self.started)}"
        return self.start(
            *(
                sys.executable,
                "-m",
                "celery",
                "-A",
                "clinic",
                "beat",
                "--loglevel=INFO",
                "--schedule",
                schedule,
            ),
            *("--pidfile", ""),
            name="beat",
            env=env,
        )

    def manage(self, *arguments: str, env: Mapping[str, str] | None = None) -> Started:
        return self.start(sys.executable, "manage.py", *arguments, name=arguments[0], env=env)

    def site(self) -> str:
        """The address of the web server of these processes, which is started when there is none."""
        if self._web is None or self._web.process.poll() is not None:
            self._web = self.web()[0]
        return self.env["SITE_URL"]

    def web(self, *, env: Mapping[str, str] | None = None, workers: int = 1) -> tuple[Started, str]:
        """A real web server at this test's address, and that address."""
        port, address = self.env["PORT"], self.env["SITE_URL"]
        web = self.start(
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", port),
            *("--workers", str(workers), "--blocking-threads", "4", "--no-access-log"),
            "clinic.wsgi:application",
            name="web",
            env=env,
        )
        wait_until_served(f"{address}/health/live", by=web)
        return web, address

    def end_all(self) -> None:
        for started in reversed(self.started):
            try:
                os.killpg(started.process.pid, signal.SIGCONT)
            except (ProcessLookupError, PermissionError):
                pass
            if started.process.poll() is None:
                started.process.terminate()
        for started in self.started:
            children.end(started.process, patience_seconds=8)
        shutil.rmtree(self._folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_quiet(*, seconds: float = 20, quiet_seconds: float = 0.25) -> None:
    """Until nobody else has done anything in the test database for a while: a request is between two of its
    statements for as long as the machine gives its thread no time."""
    from django.db import connection

    deadline = time.monotonic() + seconds
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND (state <> 'idle' OR state_change > clock_timestamp() - make_interval(secs => %s))",
                [quiet_seconds],
            )
            if not cursor.fetchone()[0]:
                return
        assert time.monotonic() < deadline, f"after {seconds} s somebody is still busy in the test database"
        time.sleep(0.025)


def wait_until_served(url: str, *, by: Started, seconds: float = 60) -> None:
    """Until an answer comes. One that says the server failed will not get better by asking again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
            raise AssertionError(f"{url} answers {error.code}:\n{by.last_lines}") from error
        except OSError:
            pass
        if by.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{url} is not served:\n{by.last_lines}")
        time.sleep(0.1)
