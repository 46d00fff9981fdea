"""Why can't this be done now? The unmet requirements that stand before one act, asked afresh at one
instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clinic.rules.wall_time import day_of, start_of_day
from protocols.rules.definition import (
    AnyRule,
    Block,
    ChartRule,
    ConsentRule,
    CredentialRule,
    DecisionRule,
    GroupRule,
    Move,
    ObservationRule,
    ProtocolDefinition,
    ReleaseRule,
    ResultRule,
    Role,
    SessionKind,
    SessionRule,
    Source,
    VitalsPoint,
    VitalsRule,
    WashoutRule,
    Words,
)
from sessions.rules.applying import NOT_APPLICABLE, applies
from sessions.rules.engine import across_versions, timeline_of
from sessions.rules.facts import DosePart, History, Somebody
from sessions.rules.kinds import (
    chart,
    consents,
    credentials,
    decisions,
    groups,
    observation,
    release,
    results,
    vitals,
    washouts,
)
from sessions.rules.known import Held
from sessions.rules.requirements import Evidence, Kind, Outcome, Requirement, Shape, Status
from sessions.rules.sentences import sentence
from sessions.rules.settling.in_place import CROSSED, Standing, opens
from sessions.rules.timeline import Slot, Timeline

WINDOW_OVERRIDE = frozenset({Role.PRESCRIBER})
"""Who may start a dosing session outside its window where the protocol names nobody for it: a medical
decision."""

_DONE = frozenset(
    {Status.MET, Status.MET_EARLY, Status.MET_LATE, Status.OVERRIDDEN, Status.WITHDRAWN, Status.OUT_OF_BOUNDS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One unmet requirement that blocks an act. `code` says why in one word (absent, withdrawn, expired,
    not_acceptable, not_clear, not_done_yet, not_open_yet, closed …); `ready_at` is when time alone would
    clear it. `override` may let it go ahead as a departure; `document`, by writing down why the benefit
    outweighs the risk, within the protocol. `people` are those of the clinic who lack what it asks for."""

    key: str
    rule: str
    kind: Kind
    words: Words
    code: str
    status: Status
    who: Role
    override: frozenset[Role]
    evidence: tuple[Evidence, ...]
    ready_at: datetime | None
    important: bool
    source: Source | None
    document: frozenset[Role] = frozenset()
    people: tuple[int, ...] = ()

    @property
    def nobody(self) -> bool:
        """Nobody may let it go ahead."""
        return not self.override and not self.document

    @property
    def medical(self) -> bool:
        """A prescriber may let it go ahead, or nobody: they hear at once of what passes it all the same."""
        return self.nobody or Role.PRESCRIBER in self.override

    @property
    def why(self) -> str:
        """One sentence in English; `code` is there to say it in another language."""
        return sentence(self.code)


def gates(
    *,
    definition: ProtocolDefinition,
    history: History,
    as_of: datetime,
    move: Move,
    key: str | None,
    people: Sequence[Somebody] = (),
) -> tuple[Gate, ...]:
    """What stands before `move` of the session `key` (None for an unscheduled one, and for completing the
    course).

    For GIVE_DOSE the part is known from the record: once the initial dose is given, it is the supplement. An
    override recorded for the session under way counts for that session. `people` are those about to hold it;
    none named: who is booked for it.
    """
    timeline = timeline_of(definition=definition, history=history, as_of=as_of)
    return gates_at(timeline, across_versions(timeline), move=move, key=key, people=people)


def gates_at(
    timeline: Timeline, outcome: Outcome, *, move: Move, key: str | None, people: Sequence[Somebody] = ()
) -> tuple[Gate, ...]:
    """The same, of an outcome already at hand."""
    slot = timeline.slots.get(key or "")
    held = None
    if slot is not None:
        held = timeline.held.get(slot.key) or timeline.under_way.get(slot.key)
    found: list[Gate] = _legal(timeline, move, slot)
    if slot is not None and move == Move.START_SESSION:
        own = outcome.get(slot.key)
        if own is None or not applies(timeline, slot.rule, own):
            found.append(_not_provided_for(slot))
    for requirement in outcome.requirements:
        rule = timeline.rules.get(requirement.rule)
        if rule is None:  # asked under an earlier version only
            continue
        blocks = [
            row
            for row in requirement.blocks
            if row.move is move and _blocks(timeline, row, requirement, move, slot)
        ]
        if not blocks and not _always(rule, requirement, move, slot):
            continue
        if not applies(timeline, rule, requirement):
            continue
        gate = _gate(timeline, rule, requirement, blocks, move=move, slot=slot, held=held, people=people)
        if gate is not None and not _overridden_here(timeline, gate, held):
            found.append(gate)
    return tuple(found)


