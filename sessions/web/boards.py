"""The board's values as its page shows them: a line per event, the doses, the drawn timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.models import Person
from sessions.queries.conduct import Board
from sessions.queries.facts import Correction, FactRow
from sessions.queries.plan import RequirementRow
from sessions.queries.telling import Names, intake_words, part_words, told
from sessions.queries.words import plain
from sessions.rules.facts import DoseGiven, DosePart, DoseWithheld, VitalsTaken
from sessions.web import charts, forms
from sessions.web.corrections import CORRECTABLE

LATE = timedelta(minutes=2)
"""Entered more than this after it was taken: shown as entered late. A choice of display."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    id: UUID
    at: datetime
    recorded_at: datetime
    text: str
    detail: str
    by: str
    corrected: Correction | None
    correctable: bool
    late: bool
    beyond: str
    offset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DosePanel:
    place: str  # its name on the page: there may be several supplements
    part: str
    label: str
    given: DoseGiven | None
    withheld: DoseWithheld | None
    fact_id: UUID | None
    intake: str
    at: datetime | None
    by: str
    checked_by: str
    amount: Decimal | None
    unit: str
    opens_at: datetime | None
    closes_at: datetime | None
    open: bool
    form: forms.DoseForm
    withhold_form: forms.WithholdForm | None  # none where not giving it needs no reason


def people(board: Board, names: Names) -> list[str]:
    """Who is, or was, in the room."""
    return list(dict.fromkeys(names.get(row.value.person_id, "") for row in board.presence))


def others(board: Board, me: Person) -> list[tuple[str, str]]:
    return [(str(one.id), one.words) for one in board.staff if one.id != me.public_id]


def release_items(board: Board) -> list[tuple[str, str]]:
    return [
        (item.code, f"{item.words} (✓ {', '.join(item.ticked_by)})" if item.ticked_by else item.words)
        for item in board.release
    ]


def _beyond(value: VitalsTaken, board: Board) -> str:
    found = [
        _("%(measure)s above %(limit)s") % {"measure": measure, "limit": plain(limit.value)}
        for measure, limit in board.limits
        if (amount := getattr(value, measure, None)) is not None and amount > limit.value
    ]
    return ", ".join(found)


def _group(board: Board) -> str:
    if not board.groups:
        return ""
    last = board.groups[0].value
    return _("%(patients)d patients with %(facilitators)d; the largest amount %(amount)s %(unit)s") % {
        "patients": last.patients,
        "facilitators": last.facilitators,
        "amount": plain(last.largest_amount),
        "unit": last.unit,
    }


