"""How many examples a law is tried on."""

from __future__ import annotations

import os

FEW = "few"


def examples(number: int) -> int:
    """`number`, or a fifth where somebody waits for them (`make test-rules`); `make test` tries all."""
    return max(1, number // 5) if os.environ.get("LAWS") == FEW else number
