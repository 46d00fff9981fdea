"""The tables of a clinical record: what was given, measured, asked, agreed and decided, as it stands, and
what was put right since. The same for a whole course and for one session of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext as _

from clinic.rules.reports import Cell, Column, Holds, Table, Term
from protocols.measures import measures
from sessions.models import SignatureRecord
from sessions.queries.facts import FactRow
from sessions.queries.reports.chart_tables import chart_specs
from sessions.queries.reports.rows import Known, Spec, table_of
from sessions.queries.telling import part_words, told
from sessions.queries.vocabulary import INTAKE_WORDS, MEANING_WORDS, word
from sessions.rules.facts import DoseGiven

VITALS = ("systolic", "diastolic", "pulse", "temperature", "distress", "oxygen", "breaths")


def record_tables(facts: Iterable[FactRow], known: Known, *, whole: bool) -> list[Table]:
    """In the order of reading. `whole`: of a course, where an empty table says that nothing is on record; of
    one session only those that hold something."""
    rows = sorted(facts, key=lambda row: (row.occurred_at, row.recorded_at))
    standing = [row for row in rows if not row.amended]
    made = [
        table_of(spec, [row for row in standing if row.kind in spec.kinds], known)
        for spec in specs(whole=whole)
    ]
    taken = {kind for spec in specs(whole=whole) for kind in spec.kinds}
    made.append(_others([row for row in standing if row.kind not in taken], known))
    made.append(_corrections([row for row in rows if row.amended], known))
    always = {"doses", "adverse_events", "consents", "medicines"} if whole else set()
    return [one for one in made if one.rows or one.name in always]


def signature_table(rows: Iterable[SignatureRecord], sessions: Mapping[int, str]) -> Table:
    """Each signature with whether it stands and the digest of what it was put to; sessions by their key in
    the database."""
    return Table(
        name="signatures",
        title=_("Signatures"),
        columns=[
            Column(name="session", title=_("Session"), wide=True),
            Column(name="name", title=_("Name")),
            Column(name="role", title=_("Role")),
            Column(name="meaning", title=_("As"), holds=Holds.TERM),
            Column(name="signed_at", title=_("Signed"), holds=Holds.INSTANT),
            Column(name="standing", title=_("Standing"), holds=Holds.TERM),
            Column(name="sha256", title=_("SHA-256"), below=True),
        ],
        rows=[
            (
                sessions.get(row.session_record_id, ""),
                row.printed_name,
                row.role,
                Term(code=row.meaning, words=word(row.meaning, MEANING_WORDS)),
                row.signed_at,
                Term(code="superseded", words=_("superseded"))
                if row.superseded
                else Term(code="stands", words=_("stands")),
                row.digest,
            )
            for row in rows
        ],
        empty=_("Not signed."),
    )


# --- one table for each thing that is on record -------------------------------------------------------------


def specs(*, whole: bool) -> Sequence[Spec]:
    of_which = (Column(name="session", title=_("Session")),) if whole else ()

    def of_session(row: FactRow, known: Known) -> tuple[Cell, ...]:
        return (known.session_of(row),) if whole else ()

    return (
        Spec(
            name="doses",
            title=_("Doses"),
            kinds=("dose_given", "dose_withheld"),
            columns=(
                *of_which,
                Column(name="dose", title=_("Dose"), holds=Holds.TERM),
                Column(name="amount", title=_("Amount"), holds=Holds.NUMBER),
                Column(name="unit", title=_("Unit")),
                Column(name="intake", title=_("Intake"), holds=Holds.TERM),
                Column(name="given_by", title=_("Given by")),
                Column(name="checked_by", title=_("Checked by")),
                Column(name="reason", title=_("Why"), below=True),
            ),
            cells=lambda row, known: (*of_session(row, known), *_dose(row, known)),
        ),
        Spec(
            name="vital_signs",
            title=_("Vital signs"),
            kinds=("vitals_taken",),
            columns=(
                *of_which,
                *(_vital(one) for one in VITALS),
                Column(name="reason", title=_("Kept because"), below=True),
            ),
            cells=lambda row, known: (
                *of_session(row, known),
                *(getattr(row.value, one) for one in VITALS),
                row.reason,
            ),
        ),
        Spec(
            name="noted",
            title=_("What was noted"),
            kinds=("moment_noted", "theme_noted", "adverse_events_asked", "group_counted"),
            columns=(
                *of_which,
                Column(name="what", title=_("What"), wide=True),
                Column(name="detail", title=_("In detail"), wide=True),
            ),
            cells=lambda row, known: (*of_session(row, known), *told(row, known.names)),
        ),
        Spec(
            name="presence",
            title=_("Who was present"),
            kinds=("staff_present",),
            columns=(
                *of_which,
                Column(name="who", title=_("Who"), wide=True),
                Column(name="from_at", title=_("From"), holds=Holds.INSTANT),
                Column(name="until_at", title=_("Until"), holds=Holds.INSTANT),
            ),
            cells=lambda row, known: (
                *of_session(row, known),
                known.names.get(row.value.person_id, ""),
                row.value.from_at,
                row.value.until_at or known.ends.get(row.value.record_id),
            ),
        ),
        Spec(
            name="checklist",
            title=_("Checklists"),
            kinds=("checklist_ticked",),
            columns=(
                *of_which,
                Column(name="item", title=_("Point"), holds=Holds.TERM, wide=True),
                Column(name="done", title=_("Done"), holds=Holds.YES_NO),
            ),
            cells=lambda row, known: (
                *of_session(row, known),
                Term(code=row.value.item, words=known.item(row.value.item)),
                row.value.done,
            ),
        ),
        Spec(
            name="times",
            title=_("Times put right"),
            kinds=("session_times_corrected",),
            columns=(
                *of_which,
                Column(name="from_at", title=_("Really from"), holds=Holds.INSTANT),
                Column(name="until_at", title=_("Until"), holds=Holds.INSTANT),
                Column(name="reason", title=_("Why"), below=True),
            ),
            cells=lambda row, known: (
                *of_session(row, known),
                row.value.started_at,
                row.value.ended_at,
                row.reason,
            ),
        ),
        *chart_specs(),
    )


def _dose(row: FactRow, known: Known) -> Sequence[Cell]:
    value = row.value
    part = Term(code=str(value.part), words=part_words(value.part))
    if not isinstance(value, DoseGiven):
        withheld = Term(code="withheld", words=word("withheld", INTAKE_WORDS))
        return part, None, None, withheld, None, None, value.reason
    return (
        part,
        value.amount,
        value.unit,
        Term(code=str(value.intake), words=word(value.intake, INTAKE_WORDS)),
        known.names.get(value.given_by, ""),
        known.names.get(value.checked_by or 0, ""),
        row.reason,
    )


def _vital(name: str) -> Column:
    said = {
        "systolic": _("Systolic"),
        "diastolic": _("Diastolic"),
        "pulse": _("Pulse"),
        "temperature": _("Temperature"),
        "distress": _("Distress"),
        "oxygen": _("Oxygen"),
        "breaths": _("Breaths"),
    }[name]
    return Column(name=name, title=said, unit=measures()[name].unit, holds=Holds.NUMBER, if_any=True)


def _others(rows: Sequence[FactRow], known: Known) -> Table:
    """Orders, decisions, forms, overrides, holds: whatever has no table of its own."""
    return table_of(
        Spec(
            name="decisions",
            title=_("Orders, decisions and forms"),
            kinds=(),
            columns=(
                Column(name="about", title=_("For"), wide=True),
                Column(name="what", title=_("What"), wide=True),
                Column(name="detail", title=_("In detail"), wide=True),
            ),
            cells=lambda row, known: (known.about(row), *told(row, known.names)),
        ),
        rows,
        known,
    )


def _corrections(rows: Sequence[FactRow], known: Known) -> Table:
    return Table(
        name="corrections",
        title=_("What was put right"),
        note=_(
            "Entries as they stood before, and who corrected them. What holds now is in the tables above."
        ),
        columns=[
            Column(name="occurred_at", title=_("When"), holds=Holds.INSTANT),
            Column(name="what", title=_("It said"), wide=True),
            Column(name="detail", title=_("In detail"), wide=True),
            Column(name="entered_by", title=_("Entered by")),
            Column(name="corrected_by", title=_("Corrected by")),
            Column(name="corrected_at", title=_("Corrected"), holds=Holds.INSTANT),
            Column(name="why", title=_("Why"), below=True),
            Column(name="id", title=_("Id"), paper=False),
        ],
        rows=[
            (
                row.occurred_at,
                *told(row, known.names),
                row.entered_by,
                row.corrected.by,
                row.corrected.at,
                row.corrected.why,
                str(row.id),
            )
            for row in rows
            if row.corrected is not None
        ],
    )
