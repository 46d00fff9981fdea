"""What holds of every instrument and any answers to it."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.rules.definition import SourceStatus
from protocols.rules.instruments import (
    Act,
    AnswerIs,
    Instrument,
    ScaleIs,
    asked,
    instrument_digest,
    instrument_to_document,
    next_item,
    parse_instrument,
    score,
    sources_in,
    unverified_in,
)
from tests.protocols.rules.instruments.library import CODES, Answers, instrument, text_of


@st.composite
def answered(draw: st.DrawFn, *, complete: bool = False) -> tuple[Instrument, Answers]:
    """An instrument of the library with answers it offers, some missing unless `complete`."""
    one = instrument(draw(st.sampled_from(CODES)))
    given: Answers = {}
    for item in one.items:
        offered: list[Any] = [option.value for option in item.options]
        given[item.code] = draw(st.sampled_from(offered if complete else [*offered, None]))
    return one, given


@pytest.mark.parametrize("code", CODES)
def test_every_instrument_of_the_library_reads_and_reads_back_the_same(code: str) -> None:
    one = instrument(code)
    assert one.code == code
    assert parse_instrument(instrument_to_document(one)) == one


@given(answered())
def test_a_score_lies_in_its_published_range(pair: tuple[Instrument, Answers]) -> None:
    one, given = pair
    result = score(one, given)
    for scale in one.scales:
        value = result.scales[scale.code]
        assert value is None or scale.lowest <= value <= scale.highest


@given(answered(complete=True))
def test_a_complete_form_leaves_nothing_open(pair: tuple[Instrument, Answers]) -> None:
    one, given = pair
    result = score(one, given)
    assert (result.missing, result.undecided) == ((), ())
    assert None not in result.scales.values()


@given(answered())
def test_a_missing_answer_is_named_and_never_taken_for_a_zero(pair: tuple[Instrument, Answers]) -> None:
    """A scale is given only when each of its items was answered, was skipped, or may be missing by rule."""
    one, given = pair
    result = score(one, given)
    for item in asked(one, given):
        if given[item.code] is None and not item.optional:
            assert item.code in result.missing
    assert one.may_miss is None or one.may_miss.value == 0  # as none of the library has a published rule
    for scale in one.scales:
        if set(scale.items) & set(result.missing):
            assert result.scales[scale.code] is None


@given(answered(), st.data())
def test_what_is_found_stays_found_whatever_the_missing_answers_turn_out_to_be(
    pair: tuple[Instrument, Answers], data: st.DataObject
) -> None:
    """And what was neither found nor open is not found later."""
    one, given = pair
    before = score(one, given)
    filled = dict(given)
    # As a form is filled in: only what is asked, one after another.
    while (item := next_item(one, filled)) is not None:
        filled[item.code] = data.draw(st.sampled_from([option.value for option in item.options]))
    after = score(one, filled)
    findings = {finding.code for finding in one.findings}
    assert set(before.findings) <= set(after.findings)
    assert set(after.findings) <= set(before.findings) | (set(before.undecided) & findings)
    if before.band is not None:
        levels = [band.code for band in one.bands]
        assert after.band is not None
        assert levels.index(after.band) <= levels.index(before.band)
        assert after.band == before.band or after.band in before.undecided


@given(answered(), st.randoms(use_true_random=False))
def test_the_order_of_the_answers_changes_nothing(pair: tuple[Instrument, Answers], random: Any) -> None:
    one, given = pair
    shuffled = list(given.items())
    random.shuffle(shuffled)
    assert score(one, dict(shuffled)) == score(one, given)


@given(answered())
def test_no_question_is_asked_before_what_it_hangs_on_was_answered_so(
    pair: tuple[Instrument, Answers],
) -> None:
    one, given = pair
    for item in asked(one, given):
        for condition in item.asked_if:
            on = (condition.item,) if isinstance(condition, AnswerIs) else condition.items
            assert any(given[code] is not None for code in on)


@given(st.sampled_from(CODES), st.data())
def test_a_form_filled_in_question_by_question_comes_to_an_end_and_misses_nothing(
    code: str, data: st.DataObject
) -> None:
    one = instrument(code)
    given: Answers = {}
    while (item := next_item(one, given)) is not None:
        assert item.code not in given
        given[item.code] = data.draw(st.sampled_from([option.value for option in item.options]))
    assert score(one, given).missing == ()


@pytest.mark.parametrize("code", CODES)
def test_every_question_can_be_reached(code: str) -> None:
    one = instrument(code)
    lowest: Answers = {item.code: item.lowest for item in one.items}
    highest: Answers = {item.code: item.highest for item in one.items}
    reached = {item.code for answers in (lowest, highest) for item in asked(one, answers)}
    assert reached == {item.code for item in one.items}


BANDED = [code for code in CODES if any(isinstance(band.when, ScaleIs) for band in instrument(code).bands)]


@pytest.mark.parametrize("code", BANDED)
def test_every_total_has_exactly_one_band(code: str) -> None:
    one = instrument(code)
    spans = [band.when for band in one.bands if isinstance(band.when, ScaleIs)]
    assert len(spans) == len(one.bands)
    assert one.most is not None
    for points in range(one.most + 1):
        holding = [
            span
            for span in spans
            if (span.at_least is None or points >= span.at_least)
            and (span.at_most is None or points <= span.at_most)
        ]
        assert len(holding) == 1, points


def test_every_pattern_of_the_c_ssrs_acts_as_its_worst_yes() -> None:
    """All 128 of the first visit and all 64 of the later ones."""
    immediate = {"q4", "q5", "q6_recent", "q6"}
    for code in ("cssrs_screener", "cssrs_since_last_visit"):
        one = instrument(code)
        for values in product((0, 1), repeat=len(one.items)):
            given = {item.code: value for item, value in zip(one.items, values, strict=True)}
            yes = {item for item, value in given.items() if value}
            act = score(one, given).act
            expected = (
                Act.IMMEDIATE
                if yes & immediate
                else Act.SAME_DAY
                if "q3" in yes
                else Act.CHART_FLAG
                if "q6_lifetime" in yes
                else None
            )
            assert act is expected, given


# --- sources and licences -----------------------------------------------------------------------------------

SHIPS_TEXT = {"pcl5", "phq9", "gad7", "hama", "suds", "suds_100", "day_after_check_in", "long_term_check_in"}


@pytest.mark.parametrize("code", CODES)
def test_wording_ships_only_where_its_licence_lets_it(code: str) -> None:
    one = instrument(code)
    assert one.has_text is (code in SHIPS_TEXT)
    if one.has_text:
        assert one.licence.source.status is not SourceStatus.UNVERIFIED
    else:
        assert all(len(item.words["en"]) <= 75 and "?" not in item.words["en"] for item in one.items)


@pytest.mark.parametrize("code", CODES)
def test_every_figure_names_its_source_and_every_source_its_date(code: str) -> None:
    one = instrument(code)
    placed = list(sources_in(one))
    assert len(placed) >= len(one.scales) + len(one.findings) + len(one.bands) + len(one.changes)
    for each in placed:
        if each.source.status is SourceStatus.PUBLISHED:
            assert one.citations[each.source.citation].date
        else:
            assert each.source.note


def test_what_was_only_recalled_is_listed_for_somebody_to_confirm() -> None:
    """The whole list: nothing recalled quietly becomes published, and nothing published is doubted."""
    assert {code: [each.path for each in unverified_in(instrument(code))] for code in CODES} == {
        "audit": ["scales[4]"],
        "caps5": ["licence", "findings[6]", "findings[7]", "changes[1].points"],
        "cssrs_screener": ["licence"],
        "cssrs_since_last_visit": ["licence"],
        "day_after_check_in": [],
        "gad7": [],
        "hama": ["scales[2]", "scales[3]"],
        "long_term_check_in": [],
        "madrs": ["licence"],
        "meq30": ["findings[1]"],
        "pcl5": [],
        "phq9": ["findings[3]", "findings[4]", "changes[3].points"],
        "sds": ["scales[3]"],
        "suds": [],
        "suds_100": ["scales[1]"],
        "who5": ["licence", "findings[3]"],
    }


@pytest.mark.parametrize("code", CODES)
def test_two_layouts_of_one_instrument_have_one_digest(code: str) -> None:
    one = instrument(code)
    assert instrument_digest(parse_instrument(instrument_to_document(one))) == instrument_digest(one)
    assert instrument_digest(parse_instrument("# a remark\n" + text_of(code))) == instrument_digest(one)


def test_ranges_are_those_that_are_published() -> None:
    """The facts page, section 6; the two SUDS are as long as their names say."""
    published = {
        "pcl5": 80,
        "caps5": 80,
        "phq9": 27,
        "gad7": 21,
        "madrs": 60,
        "meq30": 150,
        "who5": 100,
        "audit": 40,
        "sds": 30,
        "hama": 56,
        "suds": 10,
        "suds_100": 100,
        "cssrs_screener": None,
        "cssrs_since_last_visit": None,
        "day_after_check_in": None,
        "long_term_check_in": None,
    }
    assert {code: instrument(code).most for code in CODES} == published
    assert all(scale.lowest == Decimal(0) for code in CODES for scale in instrument(code).scales)