def _blocks(
    timeline: Timeline, block: Block, requirement: Requirement, move: Move, slot: Slot | None
) -> bool:
    if move == Move.COMPLETE_COURSE:
        return True
    if slot is None:
        return not block.rule  # an unscheduled session is blocked only by what blocks any session
    if slot.key == requirement.key:
        return True
    return any(meant is slot for meant in timeline.meant_by(block, requirement.cycle))


def _always(rule: AnyRule, requirement: Requirement, move: Move, slot: Slot | None) -> bool:
    """What blocks by its nature: a dosing session's own window, and the release and the least stay before
    its end."""
    if slot is None or not slot.rule.makes_cycles:
        return False
    if move is Move.START_SESSION:
        return requirement.key == slot.key and isinstance(rule, SessionRule)
    return (
        move is Move.END_SESSION
        and requirement.cycle == slot.cycle
        and isinstance(rule, ReleaseRule | ObservationRule)
    )


def _overridden_here(timeline: Timeline, gate: Gate, held: Held | None) -> bool:
    """An override is for one act: it counts for the session that it names, never for the next one. One that
    names none yet is for the operation to take up, which then names it."""
    if held is None:
        return False
    overrides = [
        override
        for _, override in timeline.overrides.get(gate.key, ())
        if override.record_id == held.value.record_id
    ]
    return opens(overrides, code=gate.code, people=gate.people)


def _gate(
    timeline: Timeline,
    rule: AnyRule,
    requirement: Requirement,
    blocks: list[Block],
    *,
    move: Move,
    slot: Slot | None,
    held: Held | None,
    people: Sequence[Somebody],
) -> Gate | None:
    ready_at: datetime | None = None
    hard = False
    evidence = requirement.evidence
    default: frozenset[Role] = frozenset()
    lacking: tuple[int, ...] = ()
    if requirement.shape == Shape.DO_IN_WINDOW:
        if slot is not None and requirement.key == slot.key:
            default = WINDOW_OVERRIDE
            code, ready_at = _own_window(timeline, requirement)
            if not code:
                return None
        elif requirement.status in _DONE or _gone_by(requirement):
            return None
        else:
            code = requirement.status.value if requirement.status == Status.NOT_DONE else "not_done_yet"
    else:
        standing = _standing(timeline, rule, requirement, held, slot, people)
        if standing is None or standing.stands:
            return None
        code, hard, evidence = standing.code, standing.hard, standing.evidence
        ready_at, lacking = standing.changes_at, standing.people
    override = blocks[0].override if blocks else default
    document = blocks[0].document if blocks else frozenset()
    for block in blocks[1:]:
        override &= block.override
        document &= block.document
    if hard:
        override = document = frozenset()
    if code not in CROSSED and requirement.shape != Shape.DO_IN_WINDOW:
        document = frozenset()
    if document and _documented(timeline, requirement.key, document, evidence, slot=slot, held=held):
        return None
    return Gate(
        key=requirement.key,
        rule=rule.code,
        kind=requirement.kind,
        words=rule.words,
        code=code,
        status=requirement.status,
        who=requirement.who,
        override=override,
        document=document,
        evidence=evidence,
        ready_at=ready_at,
        important=requirement.important,
        source=requirement.source,
        people=lacking,
    )


def _gone_by(requirement: Requirement) -> bool:
    """A reading missed at its time after the dose can not be made up for: on record, it blocks no more."""
    return requirement.kind == Kind.VITALS and requirement.status in (Status.MISSED, Status.NOT_DONE)


def _documented(
    timeline: Timeline,
    key: str,
    may: frozenset[Role],
    evidence: tuple[Evidence, ...],
    *,
    slot: Slot | None,
    held: Held | None,
) -> bool:
    """Whether one of those roles has weighed the risk for this act, after all that was measured."""
    known = max((row.occurred_at for row in evidence), default=None)
    record = held.value.record_id if held is not None else None
    for fact, document in timeline.documented.get(key, ()):
        here = (
            document.record_id == record
            if document.record_id is not None
            else slot is not None and document.session_key == slot.key
        )
        if here and document.role in may and (known is None or known <= fact.occurred_at):
            return True
    return False


