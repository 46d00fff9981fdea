"""Which scores a patient may see of themselves, where the clinic shows them any."""

from __future__ import annotations

from collections.abc import Iterable

from protocols.rules.definition import AssessmentRule, ProtocolDefinition, Role
from protocols.rules.instruments import Better, Instrument, Recall
from protocols.rules.instruments.definition import TOTAL

OF_A_MOMENT = frozenset({Recall.NOW, Recall.DOSING_SESSION})
"""Of a moment or a session, not of how somebody is over time; its day would tell what kind of day it was."""


def may_be_shown(
    instrument: Instrument, *, by: str, definitions: Iterable[ProtocolDefinition], in_flight: bool
) -> bool:
    """A total by which more or less is better. Never one made of nothing but answers that a person must act
    on: it would be such an answer's value. Until the course is over none that is an independent rater's, or
    of an instrument that one of its protocol's versions hides something from the raters of.
    """
    total = instrument.scale(TOTAL)
    if total is None or instrument.better is Better.NEITHER or instrument.recall in OF_A_MOMENT:
        return False
    if set(total.items) <= {worry.item for worry in instrument.worries}:
        return False
    return not (in_flight and (by == Role.INDEPENDENT_RATER or _blinded(instrument.code, definitions)))


def _blinded(instrument: str, definitions: Iterable[ProtocolDefinition]) -> bool:
    return any(
        isinstance(rule, AssessmentRule) and rule.hidden and rule.instrument == instrument
        for definition in definitions
        for rule in definition.rules
    )
