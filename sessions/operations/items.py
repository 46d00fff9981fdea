"""The items of a protocol's checklists and release lists, as codes that may be ticked in a session."""

from __future__ import annotations

from collections.abc import Iterable

from clinic.errors import BadInput
from protocols.rules.definition import ProtocolDefinition, ReleaseRule
from sessions.rules.keys import session_rule_of


def check_items(*, definition: ProtocolDefinition, key: str | None, items: Iterable[str], field: str) -> None:
    """Raises BadInput, naming the known ones, for an item the protocol does not have for this session. An
    unscheduled session has no list of its own: any item of the protocol may be ticked in it."""
    rule = session_rule_of(definition=definition, key=key) if key else None
    lists = [rule.checklist] if rule is not None else []
    lists += [each.items for each in definition.rules if isinstance(each, ReleaseRule)]
    if rule is None:
        lists += [getattr(each, "checklist", ()) for each in definition.rules]
    known = {item.code for items_of in lists for item in items_of}
    unknown = sorted(set(items) - known)
    if unknown:
        raise BadInput(
            "The protocol has no such item for this session.",
            fields={
                field: [f"Not known: {', '.join(unknown)}. Known: {', '.join(sorted(known)) or 'none'}."]
            },
        )
