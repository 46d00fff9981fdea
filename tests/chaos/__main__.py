"""`python -m tests.chaos [--messages N] [--seed S]`, `--steady RATE [--seconds S]`, or `--peer`: one run,
told as a line of JSON. Exits with 1 when a message was lost, doubled or left uncertain."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from tests.chaos.run import chaos, peer, steady


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--steady", type=int, metavar="RATE", help="so many a second, with nothing going wrong"
    )
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--peer", action="store_true", help="the same to one Celery ETA task for each")
    given = parser.parse_args()
    if given.steady:
        report = steady(rate=given.steady, seconds=given.seconds, seed=given.seed)
    elif given.peer:
        report = peer(messages=given.messages, seed=given.seed)
    else:
        report = chaos(messages=given.messages, seed=given.seed)
    print(json.dumps(asdict(report)))
    return 1 if (report.lost or report.doubled or report.uncertain) and not given.peer else 0


if __name__ == "__main__":
    sys.exit(main())
