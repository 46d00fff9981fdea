"""Runs the whole demo as children of one process: database, Redis, mail sink, web, worker, beat. Ends all
of them when it is asked to, starts again what died, and on its next start clears away what a `kill -9` of
it left behind."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

import psutil

from clinic.environment import from_dotenv
from clinic.local import children, places
from clinic.local.children import LocalServiceRefused
from clinic.local.postgres import Postgres
from clinic.local.redis import RedisServer

_MOST_DEATHS = 5  # of one child within a minute; then something is wrong that another start does not mend


class Stopped(Exception):
    """We were asked to end."""


class Service(Protocol):
    @property
    def process(self) -> subprocess.Popen[bytes] | None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


@dataclass(slots=True, kw_only=True)
class Program:
    """A child that is ready as soon as it runs."""

    argv: Sequence[str | Path]
    env: Mapping[str, str]
    log: Path
    patience_seconds: float = 10
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = children.start(self.argv, log=self.log, cwd=places.PROJECT, env=self.env)

    def stop(self) -> None:
        if self.process is not None:
            children.end(self.process, patience_seconds=self.patience_seconds)
            self.process = None


@dataclass(slots=True, kw_only=True)
class Child:
    name: str
    service: Service
    died_at: list[float] = field(default_factory=list)


class Demo:
    def __init__(
        self,
        *,
        here: places.Places,
        host: str,
        port: int,
        say: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        """`say` shows progress, `tell` the lines that stay of interest."""
        self._here = here
        self._tell = tell
        self._host = host
        self._port = port
        self._say = say
        self._children: list[Child] = []
        self._asked_to_stop = False
        self._logs = here.data / "log"
        self._env = from_dotenv(places.PROJECT / ".env", os.environ)
        self._env |= {
            "CLINIC_MODE": "demo",
            "DJANGO_SETTINGS_MODULE": "clinic.settings",
            "PORT": str(port),
            "STATIC_ROOT": str(here.data / "static"),
            "PYTHONUNBUFFERED": "1",
            places.RUN_VARIABLE: str(here.run),
        }

    @property
    def address(self) -> str:
        return self._env.get("SITE_URL") or f"http://localhost:{self._port}"

    # -- a run, from start to end -----------------------------------------------------------------------

    def run(self, *, reset: bool = False, empty: bool = False) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        lock = self._only_one()
        try:
            end_orphans(run=self._here.run, say=self._say)
            self._refuse_a_taken_port()
            self._start_services(reset=reset)
            greeting = self._prepare(empty=empty)
            self._start_programs()
            self._wait_until_served()
            self._greet(greeting)
            self._watch()
        except Stopped:
            return 0
        finally:
            self._stop_everything()
            lock.close()
        return 1

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._asked_to_stop = True

    def _unless_stopped(self) -> None:
        if self._asked_to_stop:
            raise Stopped

    def _only_one(self) -> LockFile:
        lock = LockFile(self._here.data / "supervisor.lock")
        if not lock.take(f"{os.getpid()} {self.address}"):
            pid, _, address = lock.holder().partition(" ")
            raise LocalServiceRefused(
                f"This checkout's demo already runs at {address}. "
                f"To end it: Ctrl-C where it runs, or `kill {pid}`."
            )
        return lock

    def _refuse_a_taken_port(self) -> None:
        if not port_is_free(self._host, self._port):
            raise LocalServiceRefused(
                f"Port {self._port} is taken by another program. "
                f"Choose another: PORT={self._port + 1} make demo"
            )

    def _start_services(self, *, reset: bool) -> None:
        here, env = self._here, self._env
        if env.get("DATABASE_URL") or env.get("DATABASE_URL_FILE"):
            self._say("Using the database that DATABASE_URL names.")
            if reset:
                raise LocalServiceRefused(
                    "`make demo-reset` removes only the demo's own database; unset DATABASE_URL."
                )
        else:
            postgres = Postgres(
                data=here.postgres_data, run=here.run, log=self._logs / "postgres.log", say=self._say
            )
            if reset:
                self._say("Removing the demo's data.")
                postgres.stop_stale()
                for folder in (postgres.data, here.mail, here.texts):
                    shutil.rmtree(folder, ignore_errors=True)
            self._say("Starting PostgreSQL.")
            self._start("postgres", postgres)
            postgres.make_database()
            env["DATABASE_URL"] = postgres.url()
        # PostgreSQL makes it with rights of its own; whoever brings theirs still needs it for the rest.
        here.run.mkdir(mode=0o700, exist_ok=True)
        if env.get("REDIS_URL") or env.get("REDIS_URL_FILE"):
            self._say("Using the Redis that REDIS_URL names.")
        else:
            self._say("Starting Redis.")
            redis = RedisServer(socket=here.redis_socket, log=self._logs / "redis.log")
            self._start("redis", redis)
            env["REDIS_URL"] = redis.url
        if env.get("EMAIL_URL") or env.get("EMAIL_URL_FILE"):
            self._say("Sending real mail through EMAIL_URL: the demo's patients must have addresses you own.")
        else:
            here.smtp_port_file.unlink(missing_ok=True)
            self._start(
                "mail", self._python("mail", "-m", "clinic.local.mail_sink", here.mail, here.smtp_port_file)
            )
            self._until(
                here.smtp_port_file.exists, seconds=20, what="The mail sink did not start.", log="mail"
            )
            env["EMAIL_URL"] = f"smtp://127.0.0.1:{here.smtp_port_file.read_text().strip()}"
            env["DEMO_MAIL_DIR"] = str(here.mail)
        if env.get("TEXT_URL"):
            self._say("Sending real texts through TEXT_URL: the demo's patients must have numbers you own.")
        else:
            self._start_text_gateway(here, env)

    def _start_text_gateway(self, here: places.Places, env: dict[str, str]) -> None:
        env["TEXT_ACCOUNT"], env["TEXT_TOKEN"] = "demo", secrets.token_hex(16)
        here.text_port_file.unlink(missing_ok=True)
        names = (env["TEXT_ACCOUNT"], env["TEXT_TOKEN"])
        self._start(
            "texts",
            self._python("texts", "-m", "clinic.local.text_sink", here.texts, here.text_port_file, *names),
        )
        self._until(
            here.text_port_file.exists, seconds=20, what="The text gateway did not start.", log="texts"
        )
        env["TEXT_URL"] = f"http://127.0.0.1:{here.text_port_file.read_text().strip()}"
        env["DEMO_TEXT_DIR"] = str(here.texts)

    def _prepare(self, *, empty: bool) -> str:
        """Bring the database up to date; returns what the demo data says about signing in."""
        self._manage("Bringing the database up to date.", "migrate", "--no-input")
        self._manage("", "createcachetable")
        self._manage("Collecting static files.", "collectstatic", "--no-input")
        if empty:
            return "No demo clinics were loaded."
        greeting = ""
        if command_exists("load_demo"):
            greeting = self._manage("Loading the demo clinics (the first time takes a while).", "load_demo")
        if command_exists("demo_signins"):
            greeting = self._manage("", "demo_signins")
        return greeting

    def _start_programs(self) -> None:
        self._unless_stopped()
        self._say("Starting web, worker and beat.")
        celery = ("-m", "celery", "-A", "clinic")
        schedule = self._here.data / "celerybeat-schedule"
        schedule.unlink(
            missing_ok=True
        )  # It holds nothing worth keeping, and a killed beat may leave half of one.
        self._start(
            "worker",
            self._python(
                "worker",
                *(*celery, "worker", "--loglevel=INFO", "-O", "fair", "--concurrency=2"),
                *("--without-gossip", "--without-mingle", "--hostname=demo@%h"),
            ),
        )
        self._start(
            "beat",
            self._python("beat", *celery, "beat", "--loglevel=INFO", f"--schedule={schedule}", "--pidfile="),
        )
        self._start(
            "web",
            self._python(
                "web",
                *("-m", "granian", "--interface", "wsgi", "--host", self._host, "--port", str(self._port)),
                *("--workers", "2", "--blocking-threads", "4", "--workers-kill-timeout", "5"),
                *("--respawn-failed-workers", "--no-access-log", "clinic.wsgi:application"),
            ),
        )

    def _wait_until_served(self) -> None:
        def served() -> bool:
            try:
                with urllib.request.urlopen(
                    f"http://{self._reachable_host()}:{self._port}/health/ready", timeout=5
                ) as answer:
                    return bool(answer.status == 200)
            except (urllib.error.URLError, OSError):
                return False

        self._until(served, seconds=90, what="The web server does not answer.", log="web")

    def _greet(self, greeting: str) -> None:
        lines = ["", f"The clinic is open:  {self.address}", ""]
        lines += greeting.strip().splitlines()
        if "DEMO_MAIL_DIR" in self._env:
            lines += ["", f"Sent mail:           {self.address}/demo/mail"]
        lines += [
            f"Logs:                {self._logs}",
            "",
            "Ctrl-C ends everything; the data stays. `make demo-reset` starts over.",
            "",
        ]
        for line in lines:
            self._tell(line)

    # -- watching ---------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            self._unless_stopped()
            for child in self._children:
                process = child.service.process
                if process is not None and process.poll() is not None:
                    self._start_again(child, process.returncode)
            time.sleep(0.2)

    def _start_again(self, child: Child, code: int) -> None:
        now = time.monotonic()
        child.died_at = [at for at in child.died_at if at > now - 60] + [now]
        if len(child.died_at) >= _MOST_DEATHS:
            raise LocalServiceRefused(f"{child.name} keeps dying. {self._end_of_log(child.name)}")
        self._say(
            f"{child.name} ended unexpectedly (exit code {code}); starting it again. "
            f"Its log: {self._log(child.name)}"
        )
        child.service.stop()  # What is left of its process group goes too.
        self._pause(2 ** (len(child.died_at) - 1) - 1)
        child.service.start()

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._unless_stopped()
            time.sleep(0.05)

    # -- the parts --------------------------------------------------------------------------------------

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _end_of_log(self, name: str) -> str:
        return f"The end of {self._log(name)}:\n{children.tail(self._log(name))}"

    def _reachable_host(self) -> str:
        return "127.0.0.1" if self._host in {"0.0.0.0", "::"} else self._host  # noqa: S104  # compared with, not listened on

    def _python(self, name: str, *arguments: str | Path) -> Program:
        return Program(argv=[sys.executable, *arguments], env=self._env, log=self._log(name))

    def _start(self, name: str, service: Service) -> None:
        self._unless_stopped()
        log = self._log(name)
        if log.exists():  # One run, one log; the run before is kept beside it.
            log.replace(log.with_suffix(".log.1"))
        # On the list first: if starting fails half way, stopping it must still be tried.
        self._children.append(Child(name=name, service=service))
        service.start()

    def _manage(self, what: str, *arguments: str) -> str:
        self._unless_stopped()
        if what:
            self._say(what)
        log = self._log(arguments[0])
        log.unlink(missing_ok=True)
        process = children.start(
            [sys.executable, "manage.py", *arguments], log=log, cwd=places.PROJECT, env=self._env
        )
        try:
            while process.poll() is None:
                self._unless_stopped()
                time.sleep(0.05)
        finally:
            children.end(process)
        if process.returncode:
            raise LocalServiceRefused(
                f"`manage.py {' '.join(arguments)}` failed. {self._end_of_log(arguments[0])}"
            )
        return log.read_text(encoding="utf-8", errors="replace")

    def _until(self, holds: Callable[[], bool], *, seconds: float, what: str, log: str) -> None:
        deadline = time.monotonic() + seconds
        process = self._children[-1].service.process
        while not holds():
            self._unless_stopped()
            if time.monotonic() > deadline or (process is not None and process.poll() is not None):
                raise LocalServiceRefused(f"{what} {self._end_of_log(log)}")
            time.sleep(0.1)

    def _stop_everything(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(
                number, signal.SIG_IGN
            )  # Once is enough; interrupting this would leave a child behind.
        if self._children:
            self._say("Ending everything …")
        # The programs at once, as each may take seconds to finish what it does; then what they stand on.
        programs = [child.service for child in self._children if isinstance(child.service, Program)]
        for program in programs:
            if program.process is not None and program.process.poll() is None:
                program.process.send_signal(signal.SIGTERM)
        for service in [
            *programs,
            *(each.service for each in reversed(self._children) if each.service not in programs),
        ]:
            service.stop()
        shutil.rmtree(self._here.run, ignore_errors=True)  # Sockets and the like; the data lies elsewhere.
        if self._children:
            self._say("All ended.")


class LockFile:
    """Held as long as its process lives, however that ends: the kernel lets go of it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+", encoding="utf-8")

    def take(self, note: str) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._file.truncate(0)
        self._file.write(note)
        self._file.flush()
        return True

    def holder(self) -> str:
        self._file.seek(0)
        return self._file.read().strip()

    def close(self) -> None:
        self._file.close()


def command_exists(name: str) -> bool:
    return any(places.PROJECT.glob(f"*/management/commands/{name}.py"))


def port_is_free(host: str, port: int) -> bool:
    """Also not taken on ::1, where browsers look first when told localhost."""
    for family, address in ((socket.AF_INET, host), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
    return True


def end_orphans(*, run: Path, say: Callable[[str], None]) -> None:
    """End the programs of this checkout's demo whose supervisor was killed. They are known by a variable
    that only it sets, so no other process is touched, whatever its name. The database is found by its own
    pid file."""
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    orphans = []
    for process in psutil.process_iter():
        try:
            if process.pid not in spared and process.environ().get(places.RUN_VARIABLE) == str(run):
                orphans.append(process)
        except (psutil.Error, OSError):
            continue
    orphans = [each for each in orphans if not each.name().startswith("postgres")]
    if not orphans:
        return
    say(f"Ending {len(orphans)} processes that an earlier run left behind.")
    for send, patience in ((psutil.Process.terminate, 8.0), (psutil.Process.kill, 5.0)):
        for process in orphans:
            try:
                send(process)
            except psutil.NoSuchProcess:
                pass
        _, orphans = psutil.wait_procs(orphans, timeout=patience)
