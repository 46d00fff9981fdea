"""Two versions of a protocol, compared in words: what was added, removed, renamed, and which figure, window,
source, block or word changed.

Generic over the dataclasses of a definition, so that a new kind of rule compares without a line here; nothing
that differs is ever left out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from decimal import Decimal
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from protocols.rules.definition import (
    AnswerRule,
    Block,
    Figure,
    ProtocolDefinition,
    SessionRule,
    WindowRule,
    Words,
)
from protocols.rules.renaming import renamed
from protocols.rules.shapes.words import MEASURE_UNITS
from protocols.rules.telling import N_, Teller, english


class Kind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference. `section` is a field of the definition (rules, stages …), `code` what it is of there;
    `what` and `label` are its words, `before` and `after` the values in words."""

    kind: Kind
    section: str
    code: str
    what: str
    label: str = ""
    before: str = ""
    after: str = ""
    sentence: str


LABELS: Mapping[str, str] = {
    "accept": N_("acceptable"),
    "act_within": N_("act within"),
    "at": N_("sent at"),
    "anchor": N_("counted from"),
    "any_of": N_("one of"),
    "answer_by": N_("answer by"),
    "before": N_("before"),
    "after_end": N_("asked after the end of the course"),
    "blocks": N_("blocks"),
    "checklist": N_("checklist"),
    "choices": N_("choice"),
    "citations": N_("source"),
    "closes": N_("window closes"),
    "count": N_("how many"),
    "due": N_("due by"),
    "every": N_("every"),
    "fidelity": N_("said of fidelity raters"),
    "held_by": N_("held by"),
    "hidden": N_("not shown to the rater"),
    "initial": N_("initial dose"),
    "items": N_("point"),
    "limits": N_("limit"),
    "max_per_course": N_("at most per course"),
    "max_per_session": N_("at most per session"),
    "minutes": N_("length"),
    "names": N_("different people"),
    "opens": N_("window opens"),
    "override": N_("may be overridden by"),
    "per": N_("once per cycle of"),
    "replaces": N_("replaces"),
    "roles": N_("of the roles"),
    "safety": N_("safety"),
    "staff": N_("staff present throughout"),
    "staff_roles": N_("roles of the staff present"),
    "supplement": N_("supplemental dose"),
    "target": N_("best at"),
    "terms": N_("word for"),
    "title": N_("title"),
    "useful_for": N_("useful for"),
    "valid_for": N_("valid for"),
    "washouts": N_("washout"),
    "weight": N_("weight"),
    "when": N_("only when"),
    "who": N_("done by"),
    "window": N_("window"),
    "windows": N_("windows"),
    "within": N_("counts for"),
    "words": N_("called"),
}
_NO_UNIT = frozenset({"fraction", "when", "times", "weight"})


def compare(
    before: ProtocolDefinition,
    after: ProtocolDefinition,
    *,
    say: Callable[[Words], str] = english,
    tr: Callable[[str], str] = str,
) -> tuple[Difference, ...]:
    """Every difference, in the order of the document; none for two definitions that say the same."""
    if before == after:
        return ()
    names = {rule.code: rule.words for rule in (*before.rules, *after.rules)}
    return tuple(_Comparison(Teller(names=names, say=say, tr=tr)).run(before, after))


@dataclass(slots=True)
class _Spot:
    """Where the comparison stands: of what, in words, and in which unit its amounts are."""

    section: str
    code: str
    what: str
    label: tuple[str, ...] = ()
    unit: str = ""

    def into(self, *label: str, unit: str | None = None) -> _Spot:
        return replace(self, label=(*self.label, *label), unit=self.unit if unit is None else unit)


