"""The tables of what stands on the chart: consents, answers, results, medicines, adverse events, calls."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from clinic.languages import NAMES
from clinic.rules.reports import Cell, Column, Holds, Term
from protocols.queries import instruments
from sessions.queries.facts import FactRow
from sessions.queries.reports.rows import Known, Spec
from sessions.queries.telling import told
from sessions.queries.vocabulary import MODE_WORDS, word
from sessions.queries.words import plain, say


def chart_specs() -> Sequence[Spec]:
    two = (
        Column(name="what", title=_("What"), wide=True),
        Column(name="detail", title=_("In detail"), wide=True),
    )

    def line(row: FactRow, known: Known) -> Sequence[Cell]:
        return told(row, known.names)

    return (
        Spec(
            name="consents",
            title=_("Consents"),
            kinds=("consent_changed",),
            columns=(
                Column(name="scope", title=_("Scope"), holds=Holds.TERM, wide=True),
                Column(name="state", title=_("State"), holds=Holds.TERM),
                Column(name="document_version", title=_("Document")),
                Column(name="detail", title=_("In detail"), below=True),
            ),
            cells=lambda row, known: (
                Term(code=row.value.scope, words=_cap(word(row.value.scope, {}))),
                Term(code=str(row.value.state), words=word(row.value.state, {})),
                row.value.document_version,
                row.value.detail,
            ),
        ),
        Spec(
            name="assessments",
            title=_("Questionnaires and ratings"),
            kinds=("assessment_answered",),
            columns=(
                Column(name="instrument", title=_("Instrument"), holds=Holds.TERM, wide=True),
                Column(name="by", title=_("By"), holds=Holds.TERM),
                Column(name="total", title=_("Total"), holds=Holds.NUMBER),
                Column(name="mode", title=_("How"), holds=Holds.TERM),
                Column(name="read_in", title=_("Read in"), holds=Holds.TERM, if_any=True),
                Column(name="wording", title=_("Wording of the clinic"), paper=False),
                Column(name="answers", title=_("Answers"), below=True),
            ),
            cells=lambda row, known: (
                Term(code=row.value.instrument, words=_instrument(row.value.instrument)),
                Term(code=row.value.by, words=word(row.value.by, {})),
                row.value.total,
                Term(code=str(row.value.mode), words=word(row.value.mode, MODE_WORDS)),
                Term(
                    code=row.value.language,
                    words=str(NAMES.get(row.value.language, row.value.language)),
                )
                if row.value.language
                else None,
                row.value.wording,
                ", ".join(f"{item} {'–' if given is None else given}" for item, given in row.value.answers),
            ),
        ),
        Spec(
            name="results",
            title=_("Results and criteria"),
            kinds=("result_recorded",),
            columns=(
                Column(name="test", title=_("What"), holds=Holds.TERM, wide=True),
                Column(name="value", title=_("Result")),
                Column(name="number", title=_("As a number"), holds=Holds.NUMBER, paper=False),
                Column(name="unit", title=_("Unit")),
                Column(name="valid_until", title=_("Valid until"), holds=Holds.INSTANT, if_any=True),
            ),
            cells=lambda row, known: (
                Term(code=row.value.test, words=_cap(word(row.value.test, {}))),
                row.value.value if isinstance(row.value.value, str) else plain(row.value.value),
                None if isinstance(row.value.value, str) else row.value.value,
                row.value.unit,
                row.value.valid_until,
            ),
        ),
        Spec(
            name="medicines",
            title=_("Medicines"),
            kinds=("medicine_listed",),
            columns=(
                Column(name="medicine", title=_("What"), wide=True),
                Column(name="dose", title=_("Dose")),
                Column(name="classes", title=_("Classes")),
                Column(name="last_taken_on", title=_("Last taken"), holds=Holds.DAY),
                Column(name="still_taken", title=_("Still taken"), holds=Holds.YES_NO),
            ),
            cells=lambda row, known: (
                row.value.name,
                row.value.dose,
                ", ".join(sorted(row.value.classes)),
                row.value.last_taken_on,
                row.value.last_taken_on is None,
            ),
        ),
        Spec(
            name="chart_items",
            title=_("Chart items"),
            kinds=("chart_item_recorded",),
            columns=(
                Column(name="item", title=_("What"), holds=Holds.TERM),
                Column(name="detail", title=_("In detail"), wide=True),
                Column(name="number", title=_("Number"), holds=Holds.NUMBER, if_any=True),
                Column(name="cycle", title=_("Of dosing session"), holds=Holds.NUMBER, if_any=True),
            ),
            cells=lambda row, known: (
                Term(code=row.value.item, words=_cap(word(row.value.item, {}))),
                row.value.detail,
                row.value.number,
                row.value.cycle,
            ),
        ),
        Spec(
            name="adverse_events",
            title=_("Adverse events"),
            kinds=("adverse_event_recorded",),
            columns=(
                Column(name="term", title=_("What"), wide=True),
                Column(name="onset_at", title=_("Began"), holds=Holds.INSTANT),
                Column(name="severity", title=_("Severity"), holds=Holds.TERM),
                Column(name="serious", title=_("Serious"), holds=Holds.YES_NO),
                Column(name="outcome", title=_("Outcome"), holds=Holds.TERM),
            ),
            cells=lambda row, known: (
                row.value.term,
                row.value.onset_at,
                Term(code=row.value.severity, words=word(row.value.severity, {})),
                row.value.serious,
                Term(code=row.value.outcome, words=word(row.value.outcome, {})),
            ),
        ),
        Spec(
            name="risk_assessments",
            title=_("Risk assessments"),
            kinds=("risk_assessed",),
            columns=(
                Column(name="risk", title=_("Risk"), holds=Holds.TERM),
                Column(name="assessed_by", title=_("Assessed by")),
                Column(name="found", title=_("What was found"), wide=True),
                Column(name="agreed", title=_("What was agreed"), wide=True),
            ),
            cells=lambda row, known: (
                Term(code=row.value.risk.value, words=_cap(word(row.value.risk.value, {}))),
                known.names.get(row.value.assessed_by, ""),
                row.value.found,
                row.value.agreed,
            ),
        ),
        Spec(
            name="steps",
            title=_("When nobody was reached"),
            kinds=("message_sent", "step_taken"),
            columns=(Column(name="about", title=_("For"), wide=True), *two),
            cells=lambda row, known: (known.about(row), *line(row, known)),
        ),
        Spec(
            name="contacts",
            title=_("Calls and check-ins"),
            kinds=("contact_made",),
            columns=(Column(name="about", title=_("For"), wide=True), *two),
            cells=lambda row, known: (known.about(row), *line(row, known)),
        ),
    )


def _instrument(code: str) -> str:
    found = instruments().get(code)
    return say(found.title) if found else code.upper()


def _cap(text: str) -> str:
    return text[:1].upper() + text[1:]
