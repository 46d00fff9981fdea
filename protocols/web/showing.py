"""A protocol in words, for its page. Turns a definition into rows; decides nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from protocols.rules.definition import (
    AnchorEvent,
    AnchorRule,
    AnyRule,
    AskedRule,
    AssessmentRule,
    Block,
    ContactRule,
    CredentialKind,
    CredentialRule,
    DoseRule,
    HeldBy,
    LadderRule,
    Move,
    ProtocolDefinition,
    ReleaseRule,
    Role,
    SessionRule,
    Source,
    SourceStatus,
    StepKind,
    Which,
    WindowRule,
    Words,
)
from protocols.rules.figures import figures_in, figures_of
from protocols.rules.instruments import Instrument, Told, told
from protocols.rules.instruments.telling import MAY_MISS
from protocols.rules.telling import hidden_words
from protocols.rules.writing import plain

_LABELS = {
    "count": gettext_lazy("how many"),
    "minutes": gettext_lazy("length"),
    "staff": gettext_lazy("staff present throughout"),
    "windows": gettext_lazy("window"),
    "window": gettext_lazy("window"),
    "opens": gettext_lazy("opens"),
    "target": gettext_lazy("best at"),
    "due": gettext_lazy("due by"),
    "closes": gettext_lazy("closes"),
    "every": gettext_lazy("every"),
    "accept": gettext_lazy("acceptable"),
    "valid_for": gettext_lazy("valid for"),
    "initial": gettext_lazy("initial dose"),
    "choices": gettext_lazy("choice"),
    "supplement": gettext_lazy("supplemental dose"),
    "fraction": gettext_lazy("part of the initial dose"),
    "max_per_session": gettext_lazy("at most per session"),
    "max_per_course": gettext_lazy("at most per course"),
    "within": gettext_lazy("counts for"),
    "limits": gettext_lazy("limit"),
    "washouts": gettext_lazy("washout"),
    "names": gettext_lazy("different people"),
    "systolic": gettext_lazy("systolic"),
    "diastolic": gettext_lazy("diastolic"),
    "pulse": gettext_lazy("pulse"),
    "temperature": gettext_lazy("temperature"),
    "oxygen": gettext_lazy("oxygen saturation"),
    "floors": gettext_lazy("floor"),
    "steps": gettext_lazy("step"),
    "at_least": gettext_lazy("from"),
    "patients": gettext_lazy("patients at most"),
    "most": gettext_lazy("at most"),
    "least": gettext_lazy("at least"),
    "max_per_dose": gettext_lazy("at most per dose"),
    "round_to": gettext_lazy("rounded to"),
    "strength": gettext_lazy("one capsule, serving or device"),
    "equals": gettext_lazy("the same as"),
    "after": gettext_lazy("after the initial dose"),
    "half_lives": gettext_lazy("half-life"),
    "times": gettext_lazy("half-lives"),
    "plus": gettext_lazy("and"),
    "phases": gettext_lazy("phase"),
    "instead": gettext_lazy("another window"),
    "when": gettext_lazy("condition"),
    "returning_within": gettext_lazy("returning within"),
    "value": gettext_lazy("value"),
    "scores": gettext_lazy("score"),
    "answer_by": gettext_lazy("answered by"),
    "act_within": gettext_lazy("acted on within"),
    "before": gettext_lazy("before"),
    "useful_for": gettext_lazy("useful for"),
    "comes": gettext_lazy("comes, from when an answer is due"),
    "done_within": gettext_lazy("done within"),
    "after_end": gettext_lazy("after the end of a course"),
    "ended": gettext_lazy("that was"),
}
_EVENTS = {
    AnchorEvent.ENROLMENT: gettext_lazy("enrolment"),
    AnchorEvent.CONSENT: gettext_lazy("first consent to treatment"),
    AnchorEvent.SESSION_START: gettext_lazy("start of"),
    AnchorEvent.SESSION_END: gettext_lazy("end of"),
    AnchorEvent.FIRST_DOSE: gettext_lazy("first dose of"),
    AnchorEvent.LAST_DOSE: gettext_lazy("latest dose of"),
    AnchorEvent.ANSWERED: gettext_lazy("answer to"),
    AnchorEvent.RECORDED: gettext_lazy("acceptable result of"),
    AnchorEvent.DECIDED: gettext_lazy("decision on"),
    AnchorEvent.COURSE_END: gettext_lazy("end of the course"),
}
_WHICH = {
    Which.SAME_CYCLE: gettext_lazy("this %(words)s"),
    Which.PREVIOUS_CYCLE: gettext_lazy("the previous %(words)s"),
    Which.NEXT_CYCLE: gettext_lazy("the next %(words)s"),
    Which.FIRST: gettext_lazy("the first %(words)s"),
    Which.LAST: gettext_lazy("the last %(words)s"),
}
_STEPS = {
    StepKind.RESEND: gettext_lazy("the message is sent again"),
    StepKind.OTHER_CHANNEL: gettext_lazy("it is sent by another way"),
    StepKind.CALL: gettext_lazy("a call"),
    StepKind.TELL: gettext_lazy("told that nobody answered, and deciding what to do"),
}
_CREDENTIALS = {
    CredentialKind.LICENCE: gettext_lazy("a licence to practise"),
    CredentialKind.TRAINING: gettext_lazy("a training"),
    CredentialKind.CERTIFICATE: gettext_lazy("a certificate"),
}
_HELD_BY = {
    HeldBy.EVERYBODY: gettext_lazy("On the day of the session held by everybody in it: %(what)s"),
    HeldBy.SOMEBODY: gettext_lazy("On the day of the session held by somebody in it: %(what)s"),
    HeldBy.LEAD_THERAPIST: gettext_lazy("On the day of the session held by the lead therapist: %(what)s"),
}
_MOVES = {
    Move.START_SESSION: gettext_lazy("starting"),
    Move.END_SESSION: gettext_lazy("ending"),
    Move.GIVE_DOSE: gettext_lazy("giving a dose in"),
    Move.COMPLETE_COURSE: gettext_lazy("completing the course"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """Where a figure comes from; `mark` stands beside it: empty for what was read in a published source."""

    status: str
    mark: str
    text: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    label: str
    text: str
    source: SourceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    words: str
    source: SourceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePart:
    """A rule as its page shows it."""

    code: str
    words: str
    who: str
    important: bool
    safety: bool
    source: SourceRow
    hangs_on: tuple[str, ...]
    figures: tuple[FigureRow, ...]
    items: tuple[ItemRow, ...]
    blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePart:
    words: str
    per_cycle: bool
    rules: tuple[RulePart, ...]


def say(words: Words) -> str:
    """The words in the reader's language, else in English."""
    language = get_language() or "en"
    return words.get(language) or words.get(language.split("-", maxsplit=1)[0]) or words["en"]


