"""By how much something missed its window, and which edge of the window that was, in words."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def departed(
    *, occurred_at: datetime, opens_at: datetime | None, closes_at: datetime | None, zone: ZoneInfo
) -> tuple[str, str]:
    """("2 days late", "closed Tue 8 Dec, 14:00"); two empty words inside the window. A window counted in days
    is departed from by days, one counted in hours by hours and minutes."""
    at = occurred_at.astimezone(zone)
    if closes_at is not None and occurred_at > closes_at:
        edge = closes_at.astimezone(zone)
        whole_days = edge.time() >= time(23, 59)
        by = _days((at.date() - edge.date()).days) if whole_days else _length(at - edge)
        return _("%(by)s late") % {"by": by}, _("closed %(when)s") % {"when": _when(edge, whole_days)}
    if opens_at is not None and occurred_at < opens_at:
        edge = opens_at.astimezone(zone)
        whole_days = edge.time() == time(0)
        by = _days((edge.date() - at.date()).days) if whole_days else _length(edge - at)
        return _("%(by)s early") % {"by": by}, _("opened %(when)s") % {"when": _when(edge, whole_days)}
    return "", ""


def _when(edge: datetime, whole_days: bool) -> str:
    return date_format(edge, "D j M" if whole_days else "D j M, H:i")


def _days(count: int) -> str:
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def _length(by: timedelta) -> str:
    minutes = max(1, int(by.total_seconds() // 60))
    if minutes < 60:
        return _("%(count)d min") % {"count": minutes}
    if minutes < 48 * 60:
        return _("%(count)d h") % {"count": minutes // 60}
    return _days(minutes // (24 * 60))
