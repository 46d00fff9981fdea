"""How a status, a window or a distance in time is put into words and marks. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from clinic.own_words import said
from protocols.queries import definition_of
from protocols.rules.definition import ProtocolDefinition
from protocols.web.showing import FigureRow, marks_of, used_figures
from sessions.queries import telling
from sessions.queries.facts import FactRow
from sessions.queries.vocabulary import ACT_WORDS, RECIPIENT_WORDS, TASK_WORDS, word
from sessions.queries.words import name_of_version, reason_words
from sessions.rules.changes import around
from sessions.rules.facts import ChartItemRecorded
from sessions.rules.keys import parts_of_key

register = template.Library()

# status -> (glyph, css class of the mark, tone of the tag, word). The glyphs tell them apart without colour.
MARKS: dict[str, tuple[str, str, str, Any]] = {
    "upcoming": ("·", "later", "", gettext_lazy("not due yet")),
    "open": ("●", "due", "info", gettext_lazy("due now")),
    "overdue": ("◔", "late", "warn", gettext_lazy("overdue")),
    "met": ("✓", "done", "ok", gettext_lazy("done")),
    "unsigned": ("✎", "unsigned", "info", gettext_lazy("done, not signed")),
    "met_early": ("!", "outside", "warn", gettext_lazy("done early")),
    "met_late": ("!", "outside", "warn", gettext_lazy("done late")),
    "missed": ("×", "missed", "bad", gettext_lazy("missed")),
    "out_of_bounds": ("!", "outside", "bad", gettext_lazy("beyond the limit")),
    "not_done": ("⊘", "missed", "warn", gettext_lazy("not done, with a reason")),
    "overridden": ("↷", "outside", "warn", gettext_lazy("overridden")),
    "withdrawn": ("–", "none", "", gettext_lazy("no longer asked")),
    "free_form": ("✎", "outside", "warn", gettext_lazy("entered by hand")),
    # bookings, records and courses
    "planned": ("·", "later", "", gettext_lazy("planned")),
    "booked": ("◇", "later", "info", gettext_lazy("booked")),
    "checked_in": ("◈", "due", "info", gettext_lazy("checked in")),
    "used": ("✓", "done", "ok", gettext_lazy("held")),
    "under_way": ("▶", "due", "plum", gettext_lazy("under way")),
    "ended": ("✎", "unsigned", "info", gettext_lazy("ended, not signed")),
    "signed": ("✓", "done", "ok", gettext_lazy("signed")),
    "void": ("–", "none", "", gettext_lazy("started in error")),
    "entered_in_error": ("–", "none", "", gettext_lazy("entered in error")),
    "cancelled": ("–", "none", "", gettext_lazy("cancelled")),
    "no_show": ("×", "missed", "bad", gettext_lazy("did not come")),
    "enrolled": ("·", "later", "", gettext_lazy("enrolled")),
    "active": ("●", "due", "ok", gettext_lazy("active")),
    "on_hold": ("‖", "late", "warn", gettext_lazy("on hold")),
    "completed": ("✓", "done", "ok", gettext_lazy("completed")),
    "discontinued": ("–", "none", "", gettext_lazy("discontinued")),
    # stages
    "waiting": ("·", "later", "", gettext_lazy("still to come")),
    "finished": ("✓", "done", "ok", gettext_lazy("finished")),
    "skipped": ("–", "none", "", gettext_lazy("skipped")),
    # messages
    "leased": ("·", "later", "", gettext_lazy("being sent")),
    "handed_off": ("✓", "done", "ok", gettext_lazy("sent")),
    "delivered": ("✓", "done", "ok", gettext_lazy("delivered")),
    "failed": ("×", "missed", "bad", gettext_lazy("failed")),
    "uncertain": ("?", "late", "warn", gettext_lazy("not certain")),
    "expired": ("–", "none", "", gettext_lazy("too late to send")),
    # consents
    "given": ("✓", "done", "ok", gettext_lazy("given")),
    "narrowed": ("!", "outside", "warn", gettext_lazy("given in part")),
    "refused": ("×", "missed", "bad", gettext_lazy("refused")),
}
UNKNOWN = ("·", "none", "")


def _look(status: object) -> tuple[str, str, str, str]:
    key = str(status or "")
    if key in MARKS:
        glyph, css, tone, word = MARKS[key]
        return glyph, css, tone, str(word)
    return (*UNKNOWN, key.replace("_", " "))


@register.simple_tag
def mark(status: object, label: str = "") -> SafeString:
    """The round mark with its word for who cannot see it."""
    glyph, css, _tone, word = _look(status)
    said = f"{label}: {word}" if label else word
    return format_html(
        '<span class="mark mark-{}" title="{}"><span aria-hidden="true">{}</span></span>'
        '<span class="visually-hidden">{}</span>',
        css,
        said,
        glyph,
        said,
    )


@register.simple_tag
def status_tag(status: object) -> SafeString:
    """A pill with glyph and word."""
    glyph, _css, tone, word = _look(status)
    return format_html(
        '<span class="tag{}"><span class="glyph" aria-hidden="true">{}</span>{}</span>',
        f" tag-{tone}" if tone else "",
        glyph,
        word,
    )


@register.filter
def status_word(status: object) -> str:
    return _look(status)[3]


@register.filter
def words(value: object) -> str:
    """A code as words, where there is nothing better: `patient_declined` is "patient declined"."""
    return said(str(value or "").replace("_", " ").replace(".", ", "))


def _day(at: datetime, *, year: bool = False) -> str:
    return date_format(at, "j M Y" if year else "j M")


def _starts_a_day(at: datetime) -> bool:
    return (at.hour, at.minute, at.second) == (0, 0, 0)


def _ends_a_day(at: datetime) -> bool:
    return (at.hour, at.minute) == (23, 59)


@register.simple_tag
def window(opens_at: datetime | None, closes_at: datetime | None) -> str:
    """A window as people say it: "12–18 Dec", "from 12 Dec", "8 Dec 13:30–14:00"."""
    opens = timezone.localtime(opens_at) if opens_at else None
    closes = timezone.localtime(closes_at) if closes_at else None
    if opens is None:
        if closes is None:
            return _("any time")
        return _("by %(when)s") % {
            "when": _day(closes) if _ends_a_day(closes) else date_format(closes, "j M H:i")
        }
    if closes is None:
        return _("from %(when)s") % {
            "when": _day(opens) if _starts_a_day(opens) else date_format(opens, "j M H:i")
        }
    if _starts_a_day(opens) and _ends_a_day(closes):
        if opens.date() == closes.date():
            return date_format(opens, "D j M")
        if (opens.year, opens.month) == (closes.year, closes.month):
            return f"{opens.day}–{_day(closes)}"
        return f"{_day(opens)} – {_day(closes)}"
    if opens.date() == closes.date():
        until = _("end of day") if _ends_a_day(closes) else date_format(closes, "H:i")
        since = "" if _starts_a_day(opens) else date_format(opens, " H:i")
        return (
            f"{_day(opens)}{since}–{until}"
            if since
            else _("%(day)s by %(until)s") % {"day": _day(opens), "until": until}
        )
    return f"{date_format(opens, 'j M H:i')} – {date_format(closes, 'j M H:i')}"


def _span(distance: timedelta) -> str:
    minutes = int(distance.total_seconds() // 60)
    if minutes < 60:
        return _("%(count)d min") % {"count": minutes}
    if minutes < 48 * 60:
        return _("%(count)d h") % {"count": minutes // 60}
    days = minutes // (24 * 60)
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


@register.simple_tag
def distance(at: datetime | None, now: datetime | None) -> str:
    """How far away an instant is: "in 3 days", "20 min ago"."""
    if at is None or now is None:
        return ""
    if abs(at - now) < timedelta(minutes=1):
        return _("now")
    if at > now:
        return _("in %(span)s") % {"span": _span(at - now)}
    return _("%(span)s ago") % {"span": _span(now - at)}


@register.simple_tag
def elapsed(start: datetime | None, end: datetime | None) -> str:
    """Hours and minutes from one instant to another: "3:07"."""
    if start is None or end is None:
        return "–"
    minutes = max(0, int((end - start).total_seconds() // 60))
    return f"{minutes // 60}:{minutes % 60:02d}"


@register.filter
def task_words(kind: str) -> str:
    return str(TASK_WORDS.get(kind) or words(kind))


@register.filter
def act_words(act: str) -> str:
    return word(act, ACT_WORDS)


@register.filter
def recipient_words(recipient: str) -> str:
    return word(recipient, RECIPIENT_WORDS)


@register.simple_tag
def cell_mark(status: object, patient: str, visit: str) -> SafeString:
    """A cell of the adherence grid, named "P-013, preparation 2: done"."""
    return SafeString(mark(status, f"{patient}, {visit}"))


@register.filter
def reason(text: str) -> str:
    """What a gate's sentence says after the name of what it is about, which stands above it."""
    rest = text.rpartition(": ")[2]
    return rest[:1].upper() + rest[1:]


