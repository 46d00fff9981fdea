"""Windows that cannot open, aims outside them, anchors that never happen or hang on each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from protocols.rules.definition import (
    AnchorEvent,
    AnchorRule,
    AnyRule,
    AskedRule,
    ContactRule,
    Figure,
    Offset,
    PhaseRule,
    SessionRule,
    Unit,
    VitalsRule,
    Which,
    WindowRule,
)
from protocols.rules.lint.findings import Finding, finding
from protocols.rules.lint.walking import Located, Walked
from protocols.rules.writing import offset_text

_DAY: Final = 1440
_ANCHOR_HOURS: Final = (0, _DAY - 1)  # the minutes of its day at which an anchor may lie, at the extremes


def minutes_of(offset: Offset) -> int:
    """A length in minutes, a day being 24 hours."""
    per = {Unit.MINUTES: 1, Unit.HOURS: 60, Unit.DAYS: _DAY, Unit.WEEKS: 7 * _DAY}
    at = 0 if offset.at is None else offset.at.hour * 60 + offset.at.minute
    return offset.amount * per[offset.unit] + at


def _instant(offset: Offset, anchor: int, *, last: bool) -> int:
    """Minutes from the beginning of the anchor's day; a whole day ends with its last minute."""
    if offset.unit in (Unit.MINUTES, Unit.HOURS):
        return anchor + minutes_of(offset)
    whole_day = last and offset.at is None
    return minutes_of(offset) + (_DAY - 1 if whole_day else 0)


def _after(left: tuple[Offset, bool], right: tuple[Offset, bool]) -> tuple[bool, bool]:
    """Whether left lies after right always, and ever. Each with whether a whole day counts to its end."""
    found = [
        _instant(left[0], anchor, last=left[1]) > _instant(right[0], anchor, last=right[1])
        for anchor in _ANCHOR_HOURS
    ]
    return all(found), any(found)


def opens_after_anchor(window: WindowRule) -> bool:
    """Whether the window cannot open before or at what it hangs on."""
    return (
        window.opens is not None
        and min(_instant(window.opens.value, anchor, last=False) - anchor for anchor in _ANCHOR_HOURS) > 0
    )


def findings(walked: Walked) -> Iterator[Finding]:
    for place in walked.located(WindowRule):
        yield from _bounds(place)
    yield from _anchors(walked)
    yield from _circles(walked)
    for path, rule in walked.all_rules():
        if not isinstance(rule, ContactRule | VitalsRule) or rule.every is None or rule.count is None:
            continue
        if rule.count.value > 1 and minutes_of(rule.every.value) <= 0:
            yield finding(
                "repeats-at-once",
                f"{path}.every",
                f"{rule.count.value} of them lie {offset_text(rule.every.value)} apart",
                "Write how far apart they are.",
            )


def _bounds(place: Located[WindowRule]) -> Iterator[Finding]:
    window, path = place.value, place.path
    bounds = {"opens": window.opens, "target": window.target, "due": window.due, "closes": window.closes}
    if not any(bounds.values()) and window.before is None and not window.instead:
        yield finding(
            "window-without-bounds",
            path,
            "the window never opens, closes or comes due",
            "Add `closes:`, `target:` or `before:`.",
        )
    if window.opens is not None and window.closes is not None:
        always, ever = _after((window.opens.value, False), (window.closes.value, True))
        if ever:
            yield finding(
                "window-never-opens" if always else "window-sometimes-shut",
                f"{path}.closes",
                f"it closes at {_said(window.closes)}, before it opens at {_said(window.opens)}"
                + ("" if always else ", when the anchor lies late in its day"),
                "Let it close later, or open earlier.",
            )
    if window.opens is not None and window.before == window.anchor and opens_after_anchor(window):
        yield finding(
            "window-never-opens",
            f"{path}.before",
            "it must happen before its own anchor, and opens only after it",
            "Leave `before` out, or open it before the anchor with a negative distance.",
        )
    for name, code in (("target", "target-outside-window"), ("due", "due-outside-window")):
        aim = bounds[name]
        if aim is None:
            continue
        early = window.opens is not None and _after((window.opens.value, False), (aim.value, True))[0]
        late = window.closes is not None and _after((aim.value, False), (window.closes.value, True))[0]
        if early or late:
            bound = window.opens if early else window.closes
            said = _said(bound) if bound is not None else ""
            yield finding(
                code,
                f"{path}.{name}",
                f"{name} {_said(aim)} lies "
                + (f"before the window opens ({said})" if early else f"after the window closes ({said})"),
                "Move it into the window.",
            )


def _said(figure: Figure[Offset]) -> str:
    return offset_text(figure.value)