def _line(row: FactRow, board: Board, names: Names, start: datetime) -> Line:
    text, detail = told(row, names)
    minutes = int((row.occurred_at - start).total_seconds() // 60)
    return Line(
        id=row.id,
        at=row.occurred_at,
        recorded_at=row.recorded_at,
        text=text,
        detail=detail,
        by=row.entered_by,
        corrected=row.corrected,
        correctable=row.kind in CORRECTABLE and not row.amended,
        late=row.recorded_at - row.occurred_at > LATE and not row.was,
        beyond=_beyond(row.value, board) if isinstance(row.value, VitalsTaken) and not row.amended else "",
        offset=f"+{minutes // 60}:{minutes % 60:02d}" if minutes >= 0 and board.first_dose_at else "",
    )


def of(board: Board, names: Names, *, now: datetime) -> dict[str, Any]:
    start = board.first_dose_at or board.record.started_at
    rows = sorted(
        [*board.doses, *board.vitals, *board.moments, *board.presence],
        key=lambda row: (row.occurred_at, row.recorded_at),
        reverse=True,
    )
    standing = [row for row in board.vitals if not row.amended]
    readings = [(row, row.value) for row in standing if isinstance(row.value, VitalsTaken)]
    given = [(row, row.value) for row in board.doses if not row.amended and isinstance(row.value, DoseGiven)]
    limits = {measure: limit.value for measure, limit in board.limits}
    checks = [_check(row) for row in board.checks if row.kind in ("vitals", "supplement", "release")]
    beyond = [(row, words) for row, value in readings if (words := _beyond(value, board))]
    return {
        "lines": [_line(row, board, names, start) for row in rows],
        "last": next(iter(readings), None),
        "attention": beyond,
        "limits": board.limits,
        "doses": _panels(board, names, now=now),
        "group_now": _group(board),
        "checks": checks,
        "next_check": min(
            (one for one in checks if one.status in ("open", "overdue") and one.due_at is not None),
            key=lambda one: one.due_at or now,
            default=None,
        ),
        "chart": charts.timeline(
            start=start,
            now=now if board.record.status == "under_way" else None,
            readings=[
                charts.Reading(
                    at=row.occurred_at,
                    systolic=value.systolic,
                    diastolic=value.diastolic,
                    pulse=value.pulse,
                    late=row.recorded_at - row.occurred_at > LATE and not row.was,
                    beyond=bool(_beyond(value, board)),
                )
                for row, value in reversed(readings)
            ],
            doses=[(row.occurred_at, f"{plain(value.amount)} {value.unit}") for row, value in given],
            moments=[(row.occurred_at, told(row, names)[0]) for row in board.moments if not row.amended],
            limits=[
                (
                    int(limits["systolic"]),
                    _("Systolic limit %(limit)s (protocol)") % {"limit": plain(limits["systolic"])},
                )
            ]
            if "systolic" in limits
            else [],
        ),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something the protocol asks for today, without the name of the session it is asked in."""

    row: RequirementRow
    what: str
    status: str
    due_at: datetime | None


def _check(row: RequirementRow) -> Check:
    what = _("Supplemental dose") if row.kind == "supplement" else row.what.partition(" (")[0]
    return Check(row=row, what=what, status=row.status, due_at=row.due_at or row.closes_at)


def _panels(board: Board, names: Names, *, now: datetime) -> list[DosePanel]:
    """The initial dose; the supplements that were given or withheld; and one more, if the protocol lets one
    follow."""
    if board.dosing is None:
        return []
    rows: dict[DosePart, list[FactRow]] = {part: [] for part in DosePart}
    for row in sorted(board.doses, key=lambda one: one.occurred_at):
        if not row.amended:
            rows[row.value.part].append(row)
    first = rows[DosePart.INITIAL]
    panels = [_panel(DosePart.INITIAL, first[-1] if first else None, board, names, now=now)]
    panels += [_panel(DosePart.SUPPLEMENT, row, board, names, now=now) for row in rows[DosePart.SUPPLEMENT]]
    if _one_more(board, rows[DosePart.SUPPLEMENT]):
        panels.append(_panel(DosePart.SUPPLEMENT, None, board, names, now=now))
    return panels


def _one_more(board: Board, supplements: Sequence[FactRow]) -> bool:
    """Whether a supplemental dose may still follow. One that must be given or withheld is asked for once."""
    rule = board.dosing.supplement if board.dosing is not None else None
    if rule is None or (board.order is not None and not board.order.supplement_allowed):
        return False
    most = rule.count.value if rule.count is not None else 1 if rule.required else None
    return most is None or len(supplements) < most


def _panel(part: DosePart, row: FactRow | None, board: Board, names: Names, *, now: datetime) -> DosePanel:
    rule = board.dosing
    given = row.value if row and isinstance(row.value, DoseGiven) else None
    initial = part is DosePart.INITIAL
    ordered = board.order.amount if board.order else None
    amount = ordered if initial else board.supplement_amount
    opens, closes = (None, None) if initial else (board.supplement_opens_at, board.supplement_closes_at)
    unit = rule.unit if rule is not None else ""
    place = part.value if row is None else f"{part.value}-{row.id}"
    return DosePanel(
        place=place,
        part=part.value,
        label=part_words(part),
        given=given,
        withheld=row.value if row and isinstance(row.value, DoseWithheld) else None,
        fact_id=row.id if row else None,
        intake=intake_words(given.intake) if given else "",
        at=row.occurred_at if row else None,
        by=row.entered_by if row else "",
        checked_by=names.get(given.checked_by or 0, "") if given else "",
        amount=amount,
        unit=unit,
        opens_at=opens,
        closes_at=closes,
        open=(initial and board.first_dose_at is None) or bool(opens and closes and opens <= now <= closes),
        form=forms.DoseForm(
            staff=[(str(one.id), one.words) for one in board.staff],
            initial={"part": part.value, "amount": plain(amount) if amount is not None else ""},
            auto_id=f"{place}_%s",
        ),
        withhold_form=None
        if row is None
        and not initial
        and rule is not None
        and rule.supplement
        and not rule.supplement.required
        else forms.WithholdForm(initial={"part": part.value}, auto_id=f"withhold_{place}_%s"),
    )
