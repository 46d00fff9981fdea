"""Protocols for tests of the rules: the fullest one of the library, parsed once, and small ones made here."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from protocols.rules.definition import (
    AnchorEvent,
    AnchorRule,
    AnyRule,
    AssessmentRule,
    Basis,
    Compare,
    DoseChoice,
    DoseRule,
    Figure,
    InsteadWindow,
    Offset,
    ProtocolDefinition,
    ResultRule,
    Role,
    SessionKind,
    SessionRule,
    Source,
    SourceStatus,
    StageRule,
    Unit,
    Which,
    WindowRule,
)
from protocols.rules.document import parse

T = TypeVar("T")
_LIBRARY = Path(__file__).parents[2] / "protocols" / "library"


@cache
def mdma() -> ProtocolDefinition:
    """MDMA-assisted therapy for PTSD: nothing else in the library exercises as many kinds."""
    return parse((_LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8"))


# --- small definitions, one shape at a time -----------------------------------------------------------------

CHOICE = Source(status=SourceStatus.CLINIC_CHOICE, note="for a test")
_UNITS = {unit.value: unit for unit in Unit}


def figure(value: T) -> Figure[T]:
    return Figure(value=value, source=CHOICE)


def number(value: str | int) -> Figure[Decimal]:
    return figure(Decimal(value))


def offset(text: str) -> Offset:
    """“7 d”, “-24 h”, “1 d 07:00”."""
    amount, unit, *at = text.split()
    return Offset(amount=int(amount), unit=_UNITS[unit], at=time.fromisoformat(at[0]) if at else None)


def away(text: str) -> Figure[Offset]:
    return figure(offset(text))


def on(event: AnchorEvent, rule: str = "", which: Which = Which.SAME_CYCLE) -> AnchorRule:
    return AnchorRule(event=event, rule=rule, which=which)


ENROLMENT = on(AnchorEvent.ENROLMENT)
FIRST_DOSE = on(AnchorEvent.FIRST_DOSE, "dosing")
PREVIOUS_DOSING = on(AnchorEvent.SESSION_START, "dosing", Which.PREVIOUS_CYCLE)


def window(
    anchor: AnchorRule = ENROLMENT,
    *,
    opens: str | None = None,
    target: str | None = None,
    due: str | None = None,
    closes: str | None = None,
    before: AnchorRule | None = None,
    instead: tuple[InsteadWindow, ...] = (),
) -> WindowRule:
    bounds = {"opens": opens, "target": target, "due": due, "closes": closes}
    given = {name: away(text) for name, text in bounds.items() if text is not None}
    return WindowRule(anchor=anchor, before=before, instead=instead, **given)


def common(code: str, stage: str = "dosing", who: Role = Role.THERAPIST, **more: Any) -> dict[str, Any]:
    """What every rule carries."""
    return {"code": code, "stage": stage, "words": {"en": code}, "who": who, "source": CHOICE, **more}


def dosing(count: int = 1, *windows: WindowRule, minutes: int = 120, **more: Any) -> SessionRule:
    """The dosing sessions: the first from the day of enrolment, each further one a week after the last."""
    rest = window(PREVIOUS_DOSING, opens="3 d", target="7 d", closes="14 d")
    planned = windows or (window(opens="0 d", target="2 d", closes="30 d"), rest)[: max(1, min(count, 2))]
    return SessionRule(
        **common("dosing"),
        kind=SessionKind.DOSING,
        makes_cycles=True,
        count=figure(count),
        minutes=figure(minutes),
        windows=() if more.get("phases") else planned,
        **more,
    )


def visit(
    code: str, *windows: WindowRule, count: int = 1, stage: str = "follow_up", **more: Any
) -> SessionRule:
    return SessionRule(
        **common(code, stage, **{name: more.pop(name) for name in COMMON & more.keys()}),
        kind=more.pop("kind", SessionKind.FOLLOW_UP),
        count=figure(count),
        minutes=figure(60),
        windows=windows,
        **more,
    )


COMMON = {"who", "important", "weight", "safety", "per", "blocks", "when", "offered", "replaces"}


def doses(*amounts: str | int, most: str | int = 100, **more: Any) -> DoseRule:
    """A dose rule in mg: one of `amounts`, the first of which is offered."""
    choice = DoseChoice(
        choices=tuple(number(amount) for amount in amounts),
        default=Decimal(amounts[0]) if amounts else None,
        chosen_by=Role.PRESCRIBER,
    )
    shape = {
        "substance": "test",
        "unit": "mg",
        "basis": Basis.LABELLED,
        "initial": (choice,),
        "supplement": None,
        "max_per_session": number(most),
        "max_per_course": None,
    }
    own = {name: more.pop(name) for name in COMMON & more.keys()}
    return DoseRule(**common("dose", who=Role.PRESCRIBER, **own), **{**shape, **more})


def rating(code: str, instrument: str = "madrs", *, at: WindowRule, **more: Any) -> AssessmentRule:
    hidden = more.pop("hidden", frozenset())
    return AssessmentRule(
        **common(code, "follow_up", **more), instrument=instrument, window=at, hidden=hidden
    )


def result(code: str, test: str, accept: str | Decimal, **more: Any) -> ResultRule:
    own = {name: more.pop(name) for name in COMMON & more.keys()}
    compare = more.pop("compare", Compare.IS)
    return ResultRule(**common(code, **own), test=test, compare=compare, accept=figure(accept), **more)


def made_of(*rules: AnyRule, **more: Any) -> ProtocolDefinition:
    """A protocol of those rules."""
    shape: dict[str, Any] = {
        "code": "small",
        "title": {"en": "Small"},
        "version": "1.0",
        "indication": {"en": "None"},
        "investigational": True,
        "jurisdiction": "none",
        "stages": STAGES,
        "rules": rules,
        "reminders": (),
        "answers": (),
        "instruments": (),
        "terms": {},
        "citations": {},
    }
    return ProtocolDefinition(**{**shape, **more})


STAGES = (
    StageRule(code="preparation", kind=SessionKind.PREPARATION, words={"en": "Preparation"}),
    StageRule(code="dosing", kind=SessionKind.DOSING, words={"en": "Dosing"}, per_cycle=True),
    StageRule(code="follow_up", kind=SessionKind.FOLLOW_UP, words={"en": "Follow-up"}),
)
