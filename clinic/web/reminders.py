"""Is the clinic's time-driven work being done? `/health/reminders` answers in numbers, for a machine that
watches."""

from __future__ import annotations

from datetime import UTC, datetime, time

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from clinic import clock, queries
from clinic.health import watched

WORRYING_LAG_SECONDS = 300


@never_cache
@require_safe
def reminders(request: HttpRequest) -> JsonResponse:
    """503 when work stands still, so that any watcher notices by the status alone. "Today" is the UTC day."""
    now = clock.now()
    found = queries.reminders(now=now, since=datetime.combine(now.astimezone(UTC).date(), time(0), UTC))
    others = watched(now)
    ok = found.lag_seconds < WORRYING_LAG_SECONDS and all(one.get("ok", True) for one in others.values())
    return JsonResponse({"ok": ok, "at": now, **found.as_dict(), **others}, status=200 if ok else 503)
