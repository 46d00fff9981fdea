"""What is well-formed in a protocol and senseless all the same.

Knows a definition, and with it the places in its document. Knows no patient and judges no medicine: a figure
may be wrong and still make sense.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from protocols.rules.definition import ProtocolDefinition
from protocols.rules.document import Spots, parse_with_places
from protocols.rules.instruments import Instrument
from protocols.rules.lint import codes, conditions, doses, ladders, sessions, structure, windows
from protocols.rules.lint.findings import CODES, Finding, Severity
from protocols.rules.lint.walking import Walked
from protocols.rules.reading import DocumentErrors

__all__ = ["CODES", "Finding", "Report", "Severity", "findings_of", "lint"]

DOCUMENT: Final = "document"  # the code of what is not well-formed in the first place
_RULE: Final = re.compile(r"rules\[(?P<number>\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything there is to say of a document, in its order. Without a definition it could not be read."""

    definition: ProtocolDefinition | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        return sum(finding.severity is Severity.ERROR for finding in self.findings)


def lint(text: str, *, instruments: Mapping[str, Instrument] | Collection[str] | None = None) -> Report:
    """All errors of the document, or all that is senseless in it; given the codes of the library's
    instruments, also those it names and the library does not have; given the instruments by their codes, also
    those it asks at the wrong visit, and findings that they do not have."""
    try:
        placed = parse_with_places(text)
    except DocumentErrors as problem:
        return unreadable(problem)
    all_findings = [*findings_of(placed.definition)]
    if instruments is not None:
        all_findings += structure.unknown_instruments(placed.definition, instruments)
        if isinstance(instruments, Mapping):
            all_findings += structure.first_forms_repeated(placed.definition, instruments)
            all_findings += structure.unknown_findings(placed.definition, instruments)
    found = [_placed(finding, placed.spots) for finding in all_findings]
    found.sort(key=lambda finding: (finding.line, finding.column))
    return Report(definition=placed.definition, findings=tuple(found))


def unreadable(problem: DocumentErrors) -> Report:
    """The report of a document that could not be read."""
    wrong = tuple(
        Finding(
            code=DOCUMENT,
            severity=Severity.ERROR,
            path=error.path,
            line=error.line,
            column=error.column,
            what=error.what,
            instead=error.instead,
        )
        for error in problem.errors
    )
    return Report(definition=None, findings=wrong)


def findings_of(definition: ProtocolDefinition) -> tuple[Finding, ...]:
    """All findings, without their lines: of the protocol itself, then of each overlay what it adds."""
    found = list(dict.fromkeys(_findings(definition)))
    known = {(finding.code, finding.what) for finding in found}
    for number, overlay in enumerate(definition.overlays):
        laid = definition.with_overlay(overlay)
        own = {rule.code: index for index, rule in enumerate(overlay.rules)}
        for finding in dict.fromkeys(_findings(replace(laid, overlays=()))):
            if (finding.code, finding.what) in known:
                continue
            known.add((finding.code, finding.what))
            at = f"overlays[{number}]"
            match = _RULE.match(finding.path)
            code = laid.rules[int(match["number"])].code if match is not None else ""
            if match is not None and code in own:
                at = f"{at}.rules[{own[code]}]{finding.path[match.end() :]}"
            found.append(replace(finding, path=at))
    return (*found, *structure.whole_findings(definition), *codes.whole_findings(definition))


def _findings(definition: ProtocolDefinition) -> Iterator[Finding]:
    walked = Walked(definition)
    for part in (windows, sessions, doses, conditions, structure, codes, ladders):
        yield from part.findings(walked)


def _placed(finding: Finding, spots: Spots) -> Finding:
    """With the line of what it is about, or of the nearest thing around it that the document has."""
    path = finding.path
    while path and path not in spots:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    line, column = spots.get(path, (1, 1))
    return replace(finding, line=line, column=column)
