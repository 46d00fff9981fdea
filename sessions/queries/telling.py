"""How a recorded fact reads in one line, wherever it stands: what it is, and what is worth adding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from clinic.languages import NAMES
from sessions.queries.facts import FactRow
from sessions.queries.words import plain
from sessions.rules.facts import (
    AdverseEventRecorded,
    AdverseEventsAsked,
    AssessmentAnswered,
    ChartItemRecorded,
    ChecklistTicked,
    ConsentChanged,
    ContactMade,
    CourseEnded,
    DecisionMade,
    DoseGiven,
    DoseOrdered,
    DosePart,
    DoseWithheld,
    DosingStopped,
    FormFiled,
    GroupCounted,
    HoldBegun,
    HoldEnded,
    Intake,
    MedicineListed,
    MessageSent,
    MomentNoted,
    NotDone,
    Override,
    ResultRecorded,
    RiskAssessed,
    RiskBenefitDocumented,
    StaffPresent,
    StepTaken,
    ThemeNoted,
    VersionMoved,
    VitalsTaken,
)

Names = Mapping[int, str]


def told(row: FactRow, names: Names) -> tuple[str, str]:
    """The line and its small print."""
    value = row.value
    match value:
        case VitalsTaken():
            return _reading(value)
        case DoseGiven():
            return f"{part_words(value.part)} {plain(value.amount)} {value.unit}", intake_words(value.intake)
        case DoseWithheld():
            return _("%(dose)s withheld") % {"dose": part_words(value.part)}, value.reason
        case MomentNoted():
            return value.words or _("A moment, noted"), ""
        case ThemeNoted():
            return _("Theme: %(theme)s") % {"theme": value.theme}, value.words
        case StaffPresent():
            return _("%(who)s in the room") % {"who": names.get(value.person_id, "")}, ""
        case ConsentChanged():
            return f"{_said(value.scope)}: {_said(value.state).lower()}", _joined(
                _("version %(version)s") % {"version": value.document_version}, value.detail
            )
        case ResultRecorded():
            return f"{_said(value.test)}: {_amount(value.value)} {value.unit}".strip(), ""
        case MedicineListed():
            last = (
                _("last taken %(day)s") % {"day": value.last_taken_on.isoformat()}
                if value.last_taken_on
                else _("still taken")
            )
            return value.name, _joined(value.dose, *sorted(map(_said, value.classes)), last)
        case ChartItemRecorded():
            return f"{_said(value.item)}: {item_words(value)}", ""
        case AdverseEventRecorded():
            return value.term, _joined(
                _said(value.severity).lower(),
                _("serious") if value.serious else _("not serious"),
                _said(value.outcome).lower(),
            )
        case AssessmentAnswered():
            total = "–" if value.total is None else value.total
            read_in = value.language if value.language != "en" else ""
            return _("%(instrument)s, total %(total)s") % {
                "instrument": value.instrument.upper(),
                "total": total,
            }, _("read in %(language)s") % {"language": NAMES.get(read_in, read_in)} if read_in else ""
        case ContactMade():
            felt = {True: _("feels safe"), False: _("does not feel safe"), None: ""}[value.safe]
            return _said(value.result), _joined(_said(value.mode).lower(), felt)
        case RiskAssessed():
            by = names.get(value.assessed_by, "")
            return _("Risk assessed: %(risk)s") % {"risk": _said(value.risk.value).lower()}, _joined(
                by, value.found, value.agreed
            )
        case MessageSent():
            return _("A message went"), _said(value.channel).lower()
        case StepTaken():
            return _("Decided when nobody was reached"), value.what
        case FormFiled():
            return _said(value.form), _joined(_("filed"), value.reference, value.detail)
        case NotDone():
            return _("Will not be done"), _joined(value.reason, _said(value.cause).lower())
        case AdverseEventsAsked():
            answer = _("reported") if value.any_reported else _("none reported")
            return _("Adverse events asked about"), answer
        case ChecklistTicked():
            return _said(value.item), _("done") if value.done else _("not done")
    return _decided(row)


def _decided(row: FactRow) -> tuple[str, str]:
    """What was decided for the course or for one act in it."""
    value = row.value
    match value:
        case DoseOrdered():
            return _("Ordered for dosing session %(cycle)d: %(amount)s %(unit)s") % {
                "cycle": value.cycle,
                "amount": plain(value.amount),
                "unit": value.unit,
            }, _("supplement allowed") if value.supplement_allowed else _("no supplement")
        case GroupCounted():
            return _("Group of %(patients)d with %(facilitators)d facilitators") % {
                "patients": value.patients,
                "facilitators": value.facilitators,
            }, _("largest total %(amount)s %(unit)s") % {
                "amount": plain(value.largest_amount),
                "unit": value.unit,
            }
        case DecisionMade():
            return f"{_said(value.decision)}: {_said(value.choice).lower()}", value.reason
        case RiskBenefitDocumented():
            return _("Risk weighed"), value.reason
        case Override():
            return _("Overridden"), _joined(value.reason, _said(value.role).lower())
        case DosingStopped():
            return _("No further dosing after session %(cycle)d") % {"cycle": value.after_cycle}, value.reason
        case VersionMoved():
            return _("Moved to version %(version)s") % {"version": value.to_version}, ""
        case HoldBegun():
            return _("Put on hold"), value.reason
        case HoldEnded():
            return _("Resumed"), ""
        case CourseEnded():
            return _said(value.kind), value.reason
    return _said(row.kind), ""


def part_words(part: DosePart) -> str:
    return _("Initial dose") if part is DosePart.INITIAL else _("Supplemental dose")


def intake_words(intake: Intake) -> str:
    """Nothing for the usual: taken in full."""
    return {
        Intake.PARTIAL: _("taken in part"),
        Intake.VOMITED: _("taken, then vomited"),
        Intake.ABORTED: _("begun and stopped"),
        Intake.NOT_TAKEN: _("not taken"),
    }.get(intake, "")


def item_words(value: ChartItemRecorded) -> str:
    kilograms = f"{plain(value.number)} kg" if value.number is not None else ""
    return _joined(kilograms, value.detail)


def _reading(value: VitalsTaken) -> tuple[str, str]:
    parts = [
        f"{plain(value.systolic)}/{plain(value.diastolic)}" if value.systolic is not None else "",
        _("pulse %(pulse)d") % {"pulse": value.pulse} if value.pulse is not None else "",
    ]
    rest = [
        f"{plain(value.temperature)} °C" if value.temperature is not None else "",
        _("distress %(distress)d") % {"distress": value.distress} if value.distress is not None else "",
    ]
    return _joined(*parts) or _("Reading"), _joined(*rest)


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _said(code: Any) -> str:
    """A code as words, where there is nothing better."""
    text = str(code).replace("_", " ").replace(".", ", ")
    return text[:1].upper() + text[1:]


def _amount(value: Any) -> str:
    return value if isinstance(value, str) else plain(value)