def stages(definition: ProtocolDefinition) -> list[StagePart]:
    return [
        StagePart(
            words=say(stage.words),
            per_cycle=stage.per_cycle,
            rules=tuple(_rule(definition, rule) for rule in definition.rules if rule.stage == stage.code),
        )
        for stage in definition.stages
    ]


def messages(definition: ProtocolDefinition) -> list[FigureRow]:
    """The figures of the reminders and of the answers that a person must act on."""
    return [
        FigureRow(
            label=" ".join(figure.path.split(".")[1:]).replace("_", " "),
            text=figure.text,
            source=source_row(figure.source, definition.citations),
        )
        for figure in figures_of(definition)
        if figure.path.startswith(("reminders.", "answers."))
    ]


def used_figures(
    definition: ProtocolDefinition, code: str, *, number: int | None = None, cycle: int | None = None
) -> list[FigureRow]:
    """What one rule rests on, for whoever meets it in treatment: the rule itself, then its figures, each with
    its source. Of several windows only that of the session `number` (of the `cycle`, where the rule makes
    cycles). Nothing for what is no rule of the protocol."""
    try:
        rule = definition.rule(code)
    except KeyError:
        return []
    used = figures_in(rule)
    if isinstance(rule, SessionRule) and len(rule.windows) > 1:
        index = cycle if rule.makes_cycles else number
        here = min(index or 1, len(rule.windows))
        used = (one for one in used if _window_of(one.path.removeprefix(f"{code}.")) in (None, here))
    return [
        FigureRow(label=say(rule.words), text="", source=source_row(rule.source, definition.citations)),
        *(
            FigureRow(
                label=_label(figure.path.removeprefix(f"{code}.")),
                text=figure.text,
                source=source_row(figure.source, definition.citations),
            )
            for figure in used
        ),
    ]