register.filter(reason_words)


@register.filter
def version_name(version_id: int) -> str:
    """What a protocol's version is called. Published definitions are read once and kept."""
    return name_of_version(definition_of(version_id))


@register.filter
def told(row: FactRow) -> str:
    """A record of the chart in one line."""
    text, detail = telling.told(row, {})
    return f"{text} · {detail}" if detail else text


@register.filter
def item_words(value: ChartItemRecorded) -> str:
    return telling.item_words(value)


@register.filter
def slug(code: str) -> str:
    """A code as it stands in an address: `emergency_contact` is "emergency-contact"."""
    return code.replace("_", "-")


@register.inclusion_tag("protocols/_figures.html")
def figures(definition: ProtocolDefinition, rule: str, key: str = "") -> dict[str, Any]:
    """The figures behind what is shown here, each with its source: those of that rule, and of its windows the
    one that this requirement hangs on."""
    _rule, cycle, occurrence = parts_of_key(definition=definition, key=key) if key else ("", None, None)
    rows: list[FigureRow] = used_figures(definition, rule, number=occurrence, cycle=cycle)
    return {"figures": rows, "marks": marks_of(rows)}


register.filter(around)


@register.filter
def of(mapping: Mapping[Any, Any] | None, key: object) -> Any:
    """What a mapping has for a key, if it was given."""
    return (mapping or {}).get(key)
