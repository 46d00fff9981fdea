"""Who may record the choice of a dose follows the protocol."""

from __future__ import annotations

from decimal import Decimal

import pytest

from clinic.errors import Forbidden
from sessions.models import Course
from sessions.operations.doses import order_dose
from tests.support.cast import LIBRARY, START, Cast, allow, enrol, make_cast, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def order(cast: Cast, course: Course, by: str, amount: int) -> dict[str, object]:
    row = order_dose(
        actor=cast.actor(by), course_id=course.public_id, cycle=1, amount=Decimal(amount), now=START
    )
    return dict(row.value)


def test_an_order_is_the_prescribers_where_the_protocol_says_so(cast: Cast) -> None:
    course = enrol(cast)
    with pytest.raises(Forbidden):
        order(cast, course, "ada", 80)
    assert order(cast, course, "dov", 80)["unit"] == "mg"


def test_what_the_patient_chooses_is_recorded_by_who_holds_the_session(cast: Cast) -> None:
    cast.version = publish(cast, (LIBRARY / "oregon_psilocybin.yaml").read_text(encoding="utf-8"), now=START)
    allow(cast)
    course = enrol(cast)
    assert order(cast, course, "ada", 25)["amount"] == "25"
    with pytest.raises(Forbidden):
        order(cast, course, "eve", 25)
