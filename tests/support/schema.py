"""The migrated schema, kept between runs: migrating an empty database takes ten seconds of a run, and gives
the same until a migration or a pinned package changes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from clinic.local.postgres import Postgres

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".pytest_cache" / "schema"
TEMPLATE = "migrated"


def migrated_template(server: Postgres) -> str:
    """Makes a database on that server which test databases are copied from. Its name."""
    server.make_database(TEMPLATE)
    template = server.url(TEMPLATE)
    kept = KEPT / f"{_digest()}.sql"
    if kept.exists():
        restore = ("--quiet", "--no-psqlrc", "--single-transaction", "--set", "ON_ERROR_STOP=1")
        _run([server.program("psql"), *restore, "--output", os.devnull, "--file", kept, template])
        return TEMPLATE
    _run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], DATABASE_URL=template)
    KEPT.mkdir(parents=True, exist_ok=True)
    for old in sorted(KEPT.glob("*.sql"), key=lambda file: file.stat().st_mtime)[:-4]:
        old.unlink(missing_ok=True)
    new = kept.with_suffix(f".{os.getpid()}")
    _run([server.program("pg_dump"), "--no-owner", "--file", new, template])
    new.replace(kept)  # whole or not at all: another process of the same run makes it too
    return TEMPLATE


def _digest() -> str:
    files = [ROOT / "constraints.txt", *sorted(ROOT.glob("*/migrations/*.py"))]
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return whole.hexdigest()[:16]


def _run(command: list[str | Path], **environment: str) -> None:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{done.stderr[-4000:]}")
