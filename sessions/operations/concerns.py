"""What is unusual or beyond a limit about a record: it is asked to be confirmed once, kept, and told to the
prescriber where safety is at stake. Judges nothing itself: the rules do."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import Incomplete
from protocols.measures import measures
from protocols.queries import definition_of, has_role
from protocols.rules.definition import ProtocolDefinition, Role
from sessions.models import Course, FactRecord
from sessions.models.tasks import TaskKind
from sessions.operations.tasks import open_task
from sessions.queries.history import history_of
from sessions.queries.words import breach_words
from sessions.rules.facts import DoseGiven, FactValue, VitalsTaken
from sessions.rules.limits import judge_dose, judge_vitals


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Something unusual or beyond a limit about a fact. Recording needs its code confirmed, once."""

    code: str
    words: str
    safety: bool = False


def confirm_concerns(concerns: Iterable[Concern], confirmed: Collection[str]) -> list[Concern]:
    """The concerns, if every one was confirmed. Raises Incomplete naming those that were not."""
    found = list(concerns)
    open_ones = [concern for concern in found if concern.code not in confirmed]
    if open_ones:
        raise Incomplete(
            " ".join(concern.words for concern in open_ones),
            code="confirm-needed",
            advice="Check it. If this is what happened, confirm it and it will be recorded.",
            data={
                "confirm": [concern.code for concern in open_ones],
                "words": [one.words for one in open_ones],
            },
        )
    return found


def unusual(reading: VitalsTaken) -> list[Concern]:
    """Values that are possible but unusual: keep them, or check the cuff."""
    return [
        Concern(code=f"unusual-{name}", words=f"{name} {amount} is unusual. Check the reading.")
        for name, measure in measures().items()
        if (amount := getattr(reading, name, None)) is not None
        and not measure.usual[0] <= amount <= measure.usual[1]
    ]


def limits_broken(
    *,
    course: Course,
    definition: ProtocolDefinition,
    value: FactValue,
    key: str | None,
    at: datetime,
    now: datetime,
    amends: UUID | None = None,
) -> list[Concern]:
    """What a dose or a reading of `at` breaks, before it is stored. `amends`: the record that it corrects."""
    if not isinstance(value, DoseGiven | VitalsTaken):
        return []
    history = history_of(course)
    if isinstance(value, DoseGiven):
        breaches = judge_dose(
            definition=definition,
            history=history,
            as_of=history.present(now),
            key=key,
            dose=value,
            at=at,
            amends=amends,
        )
    else:
        breaches = judge_vitals(definition=definition, history=history, as_of=at, key=key, reading=value)
    return [Concern(code=one.code, words=breach_words(one), safety=one.safety) for one in breaches]


def tell_prescriber(*, actor: Actor, course: Course, row: FactRecord, now: datetime) -> None:
    """Open the prescriber's task about a record, with the supervisor as cover, at once. Where nobody
    prescribes, the supervisor owns it."""
    prescribed = has_role(definition_of(course.protocol_version_id), Role.PRESCRIBER)
    open_task(
        actor=actor,
        course=course,
        kind=TaskKind.SAFETY_LIMIT,
        subject=str(row.public_id),
        act_by=now,
        now=now,
        owner_role="prescriber" if prescribed else "supervisor",
        cover_role="supervisor" if prescribed else "coordinator",
    )
