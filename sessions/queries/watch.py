"""What a watcher of the loop sees: courses that could not be refreshed, and how late the oldest look is."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Min, Q

from sessions.models import Course


def failing_courses(now: datetime) -> dict[str, object]:
    """Counts and seconds only: health names nobody."""
    seen = Course.objects.filter(look_again_at__isnull=False).aggregate(
        failing=Count("id", filter=Q(look_failures__gt=0)),
        oldest=Min("look_again_at", filter=Q(look_again_at__lte=now)),
    )
    lag = (now - seen["oldest"]).total_seconds() if seen["oldest"] else 0.0
    return {"ok": seen["failing"] == 0 and lag < LATE_SECONDS, "failing": seen["failing"], "lag_seconds": lag}


LATE_SECONDS = 120.0
"""A tick every second that has not come round in two minutes has stopped."""
