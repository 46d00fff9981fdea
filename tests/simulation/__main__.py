"""`python -m tests.simulation --seed 7 --clinics 1 --days 30 --courses 3`: one run, on servers of its own
unless DATABASE_URL and REDIS_URL name some. Prints what happened; fails with the line that repeats it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clinics", type=int, default=1)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--courses", type=int, default=3, help="in each clinic at first")
    given = parser.parse_args()
    # The providers are of the simulation; the address only says that texts can be sent.
    os.environ |= {
        "CLINIC_MODE": "test",
        "TEXT_URL": "http://127.0.0.1:9",
        "TEXT_ACCOUNT": "AC0",
        "TEXT_TOKEN": "t",
    }
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        again = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        return subprocess.run(
            [sys.executable, "-m", "clinic.local", "with-services", *again], check=False
        ).returncode
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from tests.simulation.checks import check_all
    from tests.simulation.world import World

    call_command("migrate", verbosity=0, interactive=False)
    world = World(seed=given.seed, clinics=given.clinics, days=given.days, courses=given.courses)
    world.run(check=check_all)
    print(world.told())
    print(check_all(world))
    return 0


if __name__ == "__main__":
    sys.exit(main())
