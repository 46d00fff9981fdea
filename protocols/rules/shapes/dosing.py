"""The rules of a dosing day: doses, how long people stay and how many at once, vital signs, release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from protocols.rules.definition import (
    AnchorEvent,
    Basis,
    DoseChoice,
    DoseRule,
    GroupRule,
    GroupStep,
    ObservationRule,
    ObservationStep,
    PerWeight,
    ReleaseRule,
    Source,
    SupplementRule,
    VitalsPoint,
    VitalsRule,
)
from protocols.rules.grammar import (
    SOURCED,
    FigureOf,
    ListOf,
    MapOf,
    OneOf,
    OneWord,
    Shape,
    Unit,
    may,
    need,
)
from protocols.rules.readers import source_of
from protocols.rules.reading import Fields, Reading
from protocols.rules.shapes.conditions import WHEN
from protocols.rules.shapes.rules import rule_shape
from protocols.rules.shapes.windows import ITEM, own_codes
from protocols.rules.shapes.words import (
    AMOUNT,
    FLAG,
    MEASURE_UNITS,
    MINUTES,
    NUMBER,
    OFFSET,
    ROLE,
    TEXT,
    UNIT_WORD,
    number_of,
)
from protocols.rules.writing import plain


class _BareSource(Shape):
    """A source that stands alone: `{source: …}`."""

    def take(self, reading: Reading, given: Fields, unit: Unit) -> Source:
        given.what = self.what
        source = source_of(given)
        given.done()
        return source

    def write(self, value: Source, unit: Unit) -> dict[str, Any]:
        return dict(SOURCED.write(value, unit))

    def walk(self, value: Source, path: str, unit: Unit, first: int) -> Iterator[Any]:
        return iter(())


BARE_SOURCE: Final = _BareSource("source", "a source", Source, need("source", SOURCED, "where it comes from"))


def _check_dose_choice(reading: Reading, given: Fields, value: DoseChoice) -> None:
    ranged = value.least is not None or value.most is not None
    if ranged == bool(value.choices):
        raise reading.refuse(
            given.place,
            "a choice of dose is either a list or a range",
            "Write `choices:`, or `least:` and `most:`.",
        )
    if ranged and (value.least is None or value.most is None):
        raise reading.refuse(given.place, "a range has two ends", "Write both `least:` and `most:`.")
    offered = [figure.value for figure in value.choices]
    if value.default is not None and offered and value.default not in offered:
        raise reading.refuse(
            given.found["default"],
            f"the default {plain(value.default)} is not one of the choices",
            "Offer it, or choose another default.",
        )


def _per_weight(values: Mapping[str, Any], unit: Unit) -> Unit:
    per: PerWeight | None = values["per_weight"]
    return unit if per is None else f"{unit}/{per.value}"


DOSE_CHOICE: Final = Shape(
    "dose choice",
    "a choice of dose",
    DoseChoice,
    may("cycles", ListOf(number_of(1, 200), at_least=1), "in which cycles; left out: in every other one", ()),
    may("choices", ListOf(FigureOf(AMOUNT), at_least=1), "the amounts that may be ordered", ()),
    may("default", AMOUNT, "the one that is offered"),
    may("least", FigureOf(AMOUNT), "instead of `choices`: any amount from this"),
    may("most", FigureOf(AMOUNT), "… to this"),
    need("chosen_by", ROLE, "who chooses"),
    WHEN,
    check=_check_dose_choice,
    also={
        "oneOf": [{"required": ["choices"]}, {"required": ["least", "most"]}],
    },
)


def _check_supplement(reading: Reading, given: Fields, value: SupplementRule) -> None:
    if value.fraction is not None and not 0 < value.fraction.value <= 1:
        raise reading.refuse(
            given.found["fraction"], "a fraction lies between 0 and 1", "Write `0.5` for half."
        )


SUPPLEMENT: Final = Shape(
    "supplement",
    "a supplemental dose",
    SupplementRule,
    may("fraction", FigureOf(NUMBER), "of the initial dose; left out: any amount the ceilings allow"),
    may("opens", FigureOf(OFFSET), "after the initial dose, not before"),
    may("closes", FigureOf(OFFSET), "after the initial dose, not later"),
    need("decided_by", ROLE, "who decides"),
    may("required", FLAG, "`false`: not giving one needs no reason", True),
    may("count", FigureOf(number_of(1, 50)), "how many at most"),
    check=_check_supplement,
)


def _check_dose(reading: Reading, given: Fields, rule: DoseRule) -> None:
    if rule.basis in rule.equals:
        reading.wrong(
            given.found["equals"], f"the amounts are in {rule.basis.value} already", "Name another basis."
        )


DOSE: Final = rule_shape(
    "dose",
    DoseRule,
    need("substance", TEXT, "what is given"),
    need("unit", UNIT_WORD, "the unit of every amount here", sets_unit=True),
    need("basis", OneOf(Basis), "what the amounts count"),
    may("basis_source", BARE_SOURCE, "where the basis is read"),
    may("per_weight", OneOf(PerWeight), "the choices are per kg, or per 70 kg, of the last recorded weight"),
    may("round_to", FigureOf(AMOUNT), "a dose reckoned by weight is rounded to a multiple of this, half up"),
    may("strength", FigureOf(AMOUNT), "what one capsule, serving or device holds; doses are multiples of it"),
    may(
        "equals",
        MapOf(OneOf(Basis), FigureOf(NUMBER), "the other bases"),
        "what 1 unit of this basis is in another",
        MappingProxyType({}),
    ),
    need("initial", ListOf(DOSE_CHOICE, at_least=1), "what may be ordered, by cycle", unit=_per_weight),
    may("supplement", SUPPLEMENT, "a supplemental dose"),
    may("max_per_dose", FigureOf(AMOUNT), "ceiling of one dose"),
    need("max_per_session", FigureOf(AMOUNT), "ceiling of one session, supplements included"),
    may("max_per_course", FigureOf(AMOUNT), "ceiling of the whole course"),
    check=_check_dose,
)


def _check_observation(reading: Reading, given: Fields, rule: ObservationRule) -> None:
    for number, (before, step) in enumerate(zip(rule.steps, rule.steps[1:], strict=False), start=1):
        falls = step.at_least.value < before.at_least.value
        same = step.at_least.value == before.at_least.value
        if falls or (same and (not before.when or step.when == before.when)):
            reading.wrong_at(
                f"{given.found['steps'].path}[{number}]",
                "the steps must rise" if falls else "this step can never count",
                "Order them by `at_least`; the same amount twice only under different `when`.",
            )


OBSERVATION: Final = rule_shape(
    "observation",
    ObservationRule,
    need(
        "since",
        OneOf(AnchorEvent, (AnchorEvent.SESSION_START, AnchorEvent.FIRST_DOSE, AnchorEvent.LAST_DOSE)),
        "from when the stay is counted",
    ),
    need("unit", UNIT_WORD, "the unit of the amounts", sets_unit=True),
    need(
        "steps",
        ListOf(
            Shape(
                "observation step",
                "a step",
                ObservationStep,
                need("at_least", FigureOf(AMOUNT), "at a total of this or more in the session"),
                need("minutes", FigureOf(MINUTES), "stay at least so long"),
                WHEN,
            ),
            at_least=1,
        ),
        "rising; the highest amount reached decides, its first step whose `when` holds",
    ),
    check=_check_observation,
)


def _check_group(reading: Reading, given: Fields, rule: GroupRule) -> None:
    for number, (before, step) in enumerate(zip(rule.steps, rule.steps[1:], strict=False), start=1):
        if step.at_least.value <= before.at_least.value:
            reading.wrong_at(
                f"{given.found['steps'].path}[{number}]", "the steps must rise", "Order them by `at_least`."
            )


GROUP: Final = rule_shape(
    "group",
    GroupRule,
    need("unit", UNIT_WORD, "the unit of the amounts", sets_unit=True),
    need(
        "steps",
        ListOf(
            Shape(
                "group step",
                "a step",
                GroupStep,
                need("at_least", FigureOf(AMOUNT), "when the largest dose in the group is this or more"),
                need("patients", FigureOf(number_of(1, 200)), "at most so many to each facilitator"),
            ),
            at_least=1,
        ),
        "rising",
    ),
    need("most", FigureOf(number_of(1, 500)), "how many may be in the group"),
    check=_check_group,
)

_MEASURE: Final = OneWord(tuple(MEASURE_UNITS))


def _check_vitals(reading: Reading, given: Fields, rule: VitalsRule) -> None:
    later = rule.point is VitalsPoint.AFTER_INITIAL
    if later != (rule.after is not None):
        reading.wrong(
            given.place,
            "after_initial needs how long after" if later else "`after` goes with after_initial only",
            "Add `after:`." if later else "Leave `after` out.",
        )
    if (rule.every is None) != (rule.count is None) or (rule.every is not None and not later):
        reading.wrong(
            given.place,
            "`every` and `count` go together, with after_initial",
            "Write both, or leave both out.",
        )


_LIMITS: Final = MapOf(_MEASURE, FigureOf(AMOUNT), "limits", units=MEASURE_UNITS)
VITALS: Final = rule_shape(
    "vitals",
    VitalsRule,
    need("point", OneOf(VitalsPoint), "when in the session"),
    need("measures", ListOf(_MEASURE, at_least=1), "what is measured"),
    need(
        "within", FigureOf(OFFSET), "how long before (after_initial: how far from its time) it still counts"
    ),
    may("limits", _LIMITS, "above this it must be acknowledged", MappingProxyType({})),
    may("floors", _LIMITS, "below this it must be acknowledged", MappingProxyType({})),
    may("after", FigureOf(OFFSET), "with after_initial: how long after the initial dose"),
    may("every", FigureOf(OFFSET), "and again so far apart"),
    may("count", FigureOf(number_of(1, 200)), "so many in all"),
    check=_check_vitals,
)
RELEASE: Final = rule_shape(
    "release",
    ReleaseRule,
    need("items", ListOf(ITEM, at_least=1), "all of them must be ticked"),
    need("names", FigureOf(number_of(1, 10)), "by at least so many different people"),
    may("asks_adverse_events", FLAG, "adverse events are asked about at release", True),
    check=own_codes("items"),
)
