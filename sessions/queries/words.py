"""The words a reader sees for requirements, in the language asked for; a protocol's own words come from its
definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from protocols.queries import definition_of
from protocols.rules.definition import LadderRule, ProtocolDefinition, SessionRule, StepKind, Words
from sessions.rules.gates import LEGAL_BASIS, Gate
from sessions.rules.keys import OF_A_SESSION, parts_of_key
from sessions.rules.kinds.ladders import step_of
from sessions.rules.limits import Breach


def say(words: Words) -> str:
    """The words in the reader's language, or English."""
    language = (get_language() or "en").split("-")[0]
    return words.get(language) or words["en"]


def name_of_version(definition: ProtocolDefinition) -> str:
    """“MDMA-assisted therapy for PTSD 1.0”."""
    return f"{say(definition.title)} {definition.version}"


def name_of(*, definition: ProtocolDefinition, key: str) -> str:
    """What the requirement of that key is called."""
    rule, cycle, occurrence = parts_of_key(definition=definition, key=key)
    return label(definition=definition, rule=rule, cycle=cycle, occurrence=occurrence, key=key)


def label(
    *, definition: ProtocolDefinition, rule: str, cycle: int | None, occurrence: int | None, key: str = ""
) -> str:
    """What a requirement is called: “Integration session 2 (dosing session 1)”."""
    if rule == LEGAL_BASIS:
        return _("Legal basis for this protocol")
    try:
        found = definition.rule(rule)
    except KeyError:
        return key or rule
    head, _at, of_session = key.partition("@")
    if head in OF_A_SESSION:
        return _of_a_session(head) % {
            "what": label(
                definition=definition, rule=rule, cycle=cycle, occurrence=occurrence, key=of_session
            )
        }
    text = say(found.words)
    step = step_of(definition, key) if isinstance(found, LadderRule) else None
    if step is not None:
        text = _("%(what)s: %(step)s") % {"what": text, "step": _step_words(step[1].does)}
    number = occurrence
    if isinstance(found, SessionRule) and found.makes_cycles:
        return f"{text} {cycle}"
    if number is not None and isinstance(found, SessionRule):
        text = f"{text} {number}"
    elif number is not None:
        text = _("%(what)s, no. %(number)d") % {"what": text, "number": number}
    if cycle is not None and found.per:
        anchor = definition.rule(found.per)
        text = _("%(what)s (%(anchor)s %(cycle)d)") % {
            "what": text,
            "anchor": say(anchor.words).lower(),
            "cycle": cycle,
        }
    return text


def _step_words(does: StepKind) -> str:
    return {
        StepKind.RESEND: _("the message again"),
        StepKind.OTHER_CHANNEL: _("by another way"),
        StepKind.CALL: _("a call"),
        StepKind.TELL: _("somebody decides"),
    }[does]


def _of_a_session(head: str) -> str:
    """What is asked of a session besides holding it."""
    return {
        "staffing": _("%(what)s: who was present"),
        "checklist": _("%(what)s: required points of the checklist"),
    }[head]


def stage_words(definition: ProtocolDefinition, code: str, cycle: int | None) -> str:
    """What a stage is called: “Integration 2”."""
    found = next((say(stage.words) for stage in definition.stages if stage.code == code), code)
    return f"{found} {cycle}" if cycle else found


def attribute_words(code: str) -> str:
    """Something of the patient on which rules of a protocol hang."""
    return {
        "can_become_pregnant": _("Can become pregnant"),
        "male": _("Male, for limits that differ by sex"),
    }.get(code, code.replace("_", " ").capitalize())


def status_words() -> Mapping[str, str]:
    return {
        "upcoming": pgettext("requirement", "Not due yet"),
        "open": pgettext("requirement", "Due now"),
        "overdue": pgettext("requirement", "Overdue"),
        "met": pgettext("requirement", "Done on time"),
        "met_early": pgettext("requirement", "Done too early"),
        "met_late": pgettext("requirement", "Done late"),
        "missed": pgettext("requirement", "Missed"),
        "out_of_bounds": pgettext("requirement", "Out of bounds"),
        "not_done": pgettext("requirement", "Not done, with a reason"),
        "overridden": pgettext("requirement", "Overridden"),
        "free_form": pgettext("deviation", "Entered by hand"),
        "withdrawn": pgettext("requirement", "No longer applies"),
    }


# Status never by colour alone: a glyph that differs in greyscale stands beside every word.
GLYPHS: Mapping[str, str] = {
    "upcoming": "·",
    "open": "●",
    "overdue": "◐",
    "met": "✓",
    "met_early": "!",
    "met_late": "!",
    "missed": "×",
    "out_of_bounds": "▲",
    "not_done": "⊘",
    "overridden": "↷",
    "withdrawn": "–",
}


def plain(amount: Decimal | int | None) -> str:
    """A number without trailing zeros; a dash for none."""
    return "–" if amount is None else f"{Decimal(amount).normalize():f}"


def measure_words(name: str) -> str:
    """A vital sign as people say it in the middle of a sentence."""
    return {
        "systolic": _("upper blood pressure"),
        "diastolic": _("lower blood pressure"),
        "pulse": _("pulse"),
        "temperature": _("temperature"),
        "distress": _("distress"),
        "oxygen": _("oxygen saturation"),
        "breaths": _("breaths"),
    }.get(name, name.replace("_", " "))


