"""What the protocols' newer shapes need of the database: what earlier courses say, and decisions and forms on
record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.errors import BadInput
from protocols.rules.definition import DecisionChoice, DecisionRule, ProtocolDefinition, Role
from sessions.operations.choices import record_choice
from sessions.operations.enrolment import enrol_patient
from sessions.operations.workflow import withdraw_patient
from sessions.queries.asked import choice_rows
from sessions.queries.facts import FactRow
from sessions.queries.history import histories_of, history_of
from sessions.rules.facts import DecisionMade, FormFiled
from tests.support.cast import START, days, enrol, make_cast
from tests.support.definitions import common, dosing, made_of
from tests.support.dosed import hold_dosing

pytestmark = pytest.mark.django_db


def test_a_new_course_knows_when_the_patient_was_dosed_here_before_and_who_is_on_its_team() -> None:
    cast = make_cast()
    first = enrol(cast)
    ended_at = hold_dosing(cast, first)
    ada = cast.actor("ada", at=ended_at + days(1))
    withdraw_patient(actor=ada, course_id=first.public_id, reason="moves away", now=ended_at + days(1))
    assert cast.version is not None
    later = ended_at + days(90)
    second = enrol_patient(
        actor=cast.actor("eve", at=later),
        patient_id=first.patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=later,
        now=later,
    )
    other = enrol(cast, "P-002")
    with CaptureQueriesContext(connection) as asked:
        found = histories_of([first, second, other])
    assert len(asked) == 1
    given = START + days(28) + timedelta(minutes=10)
    assert found[second.pk].setting.earlier_doses == (given,)
    assert found[first.pk].setting.earlier_doses == ()
    assert found[other.pk].setting.earlier_doses == ()
    assert len(found[second.pk].setting.care_team) == len(set(cast.team.values()))


def test_a_decision_or_a_form_that_the_protocol_does_not_know_is_refused() -> None:
    cast = make_cast()
    course = enrol(cast)
    dov = cast.actor("dov", at=START)
    for value in (
        DecisionMade(decision="often", choice="weekly", reason="as before", person_id=0),
        FormFiled(form="monitoring"),
    ):
        with pytest.raises(BadInput):
            record_choice(actor=dov, course_id=course.public_id, value=value, occurred_at=START, now=START)
    assert not [fact for fact in history_of(course).facts if isinstance(fact.value, FormFiled | DecisionMade)]


def test_a_choice_made_under_an_earlier_version_stands_in_its_words_also_under_the_new_code() -> None:
    def asks(code: str, words: str, **more: Any) -> ProtocolDefinition:
        return made_of(
            dosing(),
            DecisionRule(
                **common(code, who=Role.PRESCRIBER, **more),
                choices=tuple(
                    DecisionChoice(code=one, words={"en": f"{words} {one}"}) for one in ("weekly", "rarely")
                ),
                default="rarely",
            ),
        )

    before, now = asks("often", "Then"), asks("how_often", "Now", replaces="often")
    made = FactRow(
        id=UUID(int=1),
        kind="decision_made",
        key="often",
        value=DecisionMade(decision="often", choice="weekly", reason="as agreed", person_id=1),
        occurred_at=START,
        recorded_at=START,
        entered_by="Dov Dale",
        corrected=None,
        was=(),
        reason="",
        version_id=1,
    )
    (row,) = choice_rows(now, [made], cycles=(), earlier={1: before})
    assert (row.key, row.chosen, row.made) == ("how_often", "Then weekly", made)
    (unmade,) = choice_rows(now, [], cycles=(), earlier={})
    assert (unmade.chosen, unmade.made) == ("Now rarely", None)