def instrument_figure(instrument: Instrument, one: Told) -> FigureRow:
    """One cut-point, level, threshold or other figure of an instrument, with its dated source."""
    citations = {code: f"{cited.text}, {cited.date}" for code, cited in instrument.citations.items()}
    words = _("Answers that may be missing") if one.words is MAY_MISS else say(one.words)
    return FigureRow(label=words, text=one.bound, source=source_row(one.source, citations))


def instrument_figures(instrument: Instrument) -> list[FigureRow]:
    """All of them, in the document's order."""
    return [instrument_figure(instrument, one) for one in told(instrument)]


def fidelity(definition: ProtocolDefinition) -> tuple[str, SourceRow | None]:
    """What whoever rates how sessions are held is not shown, and where that comes from, if it is said."""
    said = definition.fidelity
    source = source_row(said.source, definition.citations) if said else None
    return "; ".join(hidden_words(definition.hidden_in_fidelity_review, _)), source


def marks_of(figures: Iterable[FigureRow]) -> list[tuple[str, str]]:
    """What is not read in a published source, each kind once: (mark, status)."""
    return sorted({(row.source.mark, row.source.status) for row in figures if row.source.mark})


def counts(definition: ProtocolDefinition) -> dict[str, int]:
    """How many figures have which kind of source."""
    found = {status.value: 0 for status in SourceStatus}
    for figure in figures_of(definition):
        found[figure.source.status.value] += 1
    return found


def _rule(definition: ProtocolDefinition, rule: AnyRule) -> RulePart:
    items = rule.checklist if isinstance(rule, SessionRule) else ()
    if isinstance(rule, ReleaseRule):
        items = rule.items
    return RulePart(
        code=rule.code,
        words=say(rule.words),
        who=_who(definition, rule.who),
        important=rule.important,
        safety=rule.safety,
        source=source_row(rule.source, definition.citations),
        hangs_on=tuple(_hangs_on(definition, rule)),
        figures=tuple(
            FigureRow(
                label=_label(figure.path.removeprefix(f"{rule.code}.")),
                text=figure.text,
                source=source_row(figure.source, definition.citations),
            )
            for figure in figures_in(rule)
        ),
        items=tuple(
            ItemRow(words=say(item.words), source=source_row(item.source, definition.citations))
            for item in items
        ),
        blocks=tuple(_block(definition, block) for block in rule.blocks),
    )


def _window_of(path: str) -> int | None:
    """Which of a rule's windows a figure stands in, counted from 1."""
    found = re.match(r"windows\[(\d+)\]", path)
    return int(found[1]) if found else None


def _label(path: str) -> str:
    """``windows[2].opens`` → “window 2 opens”."""
    words = []
    for part in path.split("."):
        name, number = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", part).groups()  # type: ignore[union-attr]  # our own paths
        words.append(str(_LABELS.get(name, name.replace("_", " "))))
        if number:
            words.append(number)
    return " ".join(words)


def source_row(source: Source, citations: Mapping[str, str]) -> SourceRow:
    marks = {
        SourceStatus.PUBLISHED: "",
        SourceStatus.CLINIC_CHOICE: _("clinic's choice"),
        SourceStatus.UNVERIFIED: _("unverified"),
    }
    return SourceRow(
        status=source.status.value,
        mark=marks[source.status],
        text=citations.get(source.citation, "") if source.citation else source.note,
        note=source.note if source.citation else "",
    )


def _session_words(definition: ProtocolDefinition, code: str, which: Which) -> str:
    return str(_WHICH[which]) % {"words": say(definition.rule(code).words).lower()}


def _anchor(definition: ProtocolDefinition, anchor: AnchorRule) -> str:
    event = str(_EVENTS[anchor.event])
    return f"{event} {_session_words(definition, anchor.rule, anchor.which)}" if anchor.rule else event


