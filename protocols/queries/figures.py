"""The figures of a version that a clinician must answer for before it is published, and who has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clinic.actors import Actor
from protocols.models import FigureConfirmation, ProtocolVersion
from protocols.queries.definitions import definition_as_written
from protocols.queries.instruments import instruments
from protocols.rules.definition import SourceStatus
from protocols.rules.figures import to_answer_for

KINDS = {
    SourceStatus.UNVERIFIED: FigureConfirmation.Kind.CONFIRMED,
    SourceStatus.CLINIC_CHOICE: FigureConfirmation.Kind.ADOPTED,
}
"""What a figure of such a source needs: an unverified one is confirmed, where none is published the clinic
adopts its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Somebody answered for this figure, as it stood in that version."""

    person: str
    at: datetime
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureToAnswer:
    """`kind`: confirmed or adopted. `answered`: for this version; `before`: for the same figure with the same
    value in an earlier version, which a clinician can see before answering again."""

    path: str
    text: str
    kind: FigureConfirmation.Kind
    note: str
    answered: Answer | None
    before: Answer | None


def figures_to_answer(actor: Actor, version: ProtocolVersion) -> list[FigureToAnswer]:
    """Every figure of the version and of its instruments that is not read in a published source, in order.
    Two queries."""
    rows = (
        FigureConfirmation.objects.filter(clinic_id=actor.clinic_id, version__protocol_id=version.protocol_id)
        .select_related("person", "version")
        .order_by("at", "pk")
    )
    here: dict[tuple[str, str, str], Answer] = {}
    before: dict[tuple[str, str, str], Answer] = {}
    for row in rows:
        answer = Answer(person=row.person.printed_name, at=row.at, version=row.version.version)
        (here if row.version_id == version.pk else before)[row.path, row.text, row.kind] = answer
    found = []
    for figure in to_answer_for(definition_as_written(version), instruments()):
        kind = KINDS.get(figure.source.status)
        if kind is not None:
            name = (figure.path, figure.text, kind.value)
            found.append(
                FigureToAnswer(
                    path=figure.path,
                    text=figure.text,
                    kind=kind,
                    note=figure.source.note,
                    answered=here.get(name),
                    before=before.get(name),
                )
            )
    return found


def open_figures(version: ProtocolVersion) -> list[tuple[str, str, FigureConfirmation.Kind]]:
    """(path, text, what it needs) of every figure nobody has answered for yet. One query."""
    answered = set(FigureConfirmation.objects.filter(version=version).values_list("path", "text", "kind"))
    return [
        (figure.path, figure.text, kind)
        for figure in to_answer_for(definition_as_written(version), instruments())
        if (kind := KINDS.get(figure.source.status)) is not None
        and (figure.path, figure.text, kind.value) not in answered
    ]
