"""Entry checks for vital signs: they read, agree with the language's units, and are wrong with a place."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

import pytest

from protocols.measures import measures, parse_measures
from protocols.rules.reading import DocumentErrors
from protocols.rules.shapes.words import MEASURE_UNITS
from sessions.rules.facts import VitalsTaken


def test_every_measure_of_a_protocol_has_its_entry_check_in_the_same_unit() -> None:
    assert {name: measures()[name].unit for name in MEASURE_UNITS} == dict(MEASURE_UNITS)
    assert set(measures()) <= {field.name for field in fields(VitalsTaken)}
    assert measures()["systolic"].possible == (Decimal(40), Decimal(300))


def test_wrong_entry_checks_are_told_all_at_once_with_their_place() -> None:
    with pytest.raises(DocumentErrors) as caught:
        parse_measures(
            "pulse: {unit: /min, possible: [20, 300], usual: [10, 150]}\n"
            "systolic: {unit: mmHg, possible: [300, 40], usual: [80, 200]}\n"
            'oxygen: {unit: "%", possible: [30, 100]}\n'
        )
    assert [str(error) for error in caught.value.errors] == [
        "1:49: pulse.usual: something is usual and not possible. Let it lie within `possible`.",
        "2:34: systolic.possible: a range is two numbers. Write the lowest and the highest: `[40, 300]`.",
        "3:9: oxygen: a measure needs the field “usual”. Add `usual:`.",
    ]
