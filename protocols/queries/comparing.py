"""Two versions of a protocol compared, in the reader's language."""

from __future__ import annotations

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, NotFound
from protocols.models import ProtocolVersion
from protocols.queries.definitions import definition_as_written
from protocols.rules.comparing import Difference, compare
from protocols.rules.definition import Words


def compare_versions(
    actor: Actor, *, before: ProtocolVersion, after: ProtocolVersion
) -> tuple[Difference, ...]:
    """Every difference, in the order of the document. Both must be versions of one protocol of the clinic."""
    if not {before.clinic_id, after.clinic_id} == {actor.clinic_id}:
        raise NotFound()
    if before.protocol_id != after.protocol_id:
        raise BadInput(_("These are versions of different protocols."))
    return compare(definition_as_written(before), definition_as_written(after), say=_say, tr=_)


def _say(words: Words) -> str:
    language = (get_language() or "en").split("-", maxsplit=1)[0]
    return words.get(language) or words["en"]
