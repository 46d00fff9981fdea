"""What lint can find: each code, how grave it is and what it means. Each has a section in the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Severity(StrEnum):
    ERROR = "error"  # cannot be meant: the protocol cannot be kept as it stands
    WARNING = "warning"  # can be meant, seldom is


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One senseless thing: at `path` of the document, with what is wrong and what to do about it.

    Line and column count from 1; 0 where the definition did not come from a text.
    """

    code: str
    severity: Severity
    path: str
    line: int = 0
    column: int = 0
    what: str
    instead: str

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}: " if self.line else ""
        path = f"{self.path}: " if self.path else ""
        return f"{place}{path}{self.severity.value} {self.code}: {self.what}. {self.instead}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    severity: Severity
    says: str


def _error(says: str) -> Meaning:
    return Meaning(severity=Severity.ERROR, says=says)


def _warning(says: str) -> Meaning:
    return Meaning(severity=Severity.WARNING, says=says)


CODES: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        # windows
        "window-never-opens": _error("A window closes before it opens, whatever the hour of its anchor."),
        "window-sometimes-shut": _warning("For some hours of the anchor, the window closes before it opens."),
        "target-outside-window": _error("The target lies before the window opens or after it closes."),
        "due-outside-window": _error("It is due before the window opens, or only after it closed."),
        "window-without-bounds": _warning("Nothing opens, closes or aims the window: it never comes due."),
        "anchor-never-happens": _error("What the window hangs on can never happen for this requirement."),
        "anchor-cycle": _error("Windows hang on each other in a circle: none of them ever has a date."),
        "repeats-at-once": _error("What is repeated lies no time apart."),
        "not-positive": _error("A length, amount or number of which only more than nothing makes sense."),
        # the dosing session
        "check-after-release": _error(
            "A check comes due after the session is over and the patient has left."
        ),
        "supplement-after-end": _error("The supplemental dose may only be given after the session is over."),
        "check-of-nothing": _error("A check before a supplemental dose, where none may be given."),
        "gate-after-its-session": _error(
            "A requirement blocks what must have happened before it can be met."
        ),
        "gate-nobody-can-meet": _error("Those who must do it are those whose doing does not count."),
        "block-never-applies": _warning("The block means sessions that the protocol never has."),
        "per-cycle-missing": _error("A rule on dosing sessions that belongs to none of them."),
        "once-in-a-cycled-stage": _warning(
            "Something required once per course stands in a stage of every cycle."
        ),
        "more-names-than-staff": _warning("More people must sign than are present."),
        "patient-among-staff": _error(
            "The patient counts as staff, or may override what protects the patient."
        ),
        "credential-of-no-session": _error(
            "A credential that stands in the way of no session: nobody needs it."
        ),
        "credential-of-nobody": _error("A credential asked of a role that has no seat in those sessions."),
        "limit-of-unmeasured": _error("A limit for a measure that is not taken at that point."),
        "limits-cross": _error("The floor lies above the limit: every reading is out of bounds."),
        # doses
        "dose-above-ceiling": _error("An amount that may be ordered goes above the protocol's own ceiling."),
        "dose-may-exceed-ceiling": _warning("Some combination of allowed amounts goes above a ceiling."),
        "ceilings-cross": _error("The ceiling of a dose or a session lies above the next wider one."),
        "range-upside-down": _error("The least amount is more than the most, or the default outside them."),
        "dose-not-in-units": _error("An amount is no whole multiple of what one capsule or device holds."),
        "choice-never-offered": _error("Every cycle this choice is for already has another one."),
        "unit-differs": _error("A table of amounts stands in another unit than the doses it is read with."),
        "step-never-reached": _error("A step begins above what may be given in a session."),
        "amount-without-step": _warning("The smallest dose lies below the first step: no step is for it."),
        "table-runs-backwards": _warning("A larger dose asks for a shorter stay or allows a larger group."),
        "weight-never-recorded": _warning("Doses go by weight, and no rule asks for the weight."),
        "basis-unsourced": _warning("What the amounts count (salt, base, label) stands without a source."),
        # conditions
        "condition-never-holds": _error("The conditions exclude each other, or what they ask cannot be."),
        "condition-always-holds": _warning("The condition holds for everyone: it says nothing."),
        "phase-never-reached": _error("An optional phase comes before one that is not."),
        # stages, codes, references
        "stage-unreachable": _error("No rule belongs to the stage: no course can ever be in it."),
        "replaces-living-code": _error("A rule replaces a code that is still in use."),
        "replaced-twice": _error("Two rules replace the same code: records cannot belong to both."),
        "citation-unused": _warning("A citation that nothing names."),
        "first-form-repeated": _warning(
            "A form that asks about a whole life is asked again: each time it finds what was known before."
        ),
        "instrument-unknown": _error("An instrument that the library does not have: nobody could be asked."),
        "finding-unknown": _error("An outcome reads a finding that its instrument does not have."),
        "instrument-unused": _warning("An instrument that no assessment uses."),
        "arm-unused": _warning("An arm on which nothing depends."),
        "decision-unused": _warning("A decision that no condition, window or phase reads."),
        "source-says-nothing": _warning("A source is a placeholder."),
        "reconsent-unknown": _error("Consent is asked anew to something the protocol never asks consent to."),
        # codes named at one place and recorded at another
        "attribute-unknown": _error("A condition asks for what is not among the document's `attributes`."),
        "attribute-undeclared": _warning(
            "A condition asks for something of the patient that nothing in the document declares."
        ),
        "attribute-unused": _warning("An attribute that no condition names."),
        "medicine-unknown": _error(
            "A washout or outcome names what is not among the document's `medicines`."
        ),
        "medicine-undeclared": _warning(
            "A washout or outcome names a medicine or class that nothing in the document declares."
        ),
        "medicine-unused": _warning("A medicine or class that no washout or outcome names."),
        "credential-unknown": _error("A rule asks for what is not among the document's `credentials`."),
        "credential-undeclared": _warning(
            "A rule asks for a licence or training that nothing in the document declares."
        ),
        "credential-unused": _warning("A credential that no rule asks for."),
        "medicine-named-twice": _warning("One name of a medicine stands under two codes."),
        "test-unknown": _error("A condition reads a test that no rule asks for: no chart ever has it."),
        "test-read-differently": _error(
            "Two places read one test in different units, or as word and number."
        ),
        "consent-never-asked": _error(
            "A window, or being asked after the end, hangs on a consent that no rule asks for."
        ),
        "nearly-the-same": _warning("Two codes of one kind are written almost alike: perhaps one is meant."),
        "term-unknown": _warning("A term for a word that no text of the product has."),
        "jurisdiction-unknown": _warning("A jurisdiction written as no clinic writes where it is."),
        # messages
        "reminder-of-nothing": _error("A reminder of something that has no date."),
        "reminder-after-its-session": _error("The reminder goes out after what it reminds of."),
        "reminder-outlives-its-session": _warning(
            "The reminder is still sent when the day it is about is over."
        ),
        "answer-of-nothing": _error("An answer is awaited to what nobody answers."),
        "answered-twice": _error("Two rules for the answer to one assessment."),
        # ladders
        "ladder-of-nothing": _error("A ladder for something that nobody answers."),
        "ladder-twice": _error("Two ladders for the answer to one thing."),
        "ladder-of-messages-alone": _error("Messages follow each other and no person ever acts."),
        "steps-out-of-order": _error("A step comes before the one that stands before it."),
        "nothing-to-resend": _error("A step sends again what was never sent."),
        # overlays
        "overlay-changes-nothing": _error("The overlay replaces, adds and omits nothing."),
        "overlay-never-in-force": _error("The overlay's days lie outside the protocol's own."),
        "overlays-collide": _warning("Two overlays of one place and time replace the same rule."),
    }
)


def finding(code: str, path: str, what: str, instead: str) -> Finding:
    return Finding(code=code, severity=CODES[code].severity, path=path, what=what, instead=instead)
