"""What is on record of a held session, as lines of plain text: how a dosing note begins, and the head of each
copy of a record. Times are the clinic's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from sessions.models import SessionRecord
from sessions.queries.facts import FactRow
from sessions.queries.words import plain
from sessions.rules.facts import (
    AdverseEventsAsked,
    DoseGiven,
    DosePart,
    DoseWithheld,
    Intake,
    MomentNoted,
    StaffPresent,
    ThemeNoted,
    VitalsTaken,
)

Names = Mapping[int, str]


def head(record: SessionRecord, facts: Iterable[FactRow], *, names: Names, zone: ZoneInfo) -> list[str]:
    """When, how and with whom. `record` carries its actual times."""
    lines = [f"{_day(record.started_at, zone)}, {_span(record.started_at, record.ended_at, zone)}"]
    lines.append(
        {"in_person": _("In person"), "video": _("By video"), "phone": _("By telephone")}.get(
            record.mode, record.mode
        )
    )
    lines += presence(facts, names=names, zone=zone, until=record.ended_at)
    return lines


def presence(facts: Iterable[FactRow], *, names: Names, zone: ZoneInfo, until: datetime | None) -> list[str]:
    """Who was there, from when to when; whoever is not said to have left stayed to the end."""
    there = [row.value for row in _standing(facts) if isinstance(row.value, StaffPresent)]
    return [
        _("%(who)s: present %(span)s")
        % {
            "who": names.get(one.person_id, ""),
            "span": _span(one.from_at, one.until_at or until, zone),
        }
        for one in sorted(there, key=lambda one: (one.from_at, one.person_id))
    ]


def happened(facts: Iterable[FactRow], *, names: Names, zone: ZoneInfo) -> list[str]:
    """Doses, what was measured at its highest and last, what was noted: in order of time, each as it stands
    after corrections."""
    rows = _standing(facts)
    lines = [line for row in rows if (line := _dose(row, names, zone))]
    lines += _measured([row for row in rows if isinstance(row.value, VitalsTaken)], zone)
    lines += [
        f"{_time(row.occurred_at, zone)} {row.value.words or _('a moment, noted')}"
        for row in rows
        if isinstance(row.value, MomentNoted)
    ]
    lines += [
        _("Theme: %(theme)s") % {"theme": row.value.theme}
        + (f" (“{row.value.words}”)" if row.value.words else "")
        for row in rows
        if isinstance(row.value, ThemeNoted)
    ]
    asked = [row.value for row in rows if isinstance(row.value, AdverseEventsAsked)]
    if asked:
        lines.append(
            _("Adverse events asked about: some reported, see the chart")
            if asked[-1].any_reported
            else _("Adverse events asked about: none reported")
        )
    return lines


def drawn_up(record: SessionRecord, facts: Sequence[FactRow], *, names: Names, zone: ZoneInfo) -> str:
    """The draft of a dosing note, from the facts alone."""
    return "\n".join(
        [
            *head(record, facts, names=names, zone=zone),
            *happened(facts, names=names, zone=zone),
        ]
    )


def _standing(facts: Iterable[FactRow]) -> list[FactRow]:
    return sorted(
        (row for row in facts if not row.amended), key=lambda row: (row.occurred_at, row.recorded_at)
    )


def _dose(row: FactRow, names: Names, zone: ZoneInfo) -> str:
    value = row.value
    if isinstance(value, DoseWithheld):
        return _("%(at)s %(dose)s withheld: %(why)s") % {
            "at": _time(row.occurred_at, zone),
            "dose": _part(value.part),
            "why": value.reason,
        }
    if not isinstance(value, DoseGiven):
        return ""
    line = _("%(at)s %(dose)s %(amount)s %(unit)s") % {
        "at": _time(row.occurred_at, zone),
        "dose": _part(value.part),
        "amount": plain(value.amount),
        "unit": value.unit,
    }
    taken = {
        Intake.PARTIAL: _("taken in part"),
        Intake.VOMITED: _("taken, then vomited"),
        Intake.ABORTED: _("begun and stopped"),
        Intake.NOT_TAKEN: _("not taken"),
    }.get(value.intake)
    people = _("given by %(who)s") % {"who": names.get(value.given_by, "")}
    if value.checked_by:
        people = _("%(given)s, checked by %(who)s") % {
            "given": people,
            "who": names.get(value.checked_by, ""),
        }
    return f"{line}{f', {taken}' if taken else ''} ({people})"


def _part(part: DosePart) -> str:
    return _("initial dose") if part is DosePart.INITIAL else _("supplemental dose")


def _measured(rows: Sequence[FactRow], zone: ZoneInfo) -> list[str]:
    """First, highest and last blood pressure; the highest pulse, distress and temperature."""
    pressures = [row for row in rows if row.value.systolic is not None and row.value.diastolic is not None]
    lines = []
    if pressures:
        lines.append(
            _(
                "Blood pressure: first %(first)s, highest systolic %(high)s, "
                "highest diastolic %(low)s, last %(last)s"
            )
            % {
                "first": _pressure(pressures[0], zone),
                "high": _pressure(max(pressures, key=lambda row: row.value.systolic), zone),
                "low": _pressure(max(pressures, key=lambda row: row.value.diastolic), zone),
                "last": _pressure(pressures[-1], zone),
            }
        )
    for name, words in (
        ("pulse", _("Highest pulse")),
        ("distress", _("Highest distress, 0 to 10")),
        ("temperature", _("Highest temperature, °C")),
    ):
        read = [row for row in rows if getattr(row.value, name) is not None]
        if read:
            top = max(read, key=lambda row: getattr(row.value, name))
            lines.append(f"{words}: {plain(getattr(top.value, name))} ({_time(top.occurred_at, zone)})")
    return lines


def _pressure(row: FactRow, zone: ZoneInfo) -> str:
    return f"{row.value.systolic}/{row.value.diastolic} ({_time(row.occurred_at, zone)})"


def _day(at: datetime, zone: ZoneInfo) -> str:
    return date_format(at.astimezone(zone), "l j F Y")


def _time(at: datetime, zone: ZoneInfo) -> str:
    return date_format(at.astimezone(zone), "H:i")


def _span(start: datetime, end: datetime | None, zone: ZoneInfo) -> str:
    return f"{_time(start, zone)}–{_time(end, zone) if end else ''}"
