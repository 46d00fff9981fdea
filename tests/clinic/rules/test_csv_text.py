"""A file that a spreadsheet opens as text, never as a formula."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.rules.csv_text import cell, lines


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("P-001", "P-001"),
        ("=1+1", "'=1+1"),
        ("+44 20", "'+44 20"),
        ("-2 days", "'-2 days"),
        ("@import", "'@import"),
        ("  =1+1", "'  =1+1"),
        ("\t=1+1", "'\t=1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        (-3, "-3"),
        (None, ""),
        (True, "yes"),
        (False, "no"),
    ],
)
def test_what_a_spreadsheet_would_compute_is_marked_as_text(value: object, said: str) -> None:
    assert cell(value) == said


@given(
    st.lists(
        st.lists(
            st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
            min_size=2,
            max_size=2,
        )
    )
)
def test_what_goes_in_comes_out_and_nothing_begins_a_formula(rows: list[list[str]]) -> None:
    text = "".join(lines(["a", "b"], rows))
    header, *read = csv.reader(io.StringIO(text, newline=""))
    assert header == ["a", "b"]
    assert [[one.removeprefix("'") for one in row] for row in read] == [
        [one.removeprefix("'") for one in row] for row in rows
    ]
    assert not any(
        one.lstrip(" ")[:1] in tuple("=+-@\t\r\n") and one.strip(" ") for row in read for one in row
    )


def test_a_negative_amount_is_a_number_and_no_formula() -> None:
    assert cell(Decimal("-0.5")) == "-0.5"