def _not_provided_for(slot: Slot) -> Gate:
    """The protocol provides for no such session now: what it depends on does not hold."""
    return Gate(
        key=slot.key,
        rule=slot.rule.code,
        kind=Kind.SESSION,
        words=slot.rule.words,
        code=NOT_APPLICABLE,
        status=Status.WITHDRAWN,
        who=slot.rule.who,
        override=frozenset(),
        evidence=(),
        ready_at=None,
        important=slot.rule.important,
        source=slot.rule.source,
    )


LEGAL_BASIS = "legal_basis"
"""The key of the gate that closes when the clinic may not dose under this protocol today. Nobody overrides
it; it stands before dosing only, never before follow-up or anything done for safety."""


def _legal(timeline: Timeline, move: Move, slot: Slot | None) -> list[Gate]:
    spans = timeline.history.setting.legal
    dosing = slot is not None and slot.rule.kind is SessionKind.DOSING
    if spans is None or not dosing or move not in (Move.START_SESSION, Move.GIVE_DOSE):
        return []
    today = day_of(timeline.as_of, timeline.zone)
    if any(from_on <= today and (until_on is None or today <= until_on) for from_on, until_on in spans):
        return []
    begun = any(from_on <= today for from_on, _until_on in spans)
    ahead = [start_of_day(from_on, timeline.zone) for from_on, _until_on in spans if from_on > today]
    return [
        Gate(
            key=LEGAL_BASIS,
            rule=LEGAL_BASIS,
            kind=Kind.LEGAL_BASIS,
            words={"en": "Legal basis for this protocol"},
            code="legal_basis_expired" if begun else "no_legal_basis",
            status=Status.OPEN,
            who=Role.COORDINATOR,
            override=frozenset(),
            evidence=(),
            ready_at=min(ahead, default=None),
            important=True,
            source=None,
        )
    ]


def _own_window(timeline: Timeline, requirement: Requirement) -> tuple[str, datetime | None]:
    """A session cannot start before its window opens, nor while nothing that it hangs on has happened. A
    window that has closed blocks nothing: late is better than never, and says so itself."""
    window = requirement.window
    if requirement.status in (Status.NOT_DONE, Status.WITHDRAWN):
        return requirement.status.value, None
    if window.opens_at is not None and timeline.as_of < window.opens_at:
        return "not_open_yet", window.opens_at
    if window.anchor is None or not requirement.firm:
        return "anchor_not_held", None
    return "", None


def _standing(
    timeline: Timeline,
    rule: AnyRule,
    requirement: Requirement,
    held: Held | None,
    slot: Slot | None,
    people: Sequence[Somebody],
) -> Standing | None:
    at, cycle = timeline.as_of, requirement.cycle
    match rule:
        case ConsentRule():
            anew = consents.asked_anew(timeline, rule, requirement.occurrence)
            return consents.standing(timeline, rule, cycle=cycle, at=at, held=held, since=anew)
        case ResultRule():
            return results.standing(timeline, rule, cycle=cycle, at=at, held=held)
        case ChartRule():
            return chart.standing(timeline, rule, cycle=cycle, at=at, held=held)
        case WashoutRule():
            return washouts.standing(timeline, rule, cycle=cycle, at=at, held=held)
        case DecisionRule():
            return decisions.standing(timeline, rule, cycle=cycle, at=at, held=held)
        case GroupRule():
            return groups.standing(timeline, rule, cycle=cycle, at=at, held=held)
        case ObservationRule():
            return observation.standing(timeline, rule, cycle=cycle, at=at, held=held)
        case VitalsRule():
            if not _point_is_next(rule, held):
                return None
            return vitals.standing(timeline, rule, cycle=cycle, at=at, held=held)
        case ReleaseRule():
            if held is None or held.first_dose_at is None:
                return None  # no drug was given: there is nothing to be released from
            return release.standing(timeline, rule, cycle=cycle, at=at, held=held)
        case CredentialRule():
            return credentials.standing_before(timeline, rule, slot=slot, held=held, people=people)
    return None


def _point_is_next(rule: VitalsRule, held: Held | None) -> bool:
    begun = held is not None and bool(held.taken(DosePart.INITIAL))
    if rule.point == VitalsPoint.BEFORE_INITIAL:
        return not begun
    return begun
