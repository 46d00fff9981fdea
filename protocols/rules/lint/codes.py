"""Codes that are named at one place and recorded at another: a slip of the pen in one of them leaves a rule
that nobody can ever meet, or a gate that never closes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from protocols.rules.definition import (
    AfterEnd,
    AnchorEvent,
    AnchorRule,
    AttributeIs,
    ConsentRule,
    CredentialRule,
    FormRule,
    Intercurrent,
    ProtocolDefinition,
    ResultIs,
    ResultRule,
    WashoutRule,
)
from protocols.rules.grammar import Node
from protocols.rules.likeness import near_pairs, nearly, written_plainly
from protocols.rules.lint.findings import Finding, finding
from protocols.rules.lint.walking import Walked
from protocols.rules.own_words import NOUNS, code_of_noun
from protocols.rules.reading import MAX_ERRORS, MAX_NAMES, instead_of
from protocols.rules.shapes.protocol import PROTOCOL

TREATMENT: Final = "treatment"  # the scope that an anchor `consent` means
_JURISDICTION: Final = re.compile(r"none|EU|[A-Z]{2}(-[A-Z0-9]{1,3})?")  # ISO 3166, and the Union

_ASKED_BACK: Final = 20  # findings of a kind for which the word that was meant is sought

Named = Sequence[tuple[str, str]]
"""(the code, its place) as the document names it, in its order."""


def findings(walked: Walked) -> Iterator[Finding]:
    """What holds of the protocol and of the protocol with any of its overlays."""
    yield from _tests(walked)
    yield from _consents(walked)


def whole_findings(definition: ProtocolDefinition) -> Iterator[Finding]:
    """What only the document as a whole shows, its overlays included."""
    nodes = tuple(PROTOCOL.walk(definition, "", "", 0))
    attributes, medicines = attributes_named(nodes), medicines_named(nodes)
    asked, listed = {code for code, _path in attributes}, {code for code, _path in medicines}
    declared = [medicine.code for medicine in definition.medicines]
    yield from _undeclared("attribute", attributes, list(definition.attributes))
    yield from _undeclared("medicine", medicines, declared)
    credentials = credentials_named(nodes)
    held = {code for code, _path in credentials}
    yield from _undeclared("credential", credentials, list(definition.credentials))
    # Of very many, none is compared: it would take longer than anybody waits.
    few = len(definition.attributes) + len(declared) + len(definition.credentials) <= MAX_NAMES
    unknown, unlisted = asked - set(definition.attributes), listed - set(declared)
    unheld = held - set(definition.credentials)
    for code in definition.attributes:
        if code not in asked and not (few and _meant(code, unknown)):
            yield _unused("attribute", f"attributes.{code}", code, "no condition names it")
    for number, medicine in enumerate(definition.medicines):
        if medicine.code not in listed and not (few and _meant(medicine.code, unlisted)):
            yield _unused("medicine", f"medicines[{number}]", medicine.code, "no washout or outcome names it")
    for code in definition.credentials:
        if code not in held and not (few and _meant(code, unheld)):
            yield _unused("credential", f"credentials.{code}", code, "no rule asks for it")
    yield from _said_twice(definition)
    yield from _nearly_the_same(
        {
            "tests": [(one.value.test, f"{one.path}.test") for one in _of(nodes, ResultRule)],
            "consent scopes": [(one.value.scope, f"{one.path}.scope") for one in _of(nodes, ConsentRule)],
            "forms": [(one.value.form, f"{one.path}.form") for one in _of(nodes, FormRule)],
            "attributes": attributes,
            "medicines": medicines,
            "credentials": credentials,
        }
    )
    yield from _terms(definition)
    yield from _jurisdictions(definition)


def attributes_named(nodes: Iterable[Node]) -> Named:
    found = []
    for node in _of(nodes, AttributeIs, ResultRule):
        name = "attribute" if isinstance(node.value, AttributeIs) else "only_for"
        if code := getattr(node.value, name):
            found.append((code, f"{node.path}.{name}"))
    return found


def medicines_named(nodes: Iterable[Node]) -> Named:
    found = []
    for node in _of(nodes, WashoutRule, Intercurrent):
        if isinstance(node.value, Intercurrent):
            at = f"{node.path}.medicine_classes"
            found += [(code, at) for code in sorted(node.value.medicine_classes)]
            continue
        for name in ("washouts", "half_lives"):
            found += [(code, f"{node.path}.{name}.{code}") for code in getattr(node.value, name)]
    return found


def credentials_named(nodes: Iterable[Node]) -> Named:
    return [
        (code, f"{node.path}.any_of")
        for node in _of(nodes, CredentialRule)
        for code in sorted(node.value.any_of)
    ]


def _of(nodes: Iterable[Node], *kinds: type[object]) -> Iterator[Node]:
    return (node for node in nodes if isinstance(node.value, kinds))


def _undeclared(kind: str, named: Named, declared: Sequence[str]) -> Iterator[Finding]:
    """With a list of its own, what is not in it is wrong; without one, that nothing declares it is said."""
    known, section, close = frozenset(declared), f"{kind}s", {}
    missing = [(code, path) for code, path in named if code not in known]
    if not declared:
        missing = list({code: (code, path) for code, path in reversed(missing)}.values())[::-1]  # said once
        pairs = near_pairs([code for code, _path in missing], most=MAX_NAMES)
        close = {one: other for pair in pairs for one, other in (pair, pair[::-1])}
    for number, (code, path) in enumerate(missing[:MAX_ERRORS]):
        if declared:
            meant = _asked_back(code, known, kind) if number < _ASKED_BACK else "Write one of those."
            yield finding(
                f"{kind}-unknown",
                path,
                f"“{code}” is not among the document's `{section}`",
                f"{meant} Or add it there.",
            )
        else:
            asked = f"Did you mean “{close[code]}”? " if code in close else ""
            yield finding(
                f"{kind}-undeclared",
                path,
                f"nothing in the document declares “{code}”",
                f"{asked}Declare it under `{section}`: then a slip of the pen is an error.",
            )


@lru_cache(maxsize=1024)  # the same slip is asked back for each overlay that is laid
def _asked_back(code: str, known: frozenset[str], kind: str) -> str:
    return instead_of(code, known, kind)


def _meant(code: str, unknown: Collection[str]) -> bool:
    """Whether a slip of the pen stands for it: that is said where the slip is."""
    return any(nearly(code, other) for other in sorted(unknown)[:MAX_NAMES])


def _unused(kind: str, path: str, code: str, why: str) -> Finding:
    return finding(f"{kind}-unused", path, f"“{code}” is declared, and {why}", "Leave it out.")


def _said_twice(definition: ProtocolDefinition) -> Iterator[Finding]:
    """One name in two entries: the chart would not know which washout is meant."""
    seen: dict[str, str] = {}
    for number, medicine in enumerate(definition.medicines):
        for name in filter(written_plainly, (medicine.code, *medicine.names)):
            other = seen.setdefault("".join(written_plainly(name)), medicine.code)
            if other != medicine.code:
                yield finding(
                    "medicine-named-twice",
                    f"medicines[{number}]",
                    f"“{name}” stands under “{other}” too: both washouts are kept, the longer counts",
                    "Keep it under the one that is meant.",
                )


def _tests(walked: Walked) -> Iterator[Finding]:
    rules: dict[str, ResultRule] = {}
    for place in walked.rules(ResultRule):
        rule = place.value
        first = rules.setdefault(rule.test, rule)
        yield from _read_alike(rule.test, rule.unit, rule.accept.value, first, place.path)
    for asked in walked.located(ResultIs):
        condition = asked.value
        if condition.test in rules:
            first = rules[condition.test]
            yield from _read_alike(condition.test, condition.unit, condition.value.value, first, asked.path)
            continue
        yield finding(
            "test-unknown",
            f"{asked.path}.test",
            f"no rule asks for the test “{condition.test}”: the chart never offers it",
            f"{_asked_back(condition.test, frozenset(rules), 'test')} "
            "Or add a rule of type `result` for it; without `blocks` it holds nothing up.",
        )


def _read_alike(test: str, unit: str, value: object, first: ResultRule, path: str) -> Iterator[Finding]:
    """The chart asks for a test once, as the first rule reads it."""
    if unit != first.unit:
        here, there = unit or "none", first.unit or "none"
        yield finding(
            "test-read-differently",
            path,
            f"“{test}” is read in {here} here and in {there} by “{first.code}”: it is entered in one of them",
            "Write the same `unit` in both.",
        )
    elif isinstance(value, str) != isinstance(first.accept.value, str):
        yield finding(
            "test-read-differently",
            path,
            f"“{test}” is a word to the one and a number to the other (“{first.code}”)",
            "Compare it the same way in both.",
        )


def _consents(walked: Walked) -> Iterator[Finding]:
    scopes = {place.value.scope for place in walked.rules(ConsentRule)}
    slip = next((scope for scope in sorted(scopes)[:MAX_NAMES] if nearly(scope, TREATMENT)), "")
    asked = f"Did you mean “{TREATMENT}” where “{slip}” stands? " if slip else ""
    for place in walked.located(AnchorRule):
        if place.value.event is AnchorEvent.CONSENT and TREATMENT not in scopes:
            yield finding(
                "consent-never-asked",
                place.path,
                "it is counted from the consent to treatment, and no rule asks for that",
                f"{asked}Add a consent rule with `scope: {TREATMENT}`.",
            )
    for after in walked.located(AfterEnd):
        if after.value.consent not in scopes:
            yield finding(
                "consent-never-asked",
                f"{after.path}.consent" if after.value.consent != TREATMENT else after.path,
                f"it goes on while consent to “{after.value.consent}” stands, and no rule asks for that",
                _asked_back(after.value.consent, frozenset(scopes), "consent rule"),
            )
    for scope in sorted(walked.definition.reconsent - scopes):
        yield finding(
            "reconsent-unknown",
            "reconsent",
            f"no rule asks for consent to “{scope}”",
            _asked_back(scope, frozenset(scopes), "consent rule"),
        )


def _nearly_the_same(kinds: Mapping[str, Named]) -> Iterator[Finding]:
    """Two codes of one kind that are almost one: the chart would ask for both."""
    for kind, named in kinds.items():
        places = dict(reversed(named))  # where each stands first
        for later, earlier in near_pairs([code for code, _path in named], most=MAX_NAMES):
            yield finding(
                "nearly-the-same",
                places[later],
                f"the {kind} “{later}” and “{earlier}” are written almost alike",
                "Write both alike if they are one; if they are two, give one a clearer code.",
            )


def _terms(definition: ProtocolDefinition) -> Iterator[Finding]:
    known = {code_of_noun(noun) for noun in NOUNS}
    for code in definition.terms:
        if code not in known:
            yield finding(
                "term-unknown",
                f"terms.{code}",
                f"no text of the product speaks of “{code.replace('_', ' ')}”: the term would change nothing",
                instead_of(code, known, "term"),
            )


def _jurisdictions(definition: ProtocolDefinition) -> Iterator[Finding]:
    named = [(definition.jurisdiction, "jurisdiction")]
    named += [
        (overlay.jurisdiction, f"overlays[{number}].jurisdiction")
        for number, overlay in enumerate(definition.overlays)
    ]
    for code, path in named:
        if not _JURISDICTION.fullmatch(code):
            yield finding(
                "jurisdiction-unknown",
                path,
                f"“{code}” is no code of a country or one of its parts: no clinic is found to be there",
                "Write `US`, `US-OR`, `EU` …; `none` where it comes from no jurisdiction.",
            )
