"""Days as a patient's page says them, in the page's language."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import formats, timezone
from django.utils.translation import get_language

from sessions.rules.wording import DAY_MONTH_FORMATS, LONG_DAY_FORMATS

register = template.Library()


def _language() -> str:
    return (get_language() or "en").split("-")[0]


@register.filter
def long_day(at: datetime) -> str:
    """“Thursday 8 April”, on the patient's clock."""
    return formats.date_format(
        timezone.localtime(at), LONG_DAY_FORMATS.get(_language(), LONG_DAY_FORMATS["en"])
    )


@register.filter
def day_month(at: datetime) -> str:
    """“8 April”."""
    return formats.date_format(
        timezone.localtime(at), DAY_MONTH_FORMATS.get(_language(), DAY_MONTH_FORMATS["en"])
    )


@register.filter
def long_time(at: datetime) -> str:
    """“Thursday 8 April, 11:00”."""
    return f"{long_day(at)}, {formats.date_format(timezone.localtime(at), 'H:i')}"