def _gate_reasons() -> Mapping[str, str]:
    return {
        "absent": _("%(what)s: not recorded yet."),
        "withdrawn": _("%(what)s: withdrawn."),
        "expired": _("%(what)s: no longer valid."),
        "not_acceptable": _("%(what)s: the result does not allow it."),
        "older_than_version": _("%(what)s: to be asked for anew, because the protocol changed."),
        "no_legal_basis": _("%(what)s: the clinic has recorded none."),
        "legal_basis_expired": _("%(what)s: no longer in force."),
        "not_clear": _("%(what)s: the washout is not over."),
        "perhaps_not_clear": _(
            "%(what)s: a medicine on the list is written almost like one with a washout. Correct its name, "
            "or let the prescriber clear it."
        ),
        "not_done": _("%(what)s: not done."),
        "not_done_yet": _("%(what)s: not done yet."),
        "not_open_yet": _("%(what)s: too early."),
        "items_missing": _("%(what)s: not every point is ticked."),
        "names_missing": _("%(what)s: a second person has to agree, in their own name."),
        "adverse_events_not_asked": _("%(what)s: the question about adverse events is not answered."),
        "not_taken": _("%(what)s: not taken yet."),
        "not_asked": _("%(what)s: not asked yet."),
        "above_limit": _("%(what)s: above the protocol's limit."),
        "below_floor": _("%(what)s: below the protocol's floor."),
        "not_agreed": _("%(what)s: the patient's agreement is not on record."),
        "not_decided": _("%(what)s: not decided yet."),
        "not_long_enough": _("%(what)s: by what was given, the session must last longer."),
        "group_too_large": _("%(what)s: the group is too large for the largest dose in it."),
        "not_held": _("%(what)s: not held by everybody of whom it is asked."),
        "held_by_nobody": _("%(what)s: held by nobody of whom it is asked."),
        "does_not_apply": _("%(what)s: the protocol does not provide for it now."),
        "anchor_not_held": _("%(what)s: what comes before it has not been held."),
    }


def reason_words(reason: str) -> str:
    """Why something departed: what somebody wrote, or what the engine's code for it means."""
    text = _gate_reasons().get(reason)
    if text is None:
        return reason
    words = text.partition(": ")[2]
    return words[:1].upper() + words[1:]


def gate_why(gate: Gate, *, missing: Sequence[str] = (), names: Sequence[str] = ()) -> str:
    """Why a gate is closed; `missing` names what a set of readings still lacks, `names` who lacks what is
    asked for."""
    if missing:
        return _("%(what)s: not taken yet (%(measures)s).") % {
            "what": say(gate.words),
            "measures": ", ".join(missing),
        }
    if names:
        return _("%(what)s: not held today by %(names)s.") % {
            "what": say(gate.words),
            "names": ", ".join(names),
        }
    return _gate_reasons().get(gate.code, _("%(what)s: not in place.")) % {"what": say(gate.words)}


def breach_words(breach: Breach) -> str:
    """What a dose, an order or a reading would break, with what was measured against which limit."""
    reasons = {
        "amount_not_in_protocol": _("%(measured)s is not one of the protocol's doses (%(limit)s)."),
        "over_session_ceiling": _("%(measured)s in this session is over the ceiling of %(limit)s."),
        "over_course_ceiling": _("%(measured)s in this course is over the ceiling of %(limit)s."),
        "not_a_dosing_session": _("No dosing session is planned here."),
        "no_such_cycle": _("The protocol has %(limit)s dosing sessions."),
        "no_weight": _("%(measured)s is reckoned per weight, and no weight is recorded."),
        "not_whole": _("%(measured)s can't be given in whole units of %(limit)s."),
        "over_dose_ceiling": _("%(measured)s at once is over the ceiling of %(limit)s."),
        "too_many_supplements": _(
            "That would be supplemental dose %(measured)s; the protocol has %(limit)s."
        ),
        "group_too_large": _("%(measured)s in the group; at most %(limit)s patients are allowed."),
        "dosing_stopped": _("Dosing was stopped after session %(limit)s."),
    }
    text = reasons.get(breach.code)
    if text is None:
        text = (
            breach.code.replace("_", " ").capitalize()
            + (": %(measured)s" if breach.measured else "")
            + (", limit %(limit)s" if breach.limit else "")
            + "."
        )
    return text % {"measured": breach.measured, "limit": breach.limit}


def rule_words(definition: ProtocolDefinition, rule: str, *, kind: str = "") -> str:
    """What a rule is called; for a session's checklist or staff, that part of it. The code of one that the
    version does not have."""
    try:
        text = say(definition.rule(rule).words)
    except KeyError:
        return rule
    return _of_a_session(kind) % {"what": text} if kind in OF_A_SESSION else text


def rule_choices(version_id: int) -> Sequence[tuple[str, str]]:
    """The rules of a protocol version by code, in its own words and order."""
    return [(rule.code, say(rule.words)) for rule in definition_of(version_id).rules]
