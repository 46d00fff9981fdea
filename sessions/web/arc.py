"""The chart's values as its page shows them: the ribbon's stages, the newest of each fact, the trend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from clinic.permissions import Permission, allows
from protocols.queries import instrument_of
from protocols.rules.definition import Role
from sessions.permissions import subject_of
from sessions.queries.chart import Chart, StageRow
from sessions.queries.facts import FactRow
from sessions.queries.plan import RequirementRow
from sessions.queries.words import say
from sessions.web import charts
from sessions.web.cuts import cuts_of, figures_beside, shown
from sessions.web.forms import CHART_ITEMS

if TYPE_CHECKING:
    from sessions.web.door import Door

WHERE_ASKED = ("transport_plan", "safety_plan")
"""Chart items that stand on the page only where the protocol asks for them."""

WAITING = ("upcoming", "open", "overdue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    label: str
    status: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    label: str
    kind: str
    status: str
    stops: Sequence[Stop]
    at: datetime | None
    until: datetime | None
    opens_at: datetime | None
    closes_at: datetime | None
    firm: bool


def shown_status(row: RequirementRow) -> str:
    """One word for a planned session: how it stands, or how far its visit or its record has come."""
    if row.record is not None:
        if row.record.status == "under_way":
            return "under_way"
        if row.status == "met":
            return "met" if row.record.status == "signed" and not row.record.sign_again else "unsigned"
        return row.status
    if row.booking is not None and row.status in ("upcoming", "open"):
        return row.booking.status
    return row.status


def _stage(stage: StageRow, *, door: Door) -> Stage:
    sessions = [row for row in stage.requirements if row.kind == "session"]
    held = [row.record.started_at for row in sessions if row.record is not None]
    waiting = next((row for row in sessions if row.status in WAITING), None)
    if waiting is None and not sessions:
        waiting = next((row for row in stage.requirements if row.status in WAITING), None)
    over = waiting is None and bool(held)
    return Stage(
        label=stage.what,
        kind=stage.code,
        status=stage.status,
        stops=[
            Stop(
                label=row.what,
                status=row.status if row.status != "met" else shown_status(row),
                href=door.url("session", row.record.public_id) if row.record else f"#{row.key}",
            )
            for row in sessions
        ],
        at=min(held) if over else None,
        until=max(held) if over and len(held) > 1 else None,
        opens_at=waiting.opens_at if waiting else None,
        closes_at=waiting.closes_at if waiting else None,
        firm=waiting.firm if waiting else True,
    )


def _latest(rows: Iterable[FactRow], by: str) -> list[FactRow]:
    """The newest standing row for each value of a field; rows come newest first."""
    found: dict[Any, FactRow] = {}
    for row in rows:
        if not row.amended:
            found.setdefault(getattr(row.value, by), row)
    return list(found.values())


def _standing(found: Chart, kind: str) -> list[FactRow]:
    """The records of a kind that nothing has replaced."""
    return [row for row in found.facts.get(kind, ()) if not row.amended]


def of(found: Chart, *, door: Door) -> dict[str, Any]:
    course: UUID = found.course.public_id
    rows = [row for stage in found.stages for row in stage.requirements]
    sessions = [row for row in rows if row.kind == "session"]
    following = next((row for row in sessions if row.key == found.next_key), None)
    items = {
        row.value.item: row for row in reversed(_latest(found.facts.get("chart_item_recorded", ()), "item"))
    }
    cycle = _cycle(found.next_key)
    what = {row.key: row.what for row in rows}
    under_way = next((record for record in found.records if record.status == "under_way"), None)
    return {
        "chart": found,
        "patient": found.banner,
        "course": found.course,
        "protocol": found.banner.protocol,
        "ribbon": [_stage(stage, door=door) for stage in found.stages],
        "next_up": following,
        "next_status": shown_status(following) if following else "",
        "gates": found.gates,
        "plan": [(row, shown_status(row)) for row in sessions],
        "unscheduled": [record for record in found.records if not record.key],
        "due": [row for row in rows if row.kind != "session" and row.status in ("open", "overdue")],
        "later": [row for row in rows if row.kind != "session" and row.status == "upcoming" and row.firm],
        "ratings_left": any(row.who == Role.INDEPENDENT_RATER and row.status in WAITING for row in rows),
        "may_name": allows(door.actor, Permission.CHANGE_CARE_TEAM, subject_of(found.course)),
        "contacts": _standing(found, "contact_made"),
        "not_done": [(row, what.get(row.key or "", "")) for row in _standing(found, "not_done")],
        "weighed": _standing(found, "risk_benefit_documented"),
        "acts": sorted(
            (row for kind in ACTS for row in _standing(found, kind)),
            key=lambda row: row.occurred_at,
            reverse=True,
        ),
        "filed": [
            (row, what.get(row.key or "", row.value.form.replace("_", " ").capitalize()))
            for row in _standing(found, "form_filed")
        ],
        "under_way": under_way,
        "under_way_what": (what.get(under_way.key or "") or under_way.kind.capitalize()) if under_way else "",
        "may_amend": allows(door.actor, Permission.AMEND_RECORD, subject_of(found.course)),
        "consents": _latest(found.facts.get("consent_changed", ()), "scope"),
        "results": _latest(found.facts.get("result_recorded", ()), "test"),
        "medicines": _latest(found.facts.get("medicine_listed", ()), "name"),
        "adverse_events": _standing(found, "adverse_event_recorded"),
        "chart_items": [
            (
                words[0],
                items.get(item),
                door.url("record", course, item.replace("_", "-"))
                + (f"?cycle={cycle}" if item in ("escort", "transport_plan") and cycle else ""),
            )
            for item, words in CHART_ITEMS.items()
            if item in items or item not in WHERE_ASKED or item in found.asked_items
        ],
        "strip": _strip(found, items.get("intention")),
        "trend": _trend(found),
        "actions": [(action, words) for action, words in ACTIONS.items() if action in found.course_actions],
        "deviations_open": sum(
            1 for row in found.deviations if row.reviewed_at is None and row.documented_late_at is None
        ),
    }


ACTS = (
    "course_ended",
    "dose_ordered",
    "dosing_stopped",
    "hold_begun",
    "hold_ended",
    "override",
    "risk_assessed",
    "step_taken",
)
"""Kinds of record that stand in no list of their own."""

ACTIONS: dict[str, Any] = {
    "put_on_hold": _("Put the course on hold"),
    "resume": _("Resume the course"),
    "complete": _("Complete the course"),
    "withdraw": _("The patient withdraws"),
    "discontinue": _("Discontinue the course"),
}


def _cycle(key: str) -> str:
    """The number at the end of a dosing session's key: its cycle."""
    number = key.rpartition(".")[2]
    return number if number.isdigit() and "@" not in key else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One thing on the strip of the arc: a day of dosing, or a theme with the patient's words."""

    at: datetime
    dose: bool
    theme: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The arc at one glance: the intention, what was spoken of between the dosing days, the totals."""

    intention: str
    marks: Sequence[Mark]
    instrument: str
    first: int | None
    last: int | None


def _strip(found: Chart, intention: FactRow | None) -> Strip | None:
    themes = _standing(found, "theme_noted")
    if intention is None and not themes:
        return None
    trend = _instrument(found)
    totals = [point.total for point in found.scores if point.instrument == trend]
    return Strip(
        intention=intention.value.detail if intention else "",
        marks=sorted(
            [
                *(Mark(at=at, dose=True) for at in found.dose_days),
                *(
                    Mark(at=row.occurred_at, dose=False, theme=row.value.theme, words=row.value.words)
                    for row in themes
                ),
            ],
            key=lambda mark: mark.at,
        ),
        instrument=say(instrument_of(trend).title) if trend else "",
        first=totals[0] if totals else None,
        last=totals[-1] if len(totals) > 1 else None,
    )


def _instrument(found: Chart) -> str:
    """What the patient answers, else whatever has totals; none: no totals at all."""
    codes = dict.fromkeys(point.instrument for point in found.scores)
    return min(codes, key=lambda one: instrument_of(one).mode != "self_report") if codes else ""


def _trend(found: Chart) -> charts.Trend | None:
    """The totals of what the patient answers, on its own whole scale; else of whatever has totals."""
    code = _instrument(found)
    if not code:
        return None
    instrument = instrument_of(code)
    return charts.trend(
        title=say(instrument.title),
        highest=instrument.most or 80,
        scores=[
            charts.Score(
                id=point.id,
                at=point.at,
                label=point.by.replace("_", " "),
                total=point.total,
                shows=shown(instrument, total=point.total, answers=point.answers),
            )
            for point in found.scores
            if point.instrument == code
        ],
        doses=[(at, "") for at in found.dose_days],
        cuts=cuts_of(instrument),
        figures=figures_beside(instrument),
    )
