"""The dosing session: checks after its end, gates nobody can pass, staff and limits that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from protocols.rules.definition import (
    AnchorEvent,
    AnswerRule,
    AnyRule,
    AssessmentRule,
    Block,
    CredentialRule,
    DoseRule,
    Figure,
    GroupRule,
    LadderStep,
    Move,
    ObservationRule,
    Offset,
    ReleaseRule,
    ReminderRule,
    ResultRule,
    ReturningWithin,
    Role,
    SessionRule,
    VitalsPoint,
    VitalsRule,
    WashoutRule,
    Which,
)
from protocols.rules.lint.findings import Finding, finding
from protocols.rules.lint.walking import Walked
from protocols.rules.lint.windows import minutes_of, opens_after_anchor, windows_of
from protocols.rules.writing import offset_text

_IN_A_SESSION = (DoseRule, VitalsRule, ReleaseRule, ObservationRule, GroupRule)


def findings(walked: Walked) -> Iterator[Finding]:
    yield from _lengths(walked)
    yield from _after_release(walked)
    yield from _people(walked)
    for path, rule in walked.all_rules():
        yield from _gates(walked, path, rule)
        if isinstance(rule, _IN_A_SESSION) and not rule.per:
            yield finding(
                "per-cycle-missing",
                path,
                f"“{rule.code}” belongs to no dosing session",
                "Add `per: <the session rule that makes cycles>`.",
            )
        if isinstance(rule, VitalsRule):
            yield from _limits(path, rule)


def _latest_end(walked: Walked) -> int | None:
    """Minutes from its start at which a dosing session is over at the latest, as planned."""
    if walked.dosing is None:
        return None
    stays = [step.minutes.value for place in walked.rules(ObservationRule) for step in place.value.steps]
    return max([walked.dosing.minutes.value, *stays])


def _after_release(walked: Walked) -> Iterator[Finding]:
    end = _latest_end(walked)
    doses = [place.value for place in walked.rules(DoseRule)]
    supplement = any(dose.supplement is not None for dose in doses)
    for place in walked.rules(VitalsRule):
        rule = place.value
        if rule.point is VitalsPoint.BEFORE_SUPPLEMENT and doses and not supplement:
            yield finding(
                "check-of-nothing",
                f"{place.path}.point",
                "the protocol gives no supplemental dose",
                "Leave the rule out, or add `supplement:` to the dose.",
            )
        if rule.after is None or end is None:
            continue
        repeats = rule.count.value - 1 if rule.count is not None and rule.every is not None else 0
        last = minutes_of(rule.after.value) + (
            minutes_of(rule.every.value) * repeats if rule.every is not None else 0
        )
        if last > end:
            yield finding(
                "check-after-release",
                f"{place.path}.after",
                f"the last of them is due {last} minutes after the dose, the session lasts {end}",
                "Check sooner or let the session last longer.",
            )
    for dose_place in walked.rules(DoseRule):
        given = dose_place.value.supplement
        opens = given.opens.value if given is not None and given.opens is not None else None
        if opens is not None and end is not None and minutes_of(opens) >= end:
            yield finding(
                "supplement-after-end",
                f"{dose_place.path}.supplement.opens",
                f"it may be given from {offset_text(opens)} on, the session lasts {end} minutes",
                "Open it sooner or let the session last longer.",
            )


def _gates(walked: Walked, path: str, rule: AnyRule) -> Iterator[Finding]:
    sessions = {place.value.code: place.value for place in walked.rules(SessionRule)}
    for number, block in enumerate(rule.blocks):
        at = f"{path}.blocks[{number}]"
        target = sessions.get(block.rule)
        if target is not None and _comes_after(rule, block, target):
            yield finding(
                "gate-after-its-session",
                at,
                f"“{rule.code}” can only be met once it has happened",
                "Block a later session with `which: next`, or another move.",
            )
        if target is None:
            continue
        lone = target.count.value == 1 and not target.open_ended and not target.per
        if lone and block.which in (Which.NEXT_CYCLE, Which.PREVIOUS_CYCLE):
            yield finding(
                "block-never-applies",
                f"{at}.which",
                f"there is only one “{target.code}”",
                "Leave `which` out.",
            )


def _comes_after(rule: AnyRule, block: Block, target: SessionRule) -> bool:
    """Whether the rule is met, at the earliest, by or after what it blocks."""
    here = block.which is Which.SAME_CYCLE and rule.per == target.code
    if here and isinstance(rule, VitalsRule):
        too_late = {
            VitalsPoint.BEFORE_INITIAL: frozenset[Move](),
            VitalsPoint.BEFORE_SUPPLEMENT: frozenset({Move.START_SESSION}),
            VitalsPoint.AFTER_INITIAL: frozenset({Move.START_SESSION}),
            VitalsPoint.END: frozenset({Move.START_SESSION, Move.GIVE_DOSE}),
        }
        return block.move in too_late[rule.point]
    if here and isinstance(rule, ReleaseRule | ObservationRule):
        return block.move in (Move.START_SESSION, Move.GIVE_DOSE)
    if isinstance(rule, SessionRule) and rule.code == target.code and block.which is Which.SAME_CYCLE:
        return block.move is not Move.START_SESSION  # its own start: who may begin it outside its window
    for window in windows_of(rule):
        anchor = window.anchor
        if anchor.rule != block.rule or anchor.which is not block.which:
            continue
        passed = {
            AnchorEvent.SESSION_START: frozenset({Move.START_SESSION}),
            AnchorEvent.FIRST_DOSE: frozenset({Move.START_SESSION}),
            AnchorEvent.LAST_DOSE: frozenset({Move.START_SESSION}),
            AnchorEvent.SESSION_END: frozenset({Move.START_SESSION, Move.GIVE_DOSE, Move.END_SESSION}),
        }.get(anchor.event, frozenset())
        if block.move in passed and opens_after_anchor(window):
            return True
    return False


def _people(walked: Walked) -> Iterator[Finding]:
    for path, rule in walked.all_rules():
        if isinstance(rule, AssessmentRule) and rule.hidden and rule.who is not Role.INDEPENDENT_RATER:
            yield finding(
                "gate-nobody-can-meet",
                f"{path}.who",
                f"things are hidden from the rater: a rating by the care team ({rule.who.value}) does not "
                "count",
                "Write `who: independent_rater`, or leave `hidden` out.",
            )
        for number, block in enumerate(rule.blocks):
            if Role.PATIENT in block.override | block.document:
                yield finding(
                    "patient-among-staff",
                    f"{path}.blocks[{number}]",
                    "the patient may lift what protects the patient",
                    "Name roles of the clinic, or `nobody`.",
                )
        if isinstance(rule, SessionRule) and Role.PATIENT in rule.staff_roles:
            yield finding(
                "patient-among-staff",
                f"{path}.staff_roles",
                "the patient counts as staff",
                "Name roles of the clinic.",
            )
        if isinstance(rule, CredentialRule):
            yield from _held(walked, path, rule)
        present = walked.dosing.staff if walked.dosing is not None else None
        if isinstance(rule, ReleaseRule) and present is not None and rule.names.value > present.value:
            yield finding(
                "more-names-than-staff",
                f"{path}.names",
                f"{rule.names.value} people must sign, {present.value} are present",
                "Ask for fewer names or more staff.",
            )


def _held(walked: Walked, path: str, rule: CredentialRule) -> Iterator[Finding]:
    sessions = {place.value.code: place.value for place in walked.rules(SessionRule)}
    held = [sessions[block.rule] for block in rule.blocks if block.rule in sessions]
    if not held:
        yield finding(
            "credential-of-no-session",
            path,
            f"“{rule.code}” is asked of those who hold the sessions that it blocks, and blocks none",
            "Add `blocks:`, as `{move: start, rule: <session rule>, override: [supervisor]}`.",
        )
    if Role.PATIENT in rule.roles:
        yield finding(
            "patient-among-staff",
            f"{path}.roles",
            "the patient counts as staff",
            "Name roles of the clinic.",
        )
    seats = frozenset(role for one in held for role in one.staff_roles)
    if held and rule.roles and all(one.staff_roles for one in held) and not rule.roles & seats:
        yield finding(
            "credential-of-nobody",
            f"{path}.roles",
            f"the staff of these sessions are {' and '.join(sorted(role.value for role in seats))}",
            "Name one of those, or add the role to the session's `staff_roles`.",
        )


def _limits(path: str, rule: VitalsRule) -> Iterator[Finding]:
    for name, bounds in (("limits", rule.limits), ("floors", rule.floors)):
        for measure in bounds:
            if measure not in rule.measures:
                yield finding(
                    "limit-of-unmeasured",
                    f"{path}.{name}.{measure}",
                    f"{measure} is not among the measures taken",
                    "Add it to `measures`, or leave the limit out.",
                )
    for measure, floor in rule.floors.items():
        if measure in rule.limits and floor.value >= rule.limits[measure].value:
            yield finding(
                "limits-cross",
                f"{path}.floors.{measure}",
                f"the floor of {measure} is not below its limit",
                "Swap the two.",
            )


def _lengths(walked: Walked) -> Iterator[Finding]:
    """Figures of which only more than nothing makes sense."""
    for path, rule in walked.all_rules():
        if rule.weight < 0:
            yield _not_positive(f"{path}.weight", str(rule.weight))
    for kind, names in _POSITIVE:
        for place in walked.located(kind):
            for name in names:
                value = getattr(place.value, name)
                found = value.items() if hasattr(value, "items") else [("", value)]
                for key, figure in found:
                    if figure is not None and not _positive(figure):
                        at = f"{place.path}.{name}" + (f".{key}" if key else "")
                        shown = figure.value
                        yield _not_positive(
                            at, offset_text(shown) if isinstance(shown, Offset) else str(shown)
                        )


_POSITIVE: tuple[tuple[type[object], tuple[str, ...]], ...] = (
    (ResultRule, ("valid_for",)),
    (WashoutRule, ("washouts", "half_lives", "times")),
    (VitalsRule, ("within", "after")),
    (DoseRule, ("max_per_dose", "max_per_session", "max_per_course", "round_to", "strength", "equals")),
    (ReminderRule, ("useful_for",)),
    (AnswerRule, ("act_within",)),
    (LadderStep, ("done_within",)),
    (ReturningWithin, ("within",)),
)


def _positive(figure: Figure[Offset] | Figure[Decimal]) -> bool:
    value = figure.value
    return (minutes_of(value) if isinstance(value, Offset) else value) > 0


def _not_positive(path: str, shown: str) -> Finding:
    return finding("not-positive", path, f"{shown} is not more than nothing", "Write how much.")
