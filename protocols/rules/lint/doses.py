"""Amounts above their own ceilings, choices nobody is offered, tables that run backwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from protocols.rules.definition import (
    ChartItem,
    ChartRule,
    DoseChoice,
    DoseRule,
    Figure,
    GroupRule,
    ObservationRule,
)
from protocols.rules.lint.findings import Finding, finding
from protocols.rules.lint.walking import Located, Walked
from protocols.rules.writing import plain


def findings(walked: Walked) -> Iterator[Finding]:
    weighed = any(
        isinstance(rule, ChartRule) and rule.item is ChartItem.WEIGHT for rule in walked.definition.rules
    )
    for place in walked.rules(DoseRule):
        rule, path = place.value, place.path
        yield from _ceilings(rule, path)
        yield from _choices(rule, path, walked)
        yield from _units(rule, path)
        if rule.per_weight is None:
            yield from _amounts(rule, path)
            yield from _course(rule, path, walked)
        elif not weighed:
            yield finding(
                "weight-never-recorded",
                f"{path}.per_weight",
                "the dose is reckoned from the weight, and no chart rule asks for it",
                "Add a rule of type `chart` with `item: weight` that blocks the dose.",
            )
        if rule.basis_source is None:
            yield finding(
                "basis-unsourced",
                f"{path}.basis",
                f"that the amounts are {rule.basis.value} stands without a source",
                "Add `basis_source:` with `source`, `clinic_choice` or `unverified`.",
            )
    yield from _tables(walked)


def _ceilings(rule: DoseRule, path: str) -> Iterator[Finding]:
    ceilings = [
        (name, figure)
        for name in ("max_per_dose", "max_per_session", "max_per_course")
        if (figure := getattr(rule, name)) is not None
    ]
    for (narrow, less), (wide, more) in pairwise(ceilings):
        if less.value > more.value:
            yield finding(
                "ceilings-cross",
                f"{path}.{narrow}",
                f"{narrow} {plain(less.value)} {rule.unit} is above {wide} {plain(more.value)} {rule.unit}",
                "Lower the one or raise the other.",
            )


def _choices(rule: DoseRule, path: str, walked: Walked) -> Iterator[Finding]:
    dosing = walked.dosing
    cycles = set(range(1, dosing.count.value + 1)) if dosing is not None else set()
    taken: set[int] = set()
    named = {cycle for choice in rule.initial for cycle in choice.cycles}
    all_taken = False
    for number, choice in enumerate(rule.initial):
        at = f"{path}.initial[{number}]"
        mine = set(choice.cycles) or (cycles - named)
        endless = not choice.cycles and dosing is not None and dosing.open_ended
        if (mine <= taken and not endless) or (not choice.cycles and all_taken):
            yield finding(
                "choice-never-offered",
                at,
                "every cycle that this choice is for has another choice",
                "Leave it out, or put `when:` on the one before it.",
            )
        if not choice.when:
            taken |= mine
            all_taken = all_taken or not choice.cycles
        least, most = choice.least, choice.most
        if least is not None and most is not None:
            outside = choice.default is not None and not least.value <= choice.default <= most.value
            if least.value > most.value or outside:
                yield finding(
                    "range-upside-down",
                    f"{at}.default" if outside and least.value <= most.value else f"{at}.least",
                    "the default lies outside the range" if outside else "the least is more than the most",
                    "Write the smaller amount under `least`, and a default between the two.",
                )


def _units(rule: DoseRule, path: str) -> Iterator[Finding]:
    """Doses that cannot be made of whole capsules, servings or devices."""
    if rule.strength is None or rule.strength.value <= 0 or rule.per_weight is not None:
        return
    for number, choice in enumerate(rule.initial):
        for index, figure in enumerate(choice.choices):
            if figure.value % rule.strength.value:
                yield finding(
                    "dose-not-in-units",
                    f"{path}.initial[{number}].choices[{index}]",
                    f"{plain(figure.value)} {rule.unit} is no multiple of {plain(rule.strength.value)}",
                    "Offer a whole multiple of `strength`.",
                )


def amounts_of(choice: DoseChoice) -> list[Decimal]:
    """What may be ordered, at its extremes."""
    return [figure.value for figure in (*choice.choices, choice.least, choice.most) if figure is not None]


def _supplement(rule: DoseRule, initial: Decimal) -> Decimal:
    """The most that all supplements to that initial dose come to, where a fraction says so."""
    if rule.supplement is None or rule.supplement.fraction is None:
        return Decimal(0)
    count = rule.supplement.count.value if rule.supplement.count is not None else 1
    return initial * rule.supplement.fraction.value * count


def _amounts(rule: DoseRule, path: str) -> Iterator[Finding]:
    for number, choice in enumerate(rule.initial):
        at = f"{path}.initial[{number}]"
        for amount in sorted(set(amounts_of(choice))):
            ceiling = rule.max_per_session.value
            with_supplement = amount + _supplement(rule, amount)
            for name, figure in (
                ("max_per_dose", rule.max_per_dose),
                ("max_per_session", rule.max_per_session),
            ):
                if figure is not None and amount > figure.value:
                    yield finding(
                        "dose-above-ceiling",
                        at,
                        f"{plain(amount)} {rule.unit} is above {name} {plain(figure.value)} {rule.unit}",
                        "Leave the amount out or raise the ceiling.",
                    )
            if amount <= ceiling < with_supplement:
                required = rule.supplement is not None and rule.supplement.required
                yield finding(
                    "dose-above-ceiling" if required else "dose-may-exceed-ceiling",
                    at,
                    f"{plain(amount)} {rule.unit} with its supplement is {plain(with_supplement)} "
                    f"{rule.unit}, above max_per_session {plain(ceiling)} {rule.unit}",
                    "Lower the fraction or raise the ceiling.",
                )


def _course(rule: DoseRule, path: str, walked: Walked) -> Iterator[Finding]:
    """The sum over all cycles: what is offered must fit; the largest amounts had better."""
    if rule.max_per_course is None or walked.dosing is None:
        return
    offered = largest = Decimal(0)
    for cycle in range(1, walked.dosing.count.value + 1):
        choices = [choice for choice in rule.initial if cycle in choice.cycles] or [
            choice for choice in rule.initial if not choice.cycles
        ]
        if not choices:
            return
        amounts = amounts_of(choices[0])
        first = choices[0].default if choices[0].default is not None else min(amounts)
        offered += first + _supplement(rule, first)
        largest += max(amounts) + _supplement(rule, max(amounts))
    ceiling = rule.max_per_course.value
    if largest > ceiling:
        over = offered if offered > ceiling else largest
        yield finding(
            "dose-above-ceiling" if offered > ceiling else "dose-may-exceed-ceiling",
            f"{path}.max_per_course",
            f"the {'amounts offered' if offered > ceiling else 'largest amounts'} of all cycles come to "
            f"{plain(over)} {rule.unit}, above {plain(ceiling)} {rule.unit}",
            "Raise the ceiling, or offer less.",
        )


def _tables(walked: Walked) -> Iterator[Finding]:
    dose = next(walked.rules(DoseRule), None)
    places: list[Located[ObservationRule] | Located[GroupRule]] = [
        *walked.rules(ObservationRule),
        *walked.rules(GroupRule),
    ]
    for place in places:
        rule, path = place.value, place.path
        if dose is not None and dose.value.unit != rule.unit:
            yield finding(
                "unit-differs",
                f"{path}.unit",
                f"the amounts are in {rule.unit}, the doses in {dose.value.unit}",
                f"Write them in {dose.value.unit}.",
            )
        elif dose is not None:
            yield from _steps_reached(rule.steps, path, dose.value)
        if isinstance(rule, ObservationRule):
            plainly = [step for step in rule.steps if not step.when]
            falling = any(later.minutes.value < earlier.minutes.value for earlier, later in pairwise(plainly))
        else:
            falling = any(
                later.patients.value > earlier.patients.value
                for earlier, later in zip(rule.steps, rule.steps[1:], strict=False)
            )
        if falling:
            yield finding(
                "table-runs-backwards",
                f"{path}.steps",
                "a larger dose asks for less than a smaller one",
                "Check the order of the figures.",
            )


def _steps_reached(steps: Sequence[object], path: str, dose: DoseRule) -> Iterator[Finding]:
    bounds: list[Figure[Decimal]] = [getattr(step, "at_least") for step in steps]  # noqa: B009  # either kind
    for number, bound in enumerate(bounds):
        if bound.value > dose.max_per_session.value:
            yield finding(
                "step-never-reached",
                f"{path}.steps[{number}].at_least",
                f"{plain(bound.value)} {dose.unit} is above max_per_session "
                f"{plain(dose.max_per_session.value)} {dose.unit}",
                "Leave the step out or raise the ceiling.",
            )
    smallest = [amount for choice in dose.initial for amount in amounts_of(choice)]
    if dose.per_weight is None and smallest and min(smallest) < bounds[0].value:
        yield finding(
            "amount-without-step",
            f"{path}.steps[0].at_least",
            f"a dose of {plain(min(smallest))} {dose.unit} lies below the first step",
            "Begin the first step at the smallest dose, or at 0.",
        )
