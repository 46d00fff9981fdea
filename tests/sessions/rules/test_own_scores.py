"""Which scores a patient may see of themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.rules.instruments import Instrument, parse_instrument
from sessions.rules.own_scores import may_be_shown
from tests.support.library import LIBRARY, protocol


def shipped(code: str) -> Instrument:
    return parse_instrument((LIBRARY / "instruments" / f"{code}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("protocol_code", "instrument", "by", "in_flight", "shown"),
    [
        ("mdma_ptsd", "pcl5", "patient", True, True),
        ("mdma_ptsd", "pcl5", "patient", False, True),
        # A rating from outside the team, hidden or not, waits for the end.
        ("mdma_ptsd", "caps5", "independent_rater", True, False),
        ("mdma_ptsd", "caps5", "independent_rater", False, True),
        ("ketamine_ptsd", "caps5", "independent_rater", True, False),
        ("psilocybin_trd", "madrs", "independent_rater", True, False),
        # What is blinded is so whoever rated it this time.
        ("psilocybin_trd", "madrs", "therapist", True, False),
        ("psilocybin_trd", "madrs", "therapist", False, True),
        ("mdma_ptsd", "madrs", "therapist", True, True),
        # No total; no better; of a moment.
        ("mdma_ptsd", "cssrs_since_last_visit", "therapist", False, False),
        ("mdma_ptsd", "day_after_check_in", "patient", False, False),
        ("mdma_ptsd", "meq30", "patient", False, False),
        ("mdma_ptsd", "suds", "patient", False, False),
    ],
)
def test_a_patient_sees_their_own_totals_and_blinded_ones_once_the_course_is_over(
    protocol_code: str, instrument: str, by: str, in_flight: bool, shown: bool
) -> None:
    found = may_be_shown(
        shipped(instrument), by=by, definitions=[protocol(protocol_code)], in_flight=in_flight
    )
    assert found is shown


def test_what_any_version_of_the_course_blinded_stays_blinded() -> None:
    both = [protocol("mdma_ptsd"), protocol("psilocybin_trd")]
    assert not may_be_shown(shipped("madrs"), by="therapist", definitions=both, in_flight=True)


def test_a_total_of_nothing_but_answers_to_act_on_is_never_shown() -> None:
    phq9 = shipped("phq9")
    (worry,) = phq9.worries
    total = replace(phq9.scales[0], items=(worry.item,))
    alone = replace(phq9, scales=(total,))
    every = tuple(replace(worry, item=item) for item in phq9.scales[0].items)
    for one in (alone, replace(phq9, worries=every)):
        assert not may_be_shown(one, by="patient", definitions=[], in_flight=False)
    assert may_be_shown(phq9, by="patient", definitions=[], in_flight=True)
