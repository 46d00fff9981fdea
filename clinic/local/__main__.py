"""`python -m clinic.local demo` runs the demo. `python -m clinic.local with-services COMMAND …` runs a
command with a PostgreSQL and a Redis of its own, which are gone when it ends."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clinic.local import places
from clinic.local.children import LocalServiceRefused
from clinic.local.postgres import Postgres
from clinic.local.redis import RedisServer
from clinic.local.supervisor import Demo

_started_at = time.monotonic()


def say(line: str) -> None:
    print(line, flush=True)


def progress(line: str) -> None:
    say(f"[{time.monotonic() - _started_at:4.0f} s] {line}")


def demo(*, host: str, port: int, reset: bool, empty: bool) -> int:
    return Demo(here=places.of_this_checkout(), host=host, port=port, say=progress, tell=say).run(
        reset=reset, empty=empty
    )


def with_services(command: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="clinic-with-"))
    folder.chmod(0o711)  # As root the database runs as another user, who must pass through to its own folder.
    env = dict(os.environ)
    postgres: Postgres | None = None
    redis: RedisServer | None = None
    try:
        if not env.get("DATABASE_URL"):
            postgres = Postgres(data=folder / "data", run=folder / "run", log=folder / "postgres.log")
            postgres.start()
            postgres.make_database()
            env["DATABASE_URL"] = postgres.url()
        if not env.get("REDIS_URL"):
            (folder / "run").mkdir(mode=0o700, exist_ok=True)
            redis = RedisServer(socket=folder / "run" / "redis.sock", log=folder / "redis.log")
            redis.start()
            env["REDIS_URL"] = redis.url
        return subprocess.run(command, env=env, check=False).returncode
    finally:
        for service in (redis, postgres):
            if service is not None:
                service.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m clinic.local", description=__doc__)
    doors = parser.add_subparsers(dest="door", required=True)
    a_demo = doors.add_parser("demo")
    a_demo.add_argument("--reset", action="store_true", help="throw the demo's data away first")
    a_demo.add_argument("--empty", action="store_true", help="load no demo clinics")
    a_demo.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
    a_demo.add_argument("--port", default=os.environ.get("PORT") or "8000")
    doors.add_parser("with-services").add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    try:
        if given.door == "with-services":
            return with_services(given.command)
        if not given.port.isdigit() or not 1 <= int(given.port) <= 65535:
            raise LocalServiceRefused(f"PORT must be a number from 1 to 65535; it is {given.port!r}.")
        return demo(host=given.host, port=int(given.port), reset=given.reset, empty=given.empty)
    except LocalServiceRefused as refusal:
        print(f"\n{refusal}\n", file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
