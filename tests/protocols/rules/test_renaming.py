"""A rule under another name keeps its records: every reference follows, and a lost name is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from protocols.rules.definition import ProtocolDefinition
from protocols.rules.document import definition_to_document, parse
from protocols.rules.renaming import keyed, names_lost, renamed
from tests.support.definitions import mdma

LIBRARY = sorted((Path(__file__).parents[3] / "protocols" / "library").glob("*.yaml"))
PROTOCOLS = LIBRARY


def replacing(definition: ProtocolDefinition, old: str, new: str, replaces: str = "") -> ProtocolDefinition:
    """The next version: the rule `old` is now called `new`, and says what it replaces."""
    after = renamed(definition, {old: new})
    return replace(
        after,
        rules=tuple(
            replace(rule, replaces=replaces or old) if rule.code == new else rule for rule in after.rules
        ),
    )


@pytest.mark.parametrize("path", PROTOCOLS, ids=lambda path: path.stem)
def test_a_document_whose_rules_all_have_new_names_is_whole(path: Path) -> None:
    """The reader refuses a name that leads nowhere: a reference that renaming does not know would show."""
    definition = parse(path.read_text(encoding="utf-8"))
    names = {rule.code: f"{rule.code}_anew" for rule in definition.rules}
    after = renamed(definition, names)
    assert parse(definition_to_document(after)) == after
    assert renamed(after, {new: old for old, new in names.items()}) == definition


def test_the_engine_reads_a_renamed_rule_under_the_name_its_records_carry() -> None:
    assert keyed(mdma()) is mdma()
    assert keyed(replacing(mdma(), "dosing", "medicine_day")) == mdma()


def test_the_first_name_stays_the_name_of_the_records() -> None:
    first, second = mdma(), replacing(mdma(), "dosing", "medicine_day")
    assert names_lost(second, [first]) == []
    third = replacing(second, "medicine_day", "journey", replaces="dosing")
    assert names_lost(third, [first, second]) == []
    assert keyed(third) == first


def test_a_name_that_would_be_lost_is_told_with_what_to_write() -> None:
    first, second = mdma(), replacing(mdma(), "dosing", "medicine_day")
    third = replacing(second, "medicine_day", "journey")
    (lost,) = names_lost(third, [first, second])
    assert lost[0] == "journey"
    assert "`replaces: dosing`" in lost[1]
    forgotten = replace(
        second, rules=tuple(replace(rule, replaces="") for rule in second.rules), version="2.1"
    )
    (lost,) = names_lost(forgotten, [first, second])
    assert lost[0] == "medicine_day"
    assert "`replaces: dosing`" in lost[1]


def test_two_rules_cannot_carry_the_records_of_one() -> None:
    first = mdma()
    both = replace(
        first,
        rules=tuple(
            replace(rule, replaces="dosing") if rule.code == "integration" else rule for rule in first.rules
        ),
    )
    assert [code for code, _words in names_lost(both, [first])] == ["integration"]
