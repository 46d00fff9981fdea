"""In which words a page is said: those of its course's protocol, or those that all of a clinic's protocols
share."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import get_language

from clinic.rules.own_words import OwnWords
from protocols.models import ProtocolVersion, VersionStatus
from protocols.queries.definitions import definitions_of
from protocols.rules.definition import ProtocolDefinition, Role
from protocols.rules.own_words import own_nouns, roles_in

# By what they replace: a few sets of words serve every page, and each remembers the texts it has told.
_KNOWN: dict[tuple[tuple[str, str], ...], OwnWords] = {}
_MOST_KNOWN = 64
# By the definition itself, which is kept so that its address stays its own.
_ROLES: dict[int, tuple[ProtocolDefinition, frozenset[Role]]] = {}


def own_words_of(version_id: int) -> OwnWords:
    """The words of one version's protocol. Raises NotFound."""
    return _words(_nouns(definitions_of([version_id])[version_id]))


def own_words_of_house(*, clinic_id: int) -> OwnWords:
    """What every protocol that the clinic enrols on calls the same; where they differ, the house's word."""
    published = ProtocolVersion.objects.filter(clinic_id=clinic_id, status=VersionStatus.PUBLISHED)
    spoken = [_nouns(one) for one in definitions_of(published.values_list("pk", flat=True)).values()]
    if not spoken:
        return _words({})
    first, *others = spoken
    return _words(
        {noun: own for noun, own in first.items() if all(other.get(noun) == own for other in others)}
    )


def has_role(definition: ProtocolDefinition, role: Role) -> bool:
    """Whether anybody of that role has a part in it."""
    known = _ROLES.get(id(definition))
    if known is None:
        if len(_ROLES) >= _MOST_KNOWN:
            _ROLES.clear()
        known = _ROLES[id(definition)] = (definition, roles_in(definition))
    return role in known[1]


def _nouns(definition: ProtocolDefinition) -> Mapping[str, str]:
    language = (get_language() or "en").split("-")[0]
    nouns = {noun: words.get(language) or words["en"] for noun, words in own_nouns(definition).items()}
    if not has_role(definition, Role.PRESCRIBER):
        # What would reach the prescriber reaches the supervisor.
        nouns.setdefault("prescriber", nouns.get("supervisor", "supervisor"))
    return nouns


def _words(nouns: Mapping[str, str]) -> OwnWords:
    key = tuple(sorted(nouns.items()))
    found = _KNOWN.get(key)
    if found is None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        found = _KNOWN[key] = OwnWords(nouns)
    return found