def windows_of(rule: AnyRule) -> Iterator[WindowRule]:
    """A rule's windows in order, those of its phases too, without those that stand in under conditions."""
    if isinstance(rule, SessionRule):
        phases: tuple[SessionRule | PhaseRule, ...] = rule.phases or (rule,)
        for each in phases:
            yield from each.windows
    else:
        window: WindowRule | None = getattr(rule, "window", None)
        if window is not None:
            yield window


def _anchors(walked: Walked) -> Iterator[Finding]:
    """`previous` of the first of all, and neighbours seen from outside any cycle."""
    rules = {rule.code: rule for rule in walked.definition.rules}
    for at, rule in walked.all_rules():
        for place in walked.located(WindowRule, within=at):
            anchor = place.value.anchor
            if anchor.event is AnchorEvent.COURSE_END and not (
                isinstance(rule, AskedRule) and rule.after_end is not None
            ):
                yield finding(
                    "anchor-never-happens",
                    f"{place.path}.anchor",
                    "what is counted from the end of the course is not asked any more when it has ended",
                    "Say with `after_end` after which ends it is asked, or choose another anchor.",
                )
            if anchor.which not in (Which.PREVIOUS_CYCLE, Which.NEXT_CYCLE):
                continue
            own = isinstance(rule, SessionRule) and anchor.rule == rule.code
            first = place.path in (f"{at}.windows[0]", f"{at}.phases[0].windows[0]")
            meant = rules.get(anchor.rule)
            cycled = isinstance(meant, SessionRule) and (meant.makes_cycles or meant.per)
            if own and first and anchor.which is Which.PREVIOUS_CYCLE and not rule.per:
                what = "the first of these sessions has none before it"
            elif own and anchor.which is Which.NEXT_CYCLE:
                what = "a session cannot wait for the one after it"
            elif not own and cycled and not rule.per and rule is not walked.dosing:
                what = f"this rule is once per course, so no “{anchor.rule}” is the {anchor.which.value} one"
            else:
                continue
            yield finding(
                "anchor-never-happens",
                f"{place.path}.anchor",
                what,
                "Give the first window an anchor of its own, or use `which: first` or `last`.",
            )


Stop = tuple[str, bool]  # a rule's code, and whether its first session is meant


def _circles(walked: Walked) -> Iterator[Finding]:
    """Rules whose windows hang on each other. The first session of a rule and its others stand apart."""
    hangs: dict[Stop, set[Stop]] = {}
    paths: dict[str, str] = {}
    several: dict[str, bool] = {}
    for path, rule in walked.all_rules():
        paths[rule.code] = path
        several[rule.code] = isinstance(rule, SessionRule) and (rule.count.value > 1 or rule.open_ended)
    for _path, rule in walked.all_rules():
        windows = list(windows_of(rule))
        for index, window in enumerate(windows):
            stops = [(rule.code, index == 0)] if several[rule.code] else [(rule.code, True)]
            if len(windows) == 1 and several[rule.code]:
                stops.append((rule.code, False))
            for anchor in (window.anchor, *(other.window.anchor for other in window.instead)):
                target = _meant(anchor, several)
                if target is None:
                    continue
                for stop in stops:
                    same = anchor.which is Which.SAME_CYCLE and several.get(anchor.rule, False)
                    meant = (target[0], stop[1]) if same and rule.per == "" else target
                    hangs.setdefault(stop, set()).add(meant)
    told: set[frozenset[str]] = set()
    for start in hangs:
        circle = _circle_from(start, hangs)
        names = frozenset(circle)
        if circle and names not in told:
            told.add(names)
            yield finding(
                "anchor-cycle",
                paths[circle[0]],
                "these hang on each other: " + " → ".join([*circle, circle[0]]),
                "Let one of them hang on something outside the circle.",
            )


def _meant(anchor: AnchorRule, several: dict[str, bool]) -> Stop | None:
    if not anchor.rule or anchor.which in (Which.PREVIOUS_CYCLE, Which.NEXT_CYCLE):
        return None
    if anchor.event in (AnchorEvent.ANSWERED, AnchorEvent.RECORDED, AnchorEvent.DECIDED):
        return anchor.rule, True
    return anchor.rule, anchor.which is not Which.LAST or not several.get(anchor.rule, False)


def _circle_from(start: Stop, hangs: dict[Stop, set[Stop]]) -> list[str]:
    """The codes on a way from `start` back to it; empty: there is none."""
    came: dict[Stop, Stop] = {}
    waiting = sorted(hangs[start])
    came.update(dict.fromkeys(waiting, start))
    while waiting:
        stop = waiting.pop()
        if stop == start:
            way = [start[0]]
            at = came[start]
            while at != start:
                way.append(at[0])
                at = came[at]
            return list(dict.fromkeys([way[0], *reversed(way[1:])]))
        for following in sorted(hangs.get(stop, ())):
            if following not in came:
                came[following] = stop
                waiting.append(following)
    return []
