"""Named points at which a test may have this very process killed, to prove what a power cut would leave
behind."""

from __future__ import annotations

import os
import signal

from django.conf import settings

POINTS = ("after_claim", "after_intent", "after_accept", "before_settle")


def crash_point(name: str) -> None:
    """Dies by SIGKILL, with no clean-up, when CRASH_AT names this point. Does nothing outside test mode."""
    if os.environ.get("CRASH_AT") == name and settings.CLINIC_MODE == "test":
        os.kill(os.getpid(), signal.SIGKILL)
