"""Two versions in words: the sentences a person reads, and that nothing which differs is left out."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, time
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.rules import definition as language
from protocols.rules.comparing import Kind, compare
from protocols.rules.definition import (
    ContactRule,
    DoseRule,
    FidelityRule,
    Figure,
    Hidden,
    Offset,
    ProtocolDefinition,
    Role,
    Rule,
    SessionRule,
    Source,
    SourceStatus,
    Unit,
    VitalsRule,
)
from protocols.rules.renaming import renamed
from tests.support.definitions import mdma
from tests.support.laws import examples


def changed(code: str, **columns: Any) -> ProtocolDefinition:
    """The MDMA protocol with one rule written otherwise."""
    rules = tuple(replace(rule, **columns) if rule.code == code else rule for rule in mdma().rules)
    return replace(mdma(), rules=rules)


def sentences(before: ProtocolDefinition, after: ProtocolDefinition) -> list[str]:
    return [one.sentence for one in compare(before, after)]


def figure(like: Figure[Any] | None, value: Any) -> Figure[Any]:
    assert like is not None
    return Figure(value=value, source=like.source)


def days(count: int) -> Offset:
    return Offset(amount=count, unit=Unit.DAYS)


def rule(code: str, kind: type[Any]) -> Any:
    found = mdma().rule(code)
    assert isinstance(found, kind)
    return found


def test_a_window_is_compared_as_people_say_it() -> None:
    sessions = rule("integration", SessionRule)
    second = sessions.windows[1]

    def version(opens: int, closes: int) -> ProtocolDefinition:
        window = replace(
            second, opens=figure(second.opens, days(opens)), closes=figure(second.closes, days(closes))
        )
        return changed("integration", windows=(sessions.windows[0], window, sessions.windows[2]))

    assert sentences(version(7, 10), version(5, 9)) == [
        "Integration session 2 of each cycle: window 7-10 days → 5-9 days"
    ]


def test_a_figure_is_compared_with_its_unit_and_its_source_apart() -> None:
    dose = rule("dose", DoseRule)
    ceiling = dose.max_per_course
    assert sentences(mdma(), changed("dose", max_per_course=figure(ceiling, Decimal(500)))) == [
        "MDMA dose: at most per course 480 mg → 500 mg"
    ]
    own = Source(status=SourceStatus.CLINIC_CHOICE, note="agreed on 3 March")
    (line,) = sentences(mdma(), changed("dose", max_per_course=Figure(value=ceiling.value, source=own)))
    assert line.startswith("MDMA dose: at most per course source unverified")
    assert line.endswith("→ the clinic's choice (agreed on 3 March)")


def test_staff_doses_limits_words_and_blocks_each_have_their_line() -> None:
    vitals = rule("vitals.before_initial", VitalsRule)
    limits = {**vitals.limits, "systolic": figure(vitals.limits["systolic"], Decimal(150))}
    dosing = rule("dosing", SessionRule)
    consent = mdma().rule("consent.treatment")
    block = replace(consent.blocks[0], override=frozenset({Role.SUPERVISOR, Role.PRESCRIBER}))
    table: list[tuple[ProtocolDefinition, str]] = [
        (
            changed("dosing", staff=figure(dosing.staff, 3)),
            "Dosing session: staff present throughout 2 → 3",
        ),
        (changed("dose", supplement=None), "MDMA dose: supplemental dose fraction 0.5"),
        (changed("vitals.before_initial", limits=limits), "limit systolic 160 mmHg → 150 mmHg"),
        (changed("dosing", words={"en": "Medicine day"}), "called “Dosing session” → “Medicine day”"),
        (
            changed("consent.treatment", blocks=(block, *consent.blocks[1:])),
            "may be overridden by nobody → prescriber, supervisor",
        ),
        (changed("consent.treatment", blocks=consent.blocks[1:]), "removed"),
        (replace(mdma(), version="2.0"), "Protocol: version 1.0 → 2.0"),
    ]
    for after, words in table:
        (line,) = sentences(mdma(), after)
        assert words in line


def test_what_is_added_or_removed_is_named_by_its_words() -> None:
    fewer = replace(mdma(), rules=tuple(one for one in mdma().rules if one.code != "check_in"))
    words = mdma().rule("check_in").words["en"]
    assert f"{words} removed" in sentences(mdma(), fewer)
    assert f"{words} added" in sentences(fewer, mdma())


def test_a_renamed_rule_is_one_line_and_not_a_removal_with_all_that_hangs_on_it() -> None:
    after = renamed(mdma(), {"dosing": "medicine_day"})
    after = replace(
        after,
        rules=tuple(
            replace(one, replaces="dosing") if one.code == "medicine_day" else one for one in after.rules
        ),
    )
    (line,) = compare(mdma(), after)
    assert (line.kind, line.sentence) == (Kind.RENAMED, "Dosing session: code dosing → medicine_day")


def test_a_rule_that_moved_in_the_document_says_so_and_the_others_do_not() -> None:
    rules = mdma().rules
    first, *rest = rules
    (line,) = sentences(mdma(), replace(mdma(), rules=(*rest, first)))
    assert line == "rules: now in another place: Preparation session"


def test_one_window_for_all_and_the_same_for_each_differ_in_writing_only() -> None:
    contact = rule("contact.daily", ContactRule)
    sessions = rule("integration", SessionRule)
    one = changed("integration", windows=(sessions.windows[0],))
    three = changed("integration", windows=(sessions.windows[0],) * 3)
    assert contact.window == contact.window
    assert sentences(one, three) == ["Integration session: windows 1 → 3"]


# --- the law: every difference has a line -------------------------------------------------------------------

WORDS = st.fixed_dictionaries({"en": st.text("abc", min_size=1, max_size=4)})
CODE = st.text("abc", min_size=1, max_size=3)


@cache
def made(hint: Any, name: str = "") -> st.SearchStrategy[Any]:
    """Values of a field of the language, read off its annotation: a new class is made without a line."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint == language.Words:
        return st.dictionaries(CODE, CODE, max_size=2) if name == "citations" else WORDS
    if origin in (typing.Union, types.UnionType):
        return st.one_of([made(each, name) for each in arguments])
    if origin is tuple:
        return st.lists(st.deferred(lambda: made(arguments[0])), max_size=2).map(tuple)
    if origin is frozenset:
        return st.frozensets(made(arguments[0]), max_size=2)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(made(arguments[0]), made(arguments[1]), max_size=2)
    if origin is Figure:
        return st.builds(Figure, value=made(arguments[0]), source=made(Source))
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: CODE,
        int: st.integers(0, 9),
        bool: st.booleans(),
        Decimal: st.integers(0, 9).map(Decimal),
        time: st.sampled_from([time(9), time(10)]),
        date: st.sampled_from([date(2027, 1, 1), date(2027, 2, 1)]),
        type(None): st.none(),
    }
    if hint in simple:
        return simple[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    assert is_dataclass(hint), hint
    hints = typing.get_type_hints(hint)
    return st.builds(
        cast(Any, hint),
        **{each.name: made_field(hint, each, hints[each.name]) for each in fields(cast(Any, hint))},
    )


def made_field(owner: Any, each: dataclasses.Field[Any], hint: Any) -> st.SearchStrategy[Any]:
    if each.name == "instead":  # a window in a window in a window: once is enough
        return st.just(())
    if owner is ProtocolDefinition and each.name == "rules":
        return st.just(mdma().rules[:2])
    return made(hint, each.name)


RULES = [each for each in vars(language).values() if isinstance(each, type) and issubclass(each, Rule)]
RULES.remove(Rule)
RULES.remove(language.AskedRule)


def places(value: Any, path: tuple[tuple[str, Any], ...] = ()) -> Iterator[tuple[tuple[str, Any], ...]]:
    """Every field of a value and of the parts in its lists, as a path."""
    for each in fields(value):
        part = getattr(value, each.name)
        yield (*path, (each.name, None))
        if is_dataclass(part):
            yield from places(part, (*path, (each.name, None)))
        elif isinstance(part, tuple):
            for index, item in enumerate(part):
                if is_dataclass(item):
                    yield from places(item, (*path, (each.name, index)))


def put(value: Any, path: tuple[tuple[str, Any], ...], new: Any) -> Any:
    (name, index), *rest = path
    part = getattr(value, name)
    if not rest:
        return replace(value, **{name: new})
    if index is None:
        return replace(value, **{name: put(part, tuple(rest), new)})
    items = [put(item, tuple(rest), new) if at == index else item for at, item in enumerate(part)]
    return replace(value, **{name: tuple(items)})


def hint_at(value: Any, path: tuple[tuple[str, Any], ...]) -> tuple[Any, str, Any]:
    for name, index in path[:-1]:
        part = getattr(value, name)
        value = part if index is None else part[index]
    if isinstance(value, Figure) and path[-1][0] == "value":
        kind = type(value.value)
        return Figure, "value", frozenset[language.CourseEnd] if kind is frozenset else kind
    return type(value), path[-1][0], typing.get_type_hints(type(value))[path[-1][0]]


relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=examples(12))


@pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.__name__)
@relaxed
@given(data=st.data())
def test_any_single_field_of_any_rule_has_a_line_when_it_changes(kind: Any, data: st.DataObject) -> None:
    before_rule = data.draw(made(kind))
    path = data.draw(st.sampled_from(list(places(before_rule))))
    _owner, name, hint = hint_at(before_rule, path)
    after_rule = put(before_rule, path, data.draw(made(hint, name)))
    before, after = (replace(mdma(), rules=(*mdma().rules[:3], one)) for one in (before_rule, after_rule))
    found = compare(before, after)
    if before == after:
        assert found == ()
    else:
        assert found, f"{path} changed and no line says so"
        assert all(one.section and one.sentence for one in found)


@relaxed
@given(data=st.data())
def test_any_field_of_the_protocol_itself_has_a_line_when_it_changes(data: st.DataObject) -> None:
    names = [each.name for each in fields(ProtocolDefinition) if each.name != "rules"]
    name = data.draw(st.sampled_from(names))
    hint = typing.get_type_hints(ProtocolDefinition)[name]
    after = replace(mdma(), **{name: data.draw(made(hint, name))})
    found = compare(mdma(), after)
    assert bool(found) is (after != mdma())
    assert all(one.section for one in found)


def test_a_version_compared_with_itself_says_nothing() -> None:
    assert compare(mdma(), mdma()) == ()
    assert compare(mdma(), replace(mdma())) == ()


def test_that_fidelity_raters_are_shown_what_they_were_not_is_said() -> None:
    said = FidelityRule(
        hidden=frozenset({Hidden.ARM, Hidden.VISIT_DATE}),
        source=Source(status=SourceStatus.CLINIC_CHOICE, note="agreed"),
    )
    blind = replace(mdma(), fidelity=said)
    told = "Protocol: said of fidelity raters not shown the arm; which visit it is, and when →"
    assert f"{told} shown everything" in sentences(blind, mdma())[0]
    assert sentences(blind, replace(blind, fidelity=None)) == [f"{told} none"]
    less = replace(mdma(), fidelity=replace(said, hidden=frozenset({Hidden.ARM})))
    assert sentences(blind, less) == [f"{told} not shown the arm"]
