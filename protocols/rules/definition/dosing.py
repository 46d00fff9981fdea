"""The rules of a dosing day: doses, how long people stay and how many at once, vital signs, release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from protocols.rules.definition.conditions import Condition
from protocols.rules.definition.rules import Rule
from protocols.rules.definition.windows import AnchorEvent, ChecklistItem
from protocols.rules.definition.words import Figure, Offset, Role, Source


class Basis(StrEnum):
    """What an amount of a substance counts. 100 µg of freebase and 100 µg of its tartrate differ."""

    LABELLED = "labelled"  # as the product's label states it
    FREEBASE = "freebase"
    HYDROCHLORIDE = "hydrochloride"
    TARTRATE = "tartrate"
    ANALYTE = "analyte"  # of the active substance as the laboratory measured it in the product


class PerWeight(StrEnum):
    """What a dose is reckoned per, if not absolute."""

    KG = "kg"
    KG_70 = "70kg"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseChoice:
    """What may be ordered in given cycles (none named: in every cycle no other choice names).

    Either one of `choices`, of which `default` is offered, or any amount from `least` to `most`. With
    `DoseRule.per_weight`, these are amounts per kg or per 70 kg. The first choice whose `when` holds counts.
    """

    cycles: tuple[int, ...] = ()
    choices: tuple[Figure[Decimal], ...] = ()
    default: Decimal | None = None
    least: Figure[Decimal] | None = None
    most: Figure[Decimal] | None = None
    chosen_by: Role
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplementRule:
    """A supplemental dose: `fraction` of the initial one (None: any amount the ceilings allow), in a window
    after it, or withheld with a reason. Not `required`: not giving one needs no reason. `count`: how many
    at most."""

    fraction: Figure[Decimal] | None
    opens: Figure[Offset] | None
    closes: Figure[Offset] | None
    decided_by: Role
    required: bool = True
    count: Figure[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseRule(Rule):
    """What may be given in a dosing session: keep within this bound. Amounts are in `unit` of `basis`.

    `per_weight`: the choices are per kg or per 70 kg of the last recorded weight; what is ordered and given
    is the absolute amount, rounded to a multiple of `round_to` (half up), at most `max_per_dose`.
    `strength`: what one capsule, serving or device holds; amounts are whole multiples of it.
    `equals`: what 1 `unit` of this basis is in another basis, to say one amount both ways.
    """

    substance: str
    unit: str
    basis: Basis
    basis_source: Source | None = None
    per_weight: PerWeight | None = None
    round_to: Figure[Decimal] | None = None
    strength: Figure[Decimal] | None = None
    equals: Mapping[Basis, Figure[Decimal]] = field(default_factory=dict)
    initial: tuple[DoseChoice, ...]
    supplement: SupplementRule | None
    max_per_dose: Figure[Decimal] | None = None
    max_per_session: Figure[Decimal]
    max_per_course: Figure[Decimal] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationStep:
    """At a total dose of at least `at_least`: stay at least `minutes`. The first step of an amount whose
    `when` holds counts; the highest amount reached decides."""

    at_least: Figure[Decimal]
    minutes: Figure[int]
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationRule(Rule):
    """How long a dosing session must last, by the total given in it so far, supplements included; reckoned
    anew with every dose, from `since` (START, FIRST_DOSE or LAST_DOSE)."""

    since: AnchorEvent
    unit: str
    steps: tuple[ObservationStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStep:
    """When the largest dose in the group is at least `at_least`: at most `patients` to each facilitator."""

    at_least: Figure[Decimal]
    patients: Figure[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRule(Rule):
    """How many patients a facilitator may attend in one group session, and how many may be in the group."""

    unit: str
    steps: tuple[GroupStep, ...]
    most: Figure[int]


class VitalsPoint(StrEnum):
    BEFORE_INITIAL = "before_initial"
    BEFORE_SUPPLEMENT = "before_supplement"
    AFTER_INITIAL = "after_initial"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalsRule(Rule):
    """Vital signs to take at one point of each dosing session, and limits that call for attention.

    `within` is how long before (or, for END, before the end of the session) a reading still counts; for
    AFTER_INITIAL, how far from its time. `limits` maps systolic, diastolic, pulse, temperature to the value
    above which it must be acknowledged; `floors`, oxygen and breaths to the value below which it must.
    AFTER_INITIAL: a reading `after` the initial dose, and with `every`, `count` of them that far apart.
    """

    point: VitalsPoint
    measures: tuple[str, ...]
    within: Figure[Offset]
    limits: Mapping[str, Figure[Decimal]] = field(default_factory=dict)
    floors: Mapping[str, Figure[Decimal]] = field(default_factory=dict)
    after: Figure[Offset] | None = None
    every: Figure[Offset] | None = None
    count: Figure[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRule(Rule):
    """All of `items` ticked, by at least `names` different people, before a dosing session may end."""

    items: tuple[ChecklistItem, ...]
    names: Figure[int]
    asks_adverse_events: bool = True
