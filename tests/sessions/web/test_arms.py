"""Which arm of a trial a course is on is said when it begins."""

from __future__ import annotations

import pytest

from clinic.errors import BadInput, Incomplete
from sessions.models import Course
from sessions.operations.enrolment import enrol_patient
from tests.sessions.web.door import client_of
from tests.support.cast import LIBRARY, START, Cast, allow, enrol, make_cast, make_patient, publish
from tests.support.clinic_day import ClinicDay

pytestmark = pytest.mark.django_db

TWO = "arms:\n  - {code: active, words: 25 mg twice}\n  - {code: low, words: 10 mg twice}\n"


def two_arms(cast: Cast) -> None:
    text = (LIBRARY / "psilocybin_trd.yaml").read_text(encoding="utf-8")
    cast.version = publish(cast, text.replace("arms:\n  - {code: active, words: 25 mg twice}\n", TWO))
    allow(cast)


def enrol_on(cast: Cast, arm: str) -> Course:
    assert cast.version is not None
    return enrol_patient(
        actor=cast.actor("eve"),
        patient_id=make_patient(cast, f"P-{arm or 'none'}").public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=START,
        arm=arm,
        now=START,
    )


def test_the_only_arm_needs_no_choice() -> None:
    cast = make_cast()
    assert enrol(cast).arm == ""
    cast.version = publish(cast, (LIBRARY / "psilocybin_trd.yaml").read_text(encoding="utf-8"))
    allow(cast)
    assert enrol(cast, "P-002").arm == "active"


def test_one_of_several_arms_is_chosen_and_no_other() -> None:
    cast = make_cast()
    two_arms(cast)
    with pytest.raises(Incomplete) as refused:
        enrol_on(cast, "")
    assert "10 mg twice" in refused.value.fields["arm"][0]
    with pytest.raises(BadInput):
        enrol_on(cast, "middle")
    assert enrol_on(cast, "low").arm == "low"


def test_the_page_asks_for_the_arm_only_where_there_are_several(day: ClinicDay) -> None:
    address = f"/c/{day.cast.clinic.slug}/patients/enrol/"
    assert "arm" not in client_of(day, "eve").get(address).context["form"].fields
    two_arms(day.cast)
    choices = client_of(day, "eve").get(address).context["form"].fields["arm"].choices
    assert [code for code, _words in choices] == ["", "active", "low"]
