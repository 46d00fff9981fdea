"""`python -m tests.benchmarks [--full] [name …]`: every benchmark in one run, one line each; fails when one
falls short. Without DATABASE_URL and REDIS_URL it runs on servers of its own, as safe as in production."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the same at full size; takes minutes")
    parser.add_argument(
        "names", nargs="*", help="only these: engine, today, preview, board, planning, outbox, simulated"
    )
    given = parser.parse_args()
    os.environ["CLINIC_MODE"] = "test"
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        again = [sys.executable, "-m", "tests.benchmarks", *sys.argv[1:]]
        return subprocess.run(
            [sys.executable, "-m", "clinic.local", "with-services", *again], check=False
        ).returncode
    return run(full=given.full, names=given.names)


def run(*, full: bool, names: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from tests.benchmarks import board, chaotic, engine, outbox, planning, preview, simulated, today
    from tests.benchmarks.lines import Line

    call_command("migrate", verbosity=0, interactive=False)
    parts: dict[str, Callable[[bool], Iterator[Line]]] = {
        "engine": engine.lines,
        "today": today.lines,
        "preview": preview.lines,
        "board": board.lines,
        "planning": planning.lines,
        "outbox": outbox.lines,
        "simulated": simulated.lines,
        "chaotic": chaotic.lines,
    }
    unknown = set(names) - set(parts)
    if unknown:
        print(f"No such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(parts)}.")
        return 2
    found: list[Line] = []
    for name, part in parts.items():
        if not names or name in names:
            for line in part(full):
                print(line, flush=True)
                found.append(line)
    short = [line.name for line in found if not line.passed]
    if short:
        print(f"SHORT: {', '.join(short)}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
