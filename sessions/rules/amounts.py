"""How much may be given: what a dose rule allows for one patient in one dosing session, as absolute amounts.

The one place that reckons a dose; ordering offers what it finds, and judging holds a dose against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from protocols.rules.definition import Basis, DoseChoice, DoseRule, PerWeight, Role
from sessions.rules.timeline import Timeline

_KG_70 = Decimal(70)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What may be ordered, in the rule's unit: one of `amounts` (`default` is offered), or anything from
    `least` to `most`. `needs_weight`: it is reckoned per weight and none is recorded, so nothing is."""

    amounts: tuple[Decimal, ...] = ()
    default: Decimal | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    chosen_by: Role
    needs_weight: bool = False
    citations: Mapping[Decimal, str] = field(default_factory=dict)  # amount → where its figure comes from

    def permits(self, amount: Decimal) -> bool:
        if self.amounts:
            return amount in self.amounts
        above = self.least is None or self.least <= amount
        below = self.most is None or amount <= self.most
        return above and below and not self.needs_weight

    def worded(self, unit: str) -> str:
        if self.amounts:
            return " / ".join(worded(amount, unit) for amount in self.amounts)
        bounds = [worded(bound, unit) for bound in (self.least, self.most) if bound is not None]
        return " - ".join(bounds)


def allowed(timeline: Timeline, rule: DoseRule, *, cycle: int, at: datetime) -> Allowed | None:
    """What may be ordered at `at` for the dosing session of that cycle; None if the rule names no dose for
    it."""
    choice = choice_for(timeline, rule, cycle=cycle, at=at)
    if choice is None:
        return None
    weight = timeline.weight(at)
    if rule.per_weight is not None and weight is None:
        return Allowed(chosen_by=choice.chosen_by, needs_weight=True)

    def absolute(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else dose_of(rule, amount, weight=weight)

    amounts = {dose_of(rule, row.value, weight=weight): row.source.citation for row in choice.choices}
    return Allowed(
        amounts=tuple(amounts),
        default=absolute(choice.default),
        least=absolute(choice.least.value if choice.least is not None else None),
        most=absolute(choice.most.value if choice.most is not None else None),
        chosen_by=choice.chosen_by,
        citations=amounts,
    )


def choice_for(timeline: Timeline, rule: DoseRule, *, cycle: int, at: datetime) -> DoseChoice | None:
    """The first choice for that cycle whose conditions hold at `at`; one that names no cycle is for those no
    other names."""
    named = [choice for choice in rule.initial if cycle in choice.cycles]
    others = named or [choice for choice in rule.initial if not choice.cycles]
    return next((row for row in others if timeline.meets(row.when, at=at, cycle=cycle)), None)


def dose_of(rule: DoseRule, amount: Decimal, *, weight: Decimal | None) -> Decimal:
    """The absolute amount of a dose that the protocol states as `amount` (of the rule's unit, per kg or per
    70 kg where it says so), for a patient of `weight` kg. Rounded half up, at most `max_per_dose`. A ceiling
    that is no whole number of capsules is kept by leaving one out."""
    if rule.per_weight is not None:
        if weight is None:
            raise ValueError("a dose per weight needs a weight")
        amount = amount * weight if rule.per_weight == PerWeight.KG else amount * weight / _KG_70
        for step in (rule.round_to, rule.strength):
            if step is not None:
                amount = rounded(amount, step.value)
    most = rule.max_per_dose.value if rule.max_per_dose is not None else None
    if most is not None and amount > most and rule.per_weight is not None:
        amount = most if rule.strength is None else most // rule.strength.value * rule.strength.value
    return amount


def rounded(amount: Decimal, step: Decimal) -> Decimal:
    """The nearest multiple of `step`, half up."""
    return (amount / step).to_integral_value(rounding=ROUND_HALF_UP) * step


def is_whole(rule: DoseRule, amount: Decimal) -> bool:
    """Whether it can be given in whole capsules, servings or devices."""
    return rule.strength is None or amount % rule.strength.value == 0


def in_basis(rule: DoseRule, amount: Decimal, basis: Basis) -> Decimal | None:
    """An amount of the rule's basis as so much of another; None where the protocol does not say what it
    equals."""
    if basis == rule.basis:
        return amount
    equals = rule.equals.get(basis)
    return None if equals is None else amount * equals.value


def from_basis(rule: DoseRule, amount: Decimal, basis: Basis) -> Decimal | None:
    """The way back: so much of another basis as an amount of the rule's."""
    if basis == rule.basis:
        return amount
    equals = rule.equals.get(basis)
    return None if equals is None or not equals.value else amount / equals.value


def worded(amount: Decimal, unit: str) -> str:
    return f"{amount.normalize():f} {unit}"
