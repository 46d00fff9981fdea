"""What a protocol counts as reached, in words, for its page and beside a clinic's results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from protocols.rules.definition import (
    AssessmentRule,
    Change,
    Compare,
    FindingIs,
    OutcomeRule,
    ProtocolDefinition,
    ScoreIs,
)
from protocols.rules.instruments import Instrument
from protocols.rules.writing import plain
from protocols.web.showing import FigureRow, ItemRow, SourceRow, say, source_row

_BOUNDS = {Compare.AT_LEAST: "≥ %s", Compare.AT_MOST: "≤ %s", Compare.IS: "= %s"}
_READ = {
    Change.NONE: gettext_lazy("%(answer)s: total"),
    Change.FALL: gettext_lazy("%(answer)s: points lower than %(baseline)s"),
    Change.FALL_PERCENT: gettext_lazy("%(answer)s: percent lower than %(baseline)s"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomePart:
    """`conditions` all hold; after one of the `intercurrent` events it counts as not reached."""

    words: str
    estimand: str
    source: SourceRow
    conditions: tuple[FigureRow, ...]
    intercurrent: tuple[ItemRow, ...]


def outcomes(definition: ProtocolDefinition, instruments: Mapping[str, Instrument]) -> list[OutcomePart]:
    return [outcome(definition, rule, instruments) for rule in definition.outcomes]


def outcome(
    definition: ProtocolDefinition, rule: OutcomeRule, instruments: Mapping[str, Instrument]
) -> OutcomePart:
    return OutcomePart(
        words=say(rule.words),
        estimand=rule.estimand,
        source=source_row(rule.source, definition.citations),
        conditions=(
            *(_score(definition, one) for one in rule.scores),
            *(_finding(definition, rule, one, instruments) for one in rule.findings),
        ),
        intercurrent=tuple(_intercurrent(definition, rule)),
    )


def _score(definition: ProtocolDefinition, condition: ScoreIs) -> FigureRow:
    answer = say(definition.rule(condition.assessment).words)
    baseline = say(definition.rule(condition.baseline).words) if condition.baseline else ""
    percent = " %" if condition.change is Change.FALL_PERCENT else ""
    return FigureRow(
        label=str(_READ[condition.change]) % {"answer": answer, "baseline": baseline},
        text=_BOUNDS[condition.compare] % plain(condition.value.value) + percent,
        source=source_row(condition.value.source, definition.citations),
    )


def _finding(
    definition: ProtocolDefinition,
    rule: OutcomeRule,
    condition: FindingIs,
    instruments: Mapping[str, Instrument],
) -> FigureRow:
    asked = definition.rule(condition.assessment)
    instrument = instruments.get(asked.instrument) if isinstance(asked, AssessmentRule) else None
    words = {one.code: say(one.words) for one in instrument.findings} if instrument else {}
    return FigureRow(
        label=f"{say(asked.words)}: {words.get(condition.finding, condition.finding)}",
        text=_("no longer") if condition.negated else _("yes"),
        source=source_row(rule.source, definition.citations),
    )


def _intercurrent(definition: ProtocolDefinition, rule: OutcomeRule) -> Iterator[ItemRow]:
    named = {one.code: say(one.words) for one in definition.medicines}
    for event in rule.intercurrent:
        classes = ", ".join(named.get(code, code) for code in sorted(event.medicine_classes))
        yield ItemRow(
            words=_("Not reached once one of these is taken after the first dose: %(classes)s")
            % {"classes": classes},
            source=source_row(event.source, definition.citations),
        )
