"""One clinic in the middle of its day for every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.clinic_day import ClinicDay


@pytest.fixture
def day(db: None) -> ClinicDay:
    from tests.support.clinic_day import make_day  # Django is set up only now

    return make_day()