def _hangs_on(definition: ProtocolDefinition, rule: AnyRule) -> Iterator[str]:
    windows: tuple[WindowRule, ...] = ()
    if isinstance(rule, DoseRule):
        yield _("%(substance)s, in %(unit)s of %(basis)s") % {
            "substance": rule.substance,
            "unit": rule.unit,
            "basis": rule.basis.value,
        }
        unit = f"{rule.unit}/{rule.per_weight.value}" if rule.per_weight else rule.unit
        for number, choice in enumerate(rule.initial, start=1):
            offered = _("no amount") if choice.default is None else f"{plain(choice.default)} {unit}"
            yield _(
                "Initial dose %(number)s: in dosing session %(cycles)s; %(default)s is offered, "
                "the %(who)s chooses"
            ) % {
                "number": number,
                "cycles": ", ".join(map(str, choice.cycles)) or "…",
                "default": offered,
                "who": _who(definition, choice.chosen_by),
            }
    elif isinstance(rule, SessionRule):
        windows = rule.windows or tuple(window for phase in rule.phases for window in phase.windows)
        for phase in rule.phases:
            yield _("%(phase)s: %(count)s sessions") % {
                "phase": say(phase.words),
                "count": phase.count.value,
            }
        if rule.open_ended:
            yield _("Goes on one session at a time until it is stopped")
    elif isinstance(rule, ContactRule):
        windows = (rule.window,)
    elif isinstance(rule, LadderRule):
        of = say(definition.rule(rule.of).words)
        yield _("While there is no answer to: %(what)s") % {"what": of}
        for number, step in enumerate(rule.steps, start=1):
            yield _("Step %(number)s: %(does)s, by the %(who)s") % {
                "number": number,
                "does": _STEPS[step.does],
                "who": _who(definition, step.who),
            }
    elif isinstance(rule, CredentialRule):
        yield str(_HELD_BY[rule.held_by]) % {"what": _credential(definition, rule)}
        if rule.roles:
            yield _("Asked of: %(roles)s") % {"roles": _roles(definition, rule.roles)}
    elif (window := getattr(rule, "window", None)) is not None:
        windows = (window,)
    if isinstance(rule, AssessmentRule) and rule.hidden:
        yield _(
            "Not shown to the rater: %(what)s. A rating by somebody who treats the patient or was in the "
            "room does not count, and nobody to whom the chart is open is named the rater"
        ) % {"what": "; ".join(hidden_words(rule.hidden, _))}
    if isinstance(rule, AskedRule) and rule.after_end is not None:
        yield _("Goes on after the end of the course, while consent to %(scope)s stands") % {
            "scope": rule.after_end.consent.replace("_", " ")
        }
    for number, window in enumerate(windows, start=1):
        name = _("Window %(number)s") % {"number": number} if len(windows) > 1 else _("Window")
        text = _("%(window)s: counted from %(anchor)s") % {
            "window": name,
            "anchor": _anchor(definition, window.anchor),
        }
        if window.before is not None:
            text += _(", and before %(anchor)s") % {"anchor": _anchor(definition, window.before)}
        yield text


def _credential(definition: ProtocolDefinition, rule: CredentialRule) -> str:
    if rule.credential is not None:
        return str(_CREDENTIALS[rule.credential])
    declared = definition.credentials
    names = [say(declared[code]) if code in declared else code for code in sorted(rule.any_of)]
    return _(" or ").join(names)


def _block(definition: ProtocolDefinition, block: Block) -> str:
    move = str(_MOVES[block.move])
    what = f"{move} {_session_words(definition, block.rule, block.which)}" if block.rule else move
    if block.document:
        text = _("Until it is met, it blocks %(what)s, unless the benefit is written down by: %(who)s.")
        return text % {"what": what, "who": _roles(definition, block.document)}
    if not block.override:
        return _("Until it is met, it blocks %(what)s. Nobody may override it.") % {"what": what}
    who = _roles(definition, block.override)
    return _("Until it is met, it blocks %(what)s. May be overridden with a reason by: %(who)s.") % {
        "what": what,
        "who": who,
    }


def _who(definition: ProtocolDefinition, role: Role) -> str:
    """The protocol's own name for a role, else the house's."""
    words = definition.role_words.get(role)
    return say(words) if words is not None else role.value.replace("_", " ")


def _roles(definition: ProtocolDefinition, roles: Iterable[Role]) -> str:
    return ", ".join(sorted(_who(definition, role) for role in roles))
