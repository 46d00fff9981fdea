"""Any definition that a document can say, made from the types in `definition/`: a field that reader or
writer forgot makes the round trip fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from protocols.rules import definition as d
from protocols.rules.shapes.words import MEASURE_UNITS, PURPOSES

Strategy = st.SearchStrategy[Any]
CITATIONS = ("paper", "label-2025")
INSTRUMENTS = ("madrs", "caps5")
ARMS = ("active", "control")
CHOICES = ("weekly", "monthly", "never")
BY_KIND = {
    "session": ("dosing", "visit"),
    "assessment": ("score.before", "score.after"),
    "result": ("age", "qtc"),
    "decision": ("how_often",),
}
ANCHORED = {
    d.AnchorEvent.SESSION_START: "session",
    d.AnchorEvent.SESSION_END: "session",
    d.AnchorEvent.FIRST_DOSE: "session",
    d.AnchorEvent.LAST_DOSE: "session",
    d.AnchorEvent.ANSWERED: "assessment",
    d.AnchorEvent.RECORDED: "result",
    d.AnchorEvent.DECIDED: "decision",
}

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORD = st.builds(str.__add__, st.sampled_from(_LETTERS), st.text(f"{_LETTERS}0123456789_", max_size=8))
CODE = _WORD | st.builds("{}.{}".format, _WORD, _WORD)
TEXT = (
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\n:#'\"{}[]&*!|>%@`~-?,"))
    .map(str.strip)
    .filter(bool)
) | st.sampled_from(["null", "~", "no", "1.0", "- a", "a: b", "#", "2025-01-01", "10:00", "0x1"])
UNIT = st.sampled_from(["mg", "µg", "mL", "%", "/min", "IU", "°C"])
NUMBER = st.decimals(-999_999_999, 999_999_999, places=6) | st.integers(-999, 999).map(Decimal)
TIME = st.times().map(lambda value: value.replace(second=0, microsecond=0))
DAYS = st.builds(
    d.Offset,
    amount=st.integers(-900, 900),
    unit=st.sampled_from([d.Unit.DAYS, d.Unit.WEEKS]),
    at=st.none() | TIME,
)
HOURS = st.builds(
    d.Offset, amount=st.integers(-900, 900), unit=st.sampled_from([d.Unit.HOURS, d.Unit.MINUTES])
)
SOURCE = st.builds(
    d.Source,
    status=st.just(d.SourceStatus.PUBLISHED),
    citation=st.sampled_from(CITATIONS),
    note=st.just("") | TEXT,
) | st.builds(
    d.Source,
    status=st.sampled_from([d.SourceStatus.CLINIC_CHOICE, d.SourceStatus.UNVERIFIED]),
    note=TEXT,
)
WORDS = st.dictionaries(st.sampled_from(["de", "fr-CA"]), TEXT).flatmap(
    lambda others: TEXT.map(lambda text: {"en": text} | others)
)
COUNT = st.builds(d.Figure, value=st.integers(1, 10), source=SOURCE)


def figure(value: Strategy) -> Strategy:
    return st.builds(d.Figure, value=value, source=SOURCE)


def some_of(entries: tuple[str, ...], *, least: int = 1) -> Strategy:
    return st.frozensets(st.sampled_from(entries), min_size=least)


def _anchor(event: d.AnchorEvent) -> Strategy:
    if event not in ANCHORED:
        return st.builds(d.AnchorRule, event=st.just(event), which=st.sampled_from(d.Which))
    return st.builds(
        d.AnchorRule,
        event=st.just(event),
        rule=st.sampled_from(BY_KIND[ANCHORED[event]]),
        which=st.sampled_from(d.Which),
    )


def _window(*, instead: bool) -> Strategy:
    bound = st.none() | figure(DAYS | HOURS)
    others = (
        st.lists(
            st.builds(
                d.InsteadWindow,
                when=st.lists(of(d.Condition), min_size=1, max_size=2).map(tuple),
                window=_window(instead=False),
            ),
            max_size=2,
        ).map(tuple)
        if instead
        else st.just(())
    )
    return st.builds(
        d.WindowRule,
        anchor=of(d.AnchorRule),
        opens=bound,
        target=bound,
        due=bound,
        closes=bound,
        before=st.none() | of(d.AnchorRule),
        instead=others,
    )


def _compared(values: dict[str, Any], name: str, draw: st.DrawFn) -> None:
    """A word with `is`, else an amount."""
    word = values["compare"] is d.Compare.IS
    values[name] = draw(figure(st.sampled_from(["no", "yes", "negative", "1"]) if word else NUMBER))


def _windows_up_to(values: dict[str, Any]) -> None:
    values["windows"] = values["windows"][: values["count"].value]


def _session(values: dict[str, Any], draw: st.DrawFn) -> None:
    if values["phases"]:
        values["windows"] = ()
        total = sum(phase.count.value for phase in values["phases"])
        values["count"] = d.Figure(value=total, source=values["source"])
    _windows_up_to(values)


def _dose_choice(values: dict[str, Any], draw: st.DrawFn) -> None:
    if draw(st.booleans()):
        values |= {"choices": (), "least": draw(figure(NUMBER)), "most": draw(figure(NUMBER))}
        values["default"] = draw(st.none() | NUMBER)
    else:
        values |= {"least": None, "most": None}
        values["choices"] = values["choices"] or (draw(figure(NUMBER)),)
        offered = [each.value for each in values["choices"]]
        values["default"] = draw(st.none() | st.sampled_from(offered))


def _dose(values: dict[str, Any], draw: st.DrawFn) -> None:
    values["initial"] = (*values["initial"], draw(of(d.DoseChoice).map(_for_all_cycles)))
    values["equals"] = {
        basis: each for basis, each in values["equals"].items() if basis is not values["basis"]
    }


def _for_all_cycles(choice: d.DoseChoice) -> d.DoseChoice:
    return d.DoseChoice(**{each.name: getattr(choice, each.name) for each in fields(choice)} | {"cycles": ()})


def _rising(values: dict[str, Any], draw: st.DrawFn) -> None:
    steps = {step.at_least.value: step for step in values["steps"]}
    values["steps"] = tuple(steps[amount] for amount in sorted(steps))


def _washout(values: dict[str, Any], draw: st.DrawFn) -> None:
    if not values["half_lives"]:
        values |= {"times": None, "plus": None}
        values["washouts"] = values["washouts"] or {"ssri": draw(figure(DAYS))}
    else:
        values["times"] = draw(figure(NUMBER))


def _vitals(values: dict[str, Any], draw: st.DrawFn) -> None:
    if values["point"] is not d.VitalsPoint.AFTER_INITIAL:
        values |= {"after": None, "every": None, "count": None}
        return
    values["after"] = draw(figure(HOURS))
    again = draw(st.booleans())
    values |= {"every": draw(figure(HOURS)) if again else None, "count": draw(COUNT) if again else None}


def _score(values: dict[str, Any], draw: st.DrawFn) -> None:
    plain = values["change"] is d.Change.NONE
    values["baseline"] = "" if plain else draw(st.sampled_from(BY_KIND["assessment"]))


def _outcome(values: dict[str, Any], draw: st.DrawFn) -> None:
    if not values["findings"]:
        values["scores"] = values["scores"] or (draw(of(d.ScoreIs)),)


def _block(values: dict[str, Any], draw: st.DrawFn) -> None:
    completes = values["move"] is d.Move.COMPLETE_COURSE
    values["rule"] = "" if completes else draw(st.sampled_from(BY_KIND["session"]))


def _decision(values: dict[str, Any], draw: st.DrawFn) -> None:
    values["choices"] = tuple(d.DecisionChoice(code=code, words=draw(WORDS)) for code in CHOICES)
    values["default"] = draw(st.sampled_from(["", *CHOICES]))


def _items(name: str) -> Callable[[dict[str, Any], st.DrawFn], None]:
    def mend(values: dict[str, Any], draw: st.DrawFn) -> None:
        values[name] = tuple({item.code: item for item in values[name]}.values())

    return mend


def _credential(values: dict[str, Any], draw: st.DrawFn) -> None:
    if draw(st.booleans()):
        values |= {"credential": draw(st.sampled_from(d.CredentialKind)), "any_of": frozenset()}
    else:
        values |= {"credential": None, "any_of": values["any_of"] or frozenset({"acls"})}
    if values["held_by"] is d.HeldBy.LEAD_THERAPIST:
        values["roles"] = frozenset()


def _in_force(values: dict[str, Any], draw: st.DrawFn) -> None:
    bounds = (values["from_on"], values["until_on"])
    if None not in bounds:
        values["from_on"], values["until_on"] = sorted(bounds)


def _phase(values: dict[str, Any], draw: st.DrawFn) -> None:
    _windows_up_to(values)


MEND: dict[type[Any], Callable[[dict[str, Any], st.DrawFn], None]] = {
    d.ResultIs: lambda values, draw: _compared(values, "value", draw),
    d.ResultRule: lambda values, draw: _compared(values, "accept", draw),
    d.ScoreIs: _score,
    d.OutcomeRule: _outcome,
    d.Block: _block,
    d.PhaseRule: _phase,
    d.SessionRule: _session,
    d.DoseChoice: _dose_choice,
    d.DoseRule: _dose,
    d.ObservationRule: _rising,
    d.GroupRule: _rising,
    d.WashoutRule: _washout,
    d.VitalsRule: _vitals,
    d.DecisionRule: _decision,
    d.ReleaseRule: _items("items"),
    d.LadderRule: _items("steps"),
    d.CredentialRule: _credential,
    d.InForce: _in_force,
}

_ONLY: dict[tuple[str, str], Strategy] = {
    ("ArmIs", "arms"): some_of(ARMS),
    ("DecisionIs", "decision"): st.sampled_from(BY_KIND["decision"]),
    ("DecisionIs", "choices"): some_of(CHOICES),
    ("ScoreIs", "assessment"): st.sampled_from(BY_KIND["assessment"]),
    ("FindingIs", "assessment"): st.sampled_from(BY_KIND["assessment"]),
    ("ScoreIs", "compare"): st.sampled_from([d.Compare.AT_LEAST, d.Compare.AT_MOST]),
    ("ResultIs", "unit"): UNIT | st.just(""),
    ("ResultRule", "unit"): UNIT | st.just(""),
    ("ResultRule", "only_for"): CODE | st.just(""),
    ("Block", "rule"): st.sampled_from(BY_KIND["session"]),
    ("AssessmentRule", "instrument"): st.sampled_from(INSTRUMENTS),
    ("DoseRule", "unit"): UNIT,
    ("DoseRule", "substance"): TEXT,
    ("ObservationRule", "unit"): UNIT,
    ("ObservationRule", "since"): st.sampled_from(
        [d.AnchorEvent.SESSION_START, d.AnchorEvent.FIRST_DOSE, d.AnchorEvent.LAST_DOSE]
    ),
    ("GroupRule", "unit"): UNIT,
    ("DoseChoice", "cycles"): st.sampled_from([(), (1,)]),
    ("SupplementRule", "fraction"): st.none() | figure(st.sampled_from([Decimal("0.5"), Decimal(1)])),
    ("VitalsRule", "measures"): st.lists(st.sampled_from(tuple(MEASURE_UNITS)), min_size=1).map(tuple),
    ("VitalsRule", "limits"): st.dictionaries(st.sampled_from(tuple(MEASURE_UNITS)), figure(NUMBER)),
    ("VitalsRule", "floors"): st.dictionaries(st.sampled_from(tuple(MEASURE_UNITS)), figure(NUMBER)),
    ("ReminderRule", "purpose"): st.sampled_from(PURPOSES),
    ("ReminderRule", "rule"): st.sampled_from(BY_KIND["session"]),
    ("AnswerRule", "rule"): st.sampled_from(BY_KIND["assessment"]),
    ("LadderRule", "of"): st.sampled_from(BY_KIND["assessment"]),
    ("OutcomeRule", "estimand"): TEXT | st.just(""),
    ("Overlay", "jurisdiction"): TEXT,
    ("MedicineRule", "names"): st.lists(TEXT, max_size=2).map(tuple),
}
_RULE_ONLY: dict[str, Strategy] = {
    "stage": st.sampled_from(["once", "cycled"]),
    "weight": NUMBER,
    "per": st.just(""),
    "replaces": CODE | st.just(""),
    "makes_cycles": st.just(False),
}


@cache
def of(hint: Any) -> Strategy:
    """Any value of that type, as a document could say it."""
    if hint is d.AnchorRule:
        return st.sampled_from(d.AnchorEvent).flatmap(_anchor)
    if hint is d.WindowRule:
        return _window(instead=True)
    if hint is d.Offset:
        return DAYS | HOURS
    if hint is d.Source:
        return SOURCE
    if hint == d.Words:
        return WORDS
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return st.one_of([st.none() if each is NoneType else of(each) for each in inner])
    if origin is d.Figure:
        return figure(of(inner[0]))
    if origin is tuple:
        return st.lists(of(inner[0]), min_size=1, max_size=2).map(tuple)
    if origin is frozenset:
        return st.frozensets(of(inner[0]), min_size=1, max_size=3)
    if origin is Mapping:
        return st.dictionaries(of(inner[0]), of(inner[1]), max_size=2)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(hint)
    if is_dataclass(hint):
        return _made(hint, {})
    return {
        str: CODE,
        bool: st.booleans(),
        int: st.integers(1, 10),
        Decimal: NUMBER,
        date: st.dates(),
        time: TIME,
    }[hint]


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _made(cls: Any, fixed: Mapping[str, Any]) -> Strategy:
    """Kept where it can be: making a strategy costs more than drawing from it."""
    try:
        return _made_once(cls, tuple(fixed.items()))
    except TypeError:  # what is fixed has no hash
        return _made_once.__wrapped__(cls, tuple(fixed.items()))


@cache
def _made_once(cls: Any, given: tuple[tuple[str, Any], ...]) -> Strategy:
    fixed = dict(given)

    @st.composite
    def make(draw: st.DrawFn) -> Any:
        values: dict[str, Any] = {}
        for each in fields(cls):
            if each.name in fixed:
                values[each.name] = fixed[each.name]
                continue
            only = _ONLY.get((cls.__name__, each.name))
            if only is None and issubclass(cls, d.Rule):
                only = _RULE_ONLY.get(each.name)
            hint = _hints(cls)[each.name]
            if only is None:
                only = of(hint)
            # Left at its default as often as not: most documents leave most fields out.
            if not _is_missing(_default(each)) and draw(st.booleans()):
                values[each.name] = _default(each)
            else:
                values[each.name] = draw(only)
        if cls in MEND:
            MEND[cls](values, draw)
        return cls(**values)

    return make()


def _is_missing(value: Any) -> bool:
    return type(value).__name__ == "_MISSING_TYPE"


def _default(each: Any) -> Any:
    return each.default if _is_missing(each.default_factory) else each.default_factory()


def rules(code: str, *, among: tuple[Any, ...] = get_args(d.AnyRule)) -> Strategy:
    return st.sampled_from(among).flatmap(lambda cls: _made(cls, {"code": code}))


@st.composite
def definitions(draw: st.DrawFn) -> d.ProtocolDefinition:
    """Two session rules, two assessments, results, a decision to refer to; then anything."""
    dosing = draw(
        _made(d.SessionRule, {"code": "dosing", "makes_cycles": True, "stage": "cycled", "open_ended": True})
    )
    given: list[Any] = [dosing]
    for cls, codes in (
        (d.SessionRule, ("visit",)),
        (d.AssessmentRule, BY_KIND["assessment"]),
        (d.ResultRule, BY_KIND["result"]),
        (d.DecisionRule, BY_KIND["decision"]),
    ):
        given += [draw(_made(cls, {"code": code})) for code in codes]
    kinds = draw(st.lists(st.sampled_from(get_args(d.AnyRule)), max_size=3))
    for number, cls in enumerate(kinds):
        per = draw(st.sampled_from(["", "dosing"]))
        given.append(
            draw(_made(cls, {"code": f"more_{number}", "per": per, **({"stage": "cycled"} if per else {})}))
        )
    overlays = draw(
        st.lists(_made(d.Overlay, {"rules": (), "omits": frozenset()}), max_size=1)
        | _made(d.Overlay, {"omits": frozenset(), "rules": tuple(draw(_overlaid()))}).map(lambda each: [each])
    )
    return d.ProtocolDefinition(
        code=draw(CODE),
        title=draw(WORDS),
        version=draw(st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._-]{0,9}", fullmatch=True)),
        indication=draw(WORDS),
        investigational=draw(st.booleans()),
        jurisdiction=draw(TEXT),
        stages=(
            d.StageRule(code="once", kind=d.SessionKind.SCREENING, words=draw(WORDS)),
            d.StageRule(code="cycled", kind=d.SessionKind.DOSING, words=draw(WORDS), per_cycle=True),
        ),
        rules=tuple(given),
        reminders=_numbered(draw(st.lists(of(d.ReminderRule), max_size=2))),
        answers=tuple(draw(st.lists(of(d.AnswerRule), max_size=1))),
        instruments=INSTRUMENTS,
        terms=draw(st.dictionaries(CODE, WORDS, max_size=1)),
        citations={code: draw(TEXT) for code in CITATIONS},
        in_force=draw(of(d.InForce)),
        role_words=draw(st.dictionaries(st.sampled_from(d.Role), WORDS, max_size=2)),
        attributes=draw(st.dictionaries(CODE, WORDS, max_size=2)),
        credentials=draw(st.dictionaries(CODE, WORDS, max_size=2)),
        medicines=_numbered(draw(st.lists(of(d.MedicineRule), max_size=2))),
        arms=tuple(d.ArmRule(code=code, words=draw(WORDS)) for code in ARMS),
        fidelity=draw(st.none() | of(d.FidelityRule)),
        outcomes=_numbered(draw(st.lists(of(d.OutcomeRule), max_size=1))),
        overlays=tuple(overlays),
        reconsent=draw(st.frozensets(CODE, max_size=2)),
    )


def _overlaid() -> Strategy:
    among = (d.FormRule, d.ConsentRule, d.ChartRule, d.ContactRule)
    return rules("more_0", among=among).map(lambda rule: [rule])


def _numbered(entries: list[Any]) -> tuple[Any, ...]:
    return tuple(
        type(entry)(
            **{each.name: getattr(entry, each.name) for each in fields(entry)} | {"code": f"n{number}"}
        )
        for number, entry in enumerate(entries)
    )
