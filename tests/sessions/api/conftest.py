"""The clinic of these tests, and its clock. Imports wait: this is read before Django is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sessions.models import Course
    from tests.support.cast import Cast
    from tests.support.clinic_day import ClinicDay


@pytest.fixture
def cast(db: None) -> Cast:
    from tests.support.cast import START, days, make_cast
    from tests.support.clinic_day import set_clock

    found = make_cast()
    set_clock(START + days(1))
    return found


@pytest.fixture
def course(cast: Cast) -> Course:
    from tests.support.cast import enrol

    return enrol(cast)


@pytest.fixture
def day(db: None) -> ClinicDay:
    from tests.support.clinic_day import make_day

    return make_day()
