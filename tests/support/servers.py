"""One PostgreSQL and one Redis for the whole run, each started when first asked for, ended with the run."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psutil

from clinic.local.postgres import Postgres
from clinic.local.redis import RedisServer

_PREFIX = "clinic-test-"


class Servers:
    """Their addresses are known at once, so that settings can be read before anything runs."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{os.getpid()}"
        self._postgres: Postgres | None = None
        self._redis: RedisServer | None = None
        # Kept apart from the settings' own names: a worker of pytest-xdist inherits what its parent set.
        self._given_database = os.environ.setdefault("GIVEN_DATABASE_URL", os.environ.get("DATABASE_URL", ""))
        self._given_redis = os.environ.setdefault("GIVEN_REDIS_URL", os.environ.get("REDIS_URL", ""))

    @property
    def database_url(self) -> str:
        return self._given_database or f"postgresql://clinic@/clinic?host={self.folder / 'run'}"

    @property
    def redis_url(self) -> str:
        return self._given_redis or f"unix://{self.folder / 'run' / 'redis.sock'}?db=0"

    def database(self) -> Postgres | None:
        """The server, if this call has started it: ours, and empty."""
        if self._given_database or self._postgres is not None:
            return None
        self._make_folder()
        self._postgres = Postgres(
            data=self.folder / "data",
            run=self.folder / "run",
            log=self.folder / "postgres.log",
            for_tests=True,
        )
        self._postgres.start()
        return self._postgres

    def redis(self) -> str:
        if not self._given_redis and self._redis is None:
            self._make_folder()
            (self.folder / "run").mkdir(mode=0o700, exist_ok=True)
            self._redis = RedisServer(
                socket=self.folder / "run" / "redis.sock", log=self.folder / "redis.log"
            )
            self._redis.start()
        return self.redis_url

    def stop(self) -> None:
        if self._redis is not None:
            self._redis.stop()
        if self._postgres is not None:
            self._postgres.stop(immediately=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_folder(self) -> None:
        if not self.folder.exists():
            _remove_what_killed_runs_left()
            # As root the database runs as another user, who must pass through this folder to its own.
            self.folder.mkdir(mode=0o711)


def _remove_what_killed_runs_left() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        number = folder.name.removeprefix(_PREFIX)
        if number.isdigit() and not psutil.pid_exists(int(number)) and folder.stat().st_uid == os.geteuid():
            shutil.rmtree(folder, ignore_errors=True)