class _Comparison:
    def __init__(self, teller: Teller) -> None:
        self.teller = teller
        self.tr = teller.tr

    def run(self, before: ProtocolDefinition, after: ProtocolDefinition) -> Iterator[Difference]:
        found: list[Difference] = []
        after, was = self._under_old_names(before, after)
        for new, old in was.items():
            rule = after.rule(old)
            spot = _Spot(section="rules", code=new, what=self.teller.say(rule.words))
            found.append(self._line(spot, Kind.RENAMED, self.tr(N_("code")), old, new))
        for each in fields(ProtocolDefinition):
            one, two = getattr(before, each.name), getattr(after, each.name)
            if one == two:
                continue
            spot = _Spot(section=each.name, code="", what=self.tr(N_("Protocol")))
            if isinstance(one, tuple) and _parts(one, two):
                found += self._lists(_Spot(section=each.name, code="", what=""), one, two)
            else:
                found += self._values(spot.into(self._label(each.name)), one, two)
        yield from found
        if not found:
            spot = _Spot(section="", code="", what=self.tr(N_("Protocol")))
            yield self._line(spot, Kind.CHANGED, self.tr(N_("wording of the document")), "", "")

    def _under_old_names(
        self, before: ProtocolDefinition, after: ProtocolDefinition
    ) -> tuple[ProtocolDefinition, dict[str, str]]:
        """`after` with its renamed rules under their old codes, and new code → old code."""
        old = {rule.code: rule for rule in before.rules}
        kept = {rule.code for rule in after.rules}
        was = {
            rule.code: rule.replaces
            for rule in after.rules
            if rule.replaces in old and rule.code not in old and rule.replaces not in kept
        }
        if len(set(was.values())) != len(was):
            return after, {}
        after = renamed(after, was)
        rules = tuple(
            replace(rule, replaces=old[rule.code].replaces) if rule.code in was.values() else rule
            for rule in after.rules
        )
        return replace(after, rules=rules) if was else after, was

    # --- values ---------------------------------------------------------------------------------------------

    def _values(self, spot: _Spot, before: Any, after: Any) -> Iterator[Difference]:
        if before == after:
            return
        if before is None or after is None or type(before) is not type(after):
            both_maps = isinstance(before, Mapping) and isinstance(after, Mapping)
            if not both_maps:
                yield self._changed(spot, before, after)
                return
        if isinstance(before, WindowRule):
            yield from self._windows(spot, before, after)
        elif isinstance(before, Figure):
            if before.value != after.value:
                yield from self._values(spot, before.value, after.value)
            if before.source != after.source:
                yield self._changed(spot.into(self.tr(N_("source"))), before.source, after.source)
        elif isinstance(before, Mapping):
            yield from self._maps(spot, before, after)
        elif isinstance(before, tuple) and _parts(before, after):
            yield from self._lists(spot, before, after)
        elif is_dataclass(before) and (not _is_short(before) or self._alike(spot, before, after)):
            yield from self._fields(spot, before, after)
        else:
            yield self._changed(spot, before, after)

    def _fields(self, spot: _Spot, before: Any, after: Any) -> Iterator[Difference]:
        for each in fields(before):
            one, two = getattr(before, each.name), getattr(after, each.name)
            if one != two:
                unit = "" if each.name in _NO_UNIT else "min" if each.name == "minutes" else None
                yield from self._values(spot.into(self._label(each.name), unit=unit), one, two)

    def _maps(self, spot: _Spot, before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterator[Difference]:
        if _is_words(before) and _is_words(after) and self._say(spot, before) != self._say(spot, after):
            yield self._changed(spot, before, after)
            return
        for name in [*before, *(name for name in after if name not in before)]:
            words = self.teller.value(name)
            inner = spot.into(words, unit=MEASURE_UNITS.get(words, spot.unit))
            if name not in after:
                yield self._line(inner, Kind.REMOVED, "", self._say(inner, before[name]), "")
            elif name not in before:
                yield self._line(inner, Kind.ADDED, "", "", self._say(inner, after[name]))
            else:
                yield from self._values(inner, before[name], after[name])

    def _windows(self, spot: _Spot, before: WindowRule, after: WindowRule) -> Iterator[Difference]:
        """The bounds in one line, as people say them; then whatever else differs."""
        one, two = self.teller.bounds(before), self.teller.bounds(after)
        if one != two:
            inner = spot if spot.label else spot.into(self.tr(LABELS["window"]))
            yield self._line(inner, Kind.CHANGED, "", one, two)
        for each in fields(WindowRule):
            old, new = getattr(before, each.name), getattr(after, each.name)
            if old == new:
                continue
            if each.name in ("opens", "closes") and one != two:
                if old is not None and new is not None and old.source != new.source:
                    source = spot.into(self._label(each.name), self.tr(N_("source")))
                    yield self._changed(source, old.source, new.source)
                elif self.teller.value(old) == self.teller.value(new):
                    yield from self._values(spot.into(self._label(each.name)), old, new)
                continue
            yield from self._values(spot.into(self._label(each.name)), old, new)

    # --- lists ----------------------------------------------------------------------------------------------

    def _lists(self, spot: _Spot, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Difference]:
        """Parts matched by what they are, not by where they stand."""
        old, new = _by_identity(before), _by_identity(after)
        if old is None or new is None:
            old, new = dict(enumerate(before, start=1)), dict(enumerate(after, start=1))
        for name, part in new.items():
            inner = self._part(spot, name, part)
            if name not in old:
                yield self._line(inner, Kind.ADDED, "", "", self._summary(inner, part))
            elif type(old[name]) is not type(part):
                yield self._line(inner, Kind.REMOVED, "", self._summary(inner, old[name]), "")
                yield self._line(inner, Kind.ADDED, "", "", self._summary(inner, part))
            elif isinstance(part, SessionRule):
                yield from self._sessions(inner, old[name], part)
            else:
                yield from (
                    self._values(inner, old[name], part)
                    if _is_short(part)
                    else self._fields(inner, old[name], part)
                )
        for name, part in old.items():
            if name not in new:
                inner = self._part(spot, name, part)
                yield self._line(inner, Kind.REMOVED, "", self._summary(inner, part), "")
        moved = _moved([name for name in old if name in new], [name for name in new if name in old])
        if moved:
            whole = spot if spot.what else replace(spot, what=self._label(spot.section))
            words = ", ".join(self._part(whole, name, new[name]).label[-1] for name in moved)
            yield self._line(whole.into(self.tr(N_("now in another place:"))), Kind.CHANGED, "", "", words)

    def _part(self, spot: _Spot, name: Hashable, part: Any) -> _Spot:
        words = getattr(part, "words", None)
        if isinstance(part, Block):
            words = None
            name = self.teller.block(part)
        said = self.teller.say(words) if words is not None else self.teller.name(str(name))
        if spot.what:
            return spot.into(said)
        unit = getattr(part, "unit", "")
        code = str(getattr(part, "code", name))
        what = said if words is not None else f"{self._label(spot.section)} {said}"
        return replace(spot, code=code, what=what, unit=unit if isinstance(unit, str) else "")

    def _sessions(self, spot: _Spot, before: SessionRule, after: SessionRule) -> Iterator[Difference]:
        """Windows session by session: one window for all and one for each are compared as what they mean."""
        yield from self._fields(spot, before, replace(after, windows=before.windows))
        if before.windows == after.windows:
            return
        found: list[Difference] = []
        several = max(len(before.windows), len(after.windows))
        for number in range(1, several + 1):
            one, two = _nth(before.windows, number), _nth(after.windows, number)
            what = f"{spot.what} {number}" if several > 1 else spot.what
            if after.per:
                what = self.tr(N_("%s of each cycle")) % what
            found += self._values(replace(spot, what=what), one, two)
        yield from found
        if not found:
            counts = [str(len(rule.windows)) for rule in (before, after)]
            yield self._line(spot.into(self._label("windows")), Kind.CHANGED, "", *counts)

    # --- words ----------------------------------------------------------------------------------------------

    def _label(self, name: str) -> str:
        return self.tr(LABELS.get(name) or name.replace("_", " "))

    def _say(self, spot: _Spot, value: Any) -> str:
        shown = value.value if isinstance(value, Figure) else value
        unit = spot.unit if isinstance(shown, Decimal) or spot.unit == "min" else ""
        return self.teller.value(value, unit)

    def _alike(self, spot: _Spot, before: Any, after: Any) -> bool:
        """Whether short words would not tell the two apart."""
        return self._say(spot, before) == self._say(spot, after)

    def _summary(self, spot: _Spot, part: Any) -> str:
        return "" if getattr(part, "words", None) is not None else self._say(spot, part)

    def _changed(self, spot: _Spot, before: Any, after: Any) -> Difference:
        one, two = self._say(spot, before), self._say(spot, after)
        if one == two:  # they differ in something these words do not say
            one, two = repr(before), repr(after)
        return self._line(spot, Kind.CHANGED, "", one, two)

    def _line(self, spot: _Spot, kind: Kind, label: str, before: str, after: str) -> Difference:
        label = " ".join(part for part in (*spot.label, label) if part)
        subject = f"{spot.what}: {label}" if label else spot.what
        match kind:
            case Kind.ADDED:
                words = self.tr(N_("%s added")) % subject
                sentence = f"{words}: {after}" if after else words
            case Kind.REMOVED:
                words = self.tr(N_("%s removed")) % subject
                sentence = f"{words}: {before}" if before else words
            case _:
                values = f"{before} → {after}" if before else after
                sentence = f"{subject} {values}".strip()
        return Difference(
            kind=kind,
            section=spot.section,
            code=spot.code,
            what=spot.what,
            label=label,
            before=before,
            after=after,
            sentence=sentence,
        )


def _parts(*values: tuple[Any, ...]) -> bool:
    """Whether these are lists of things with fields, not of plain words or numbers."""
    return all(is_dataclass(item) for value in values for item in value)


def _is_short(value: Any) -> bool:
    """Whether a value is said in one go rather than field by field."""
    return len(fields(value)) <= 3


def _is_words(value: Mapping[Any, Any]) -> bool:
    return "en" in value and all(isinstance(item, str) for item in value.values())


def _identity(part: Any) -> Hashable:
    match part:
        case Block():
            return part.move, part.rule, part.which
        case AnswerRule():
            return part.rule
        case Figure() | WindowRule():
            return None
    for name in ("code", "jurisdiction", "assessment"):
        found: str | None = getattr(part, name, None)
        if found:
            return found
    return None


def _by_identity(parts: Sequence[Any]) -> dict[Hashable, Any] | None:
    """The parts by what they are, or None when two are the same or one has no name of its own."""
    found = {_identity(part): part for part in parts}
    return None if None in found or len(found) != len(parts) else found


def _moved(before: list[Hashable], after: list[Hashable]) -> list[Hashable]:
    """The fewest that, taken out, leave the rest in one order."""
    kept = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    standing = {name for block in kept for name in before[block.a : block.a + block.size]}
    return [name for name in after if name not in standing]


def _nth(windows: tuple[WindowRule, ...], number: int) -> WindowRule | None:
    return windows[min(number, len(windows)) - 1] if windows else None
