"""Scores of the library's instruments: against published examples where there are any (cited at the test),
else added up by hand from the published rule."""

from __future__ import annotations

from decimal import Decimal

import pytest

from clinic.errors import BadInput
from protocols.rules.instruments import Act, asked, changes_between, next_item, score
from tests.protocols.rules.instruments.library import Answers, adding_up_to, answers, instrument

# --- published examples -------------------------------------------------------------------------------------


def test_the_phq_9_of_a_published_example() -> None:
    """CMS ACCESS Model API implementation guide 0.9.8, QuestionnaireResponse/DepressionPHQ9Example: 7."""
    result = score(instrument("phq9"), answers("phq9", 1, 1, 2, 1, 0, 1, 1, 0, 0, 1))
    assert (result.total, result.band, result.worrying) == (7, "mild", ())
    assert result.findings == ("at_most_9",)


def test_the_gad_7_of_a_published_example() -> None:
    """CMS ACCESS Model API implementation guide 0.9.8, QuestionnaireResponse/AnxietyGAD7Example: 6."""
    result = score(instrument("gad7"), answers("gad7", 1, 1, 1, 1, 0, 1, 1))
    assert (result.total, result.band, result.findings) == (6, "mild", ())


def test_the_audit_of_a_public_test_suite() -> None:
    """A public program's acceptance test (scenario "AUDIT10"): never, 10 or more, monthly, weekly, less than
    monthly, never, weekly, weekly, yes but not in the last year, yes: 22. Its item 1 would have skipped the
    rest: what was answered counts all the same."""
    result = score(instrument("audit"), answers("audit", 0, 4, 2, 3, 1, 0, 3, 3, 2, 4))
    assert (result.total, result.band) == (22, "zone_4")
    assert result.findings == ("dependence_symptoms", "recent_harm")


def test_the_who_5_of_a_published_example() -> None:
    """simplified.tools/assess_who_5: the five items come to 21 of 25, which is 84%."""
    result = score(instrument("who5"), answers("who5", 4, 5, 4, 4, 4))
    assert dict(result.scales) == {"total": 84, "raw": 21}
    assert result.findings == ()


def test_a_caps_5_diagnosis_can_come_with_a_severity_of_only_12() -> None:
    """VHA training on the CAPS-5, lesson 5: "It's possible for someone to meet all Dx criteria, yet have a
    total severity score (Sum of B-E) of only 12."""
    result = score(instrument("caps5"), caps5({"b1": 2, "c1": 2, "d1": 2, "d2": 2, "e1": 2, "e2": 2}))
    assert result.total == 12
    assert "diagnosis" in result.findings


def test_the_c_ssrs_of_a_published_example_asks_for_nothing() -> None:
    """HL7 US Behavioral Health Profiles, QuestionnaireResponse/C-SSRS-example-1: every answer no. There it is
    called low, the lowest of LOINC's three levels; here it has no level, and low begins at a yes to item
    1."""
    result = score(instrument("cssrs_screener"), answers("cssrs_screener", 0, 0, 0, 0, 0, 0, 0))
    assert (result.band, result.act, result.undecided) == (None, None, ())


# --- PCL-5, by hand -----------------------------------------------------------------------------------------


def test_a_pcl_5_added_up_by_hand() -> None:
    #                    B 1-5: 11      C: 5   D 8-14: 12            E 15-20: 10
    given = answers("pcl5", 3, 2, 1, 3, 2, 3, 2, 0, 2, 2, 3, 1, 2, 2, 1, 0, 3, 2, 2, 2)
    result = score(instrument("pcl5"), given)
    assert dict(result.scales) == {"total": 38, "b": 11, "c": 5, "d": 12, "e": 10}
    assert result.findings == ("provisional_diagnosis", "cut_31", "cut_33")
    assert (result.missing, result.undecided) == ((), ())


@pytest.mark.parametrize(
    ("label", "values", "found"),
    [
        ("one B, one C, two D, two E", (2, 0, 0, 0, 0, 2, 0, 2, 2, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0), True),
        ("no B", (1, 1, 1, 1, 1, 2, 0, 2, 2, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0), False),
        ("no C", (2, 0, 0, 0, 0, 1, 1, 2, 2, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0), False),
        ("only one D", (2, 0, 0, 0, 0, 2, 0, 4, 1, 1, 1, 1, 1, 1, 2, 2, 0, 0, 0, 0), False),
        ("only one E", (2, 0, 0, 0, 0, 2, 0, 2, 2, 0, 0, 0, 0, 0, 4, 1, 1, 1, 1, 1), False),
    ],
)
def test_the_provisional_diagnosis_needs_one_b_one_c_two_d_two_e(
    label: str, values: tuple[int, ...], found: bool
) -> None:
    result = score(instrument("pcl5"), answers("pcl5", *values))
    assert ("provisional_diagnosis" in result.findings) is found, label
    assert result.undecided == ()


@pytest.mark.parametrize(
    ("total", "findings"),
    [(28, {"end_state_28"}), (29, set()), (30, set()), (31, {"cut_31"}), (33, {"cut_31", "cut_33"})],
)
def test_the_pcl_5_cut_points_hold_at_their_edges(total: int, findings: set[str]) -> None:
    result = score(instrument("pcl5"), adding_up_to("pcl5", total))
    assert set(result.findings) - {"provisional_diagnosis"} == findings


# --- what is missing ----------------------------------------------------------------------------------------


def test_a_missing_answer_leaves_its_scales_open_and_is_named() -> None:
    result = score(instrument("pcl5"), answers("pcl5", *[2] * 20) | {"q7": None})
    assert result.total is None
    assert (result.scales["c"], result.scales["b"]) == (None, 10)
    assert result.missing == ("q7",)
    assert set(result.undecided) == {"cut_31", "cut_33", "end_state_28"}


def test_a_rule_that_holds_whatever_the_missing_answer_was_is_found() -> None:
    """Item 6 is present, so the rule's one symptom of C is there with or without item 7."""
    result = score(instrument("pcl5"), answers("pcl5", *[2] * 20) | {"q7": None})
    assert result.findings == ("provisional_diagnosis",)
    open_one = score(instrument("pcl5"), answers("pcl5", *[2] * 20) | {"q6": 0, "q7": None})
    assert "provisional_diagnosis" in open_one.undecided


@pytest.mark.parametrize(("item", "value"), [("q1", 5), ("q1", -1), ("q1", True), ("q21", 0)])
def test_an_answer_the_form_does_not_offer_is_refused(item: str, value: int) -> None:
    with pytest.raises(BadInput) as caught:
        score(instrument("pcl5"), {item: value})
    assert set(caught.value.fields) == {item}


def test_all_bad_answers_are_told_at_once_with_what_may_be_answered() -> None:
    with pytest.raises(BadInput) as caught:
        score(instrument("suds_100"), {"distress": 101, "calm": 1})
    assert caught.value.fields == {
        "distress": ["Answer with one of: 0 to 100."],
        "calm": ["suds_100 has no item of that name."],
    }
    with pytest.raises(BadInput) as caught:
        score(instrument("audit"), {"q9": 3, "q10": 1, "q1": 4})
    assert caught.value.fields == {item: ["Answer with one of: 0, 2, 4."] for item in ("q9", "q10")}


# --- PHQ-9, GAD-7 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "bands"),
    [
        ("phq9", {0: "minimal", 4: "minimal", 5: "mild", 9: "mild", 10: "moderate", 14: "moderate"}),
        ("phq9", {15: "moderately_severe", 19: "moderately_severe", 20: "severe", 27: "severe"}),
        ("gad7", {0: "minimal", 4: "minimal", 5: "mild", 9: "mild", 10: "moderate", 14: "moderate"}),
        ("gad7", {15: "severe", 21: "severe"}),
        ("madrs", {6: "absent", 7: "mild", 19: "mild", 20: "moderate", 34: "moderate", 35: "severe"}),
        ("hama", {7: "minimal", 8: "mild", 14: "mild", 15: "moderate", 23: "moderate", 24: "severe"}),
        ("audit", {7: "zone_1", 8: "zone_2", 15: "zone_2", 16: "zone_3", 19: "zone_3", 20: "zone_4"}),
    ],
)
def test_the_bands_change_at_their_edges(code: str, bands: dict[int, str]) -> None:
    for total, band in bands.items():
        result = score(instrument(code), adding_up_to(code, total))
        assert (result.total, result.band) == (total, band)


@pytest.mark.parametrize(
    ("label", "values", "found"),
    [
        ("five, with item 1", (2, 0, 2, 2, 2, 2, 0, 0, 0), "major_depressive_syndrome"),
        ("five, item 9 on several days", (0, 2, 2, 2, 2, 0, 0, 0, 1), "major_depressive_syndrome"),
        (
            "another item on several days does not count",
            (0, 2, 2, 2, 2, 0, 0, 1, 0),
            "other_depressive_syndrome",
        ),
        ("five, without items 1 and 2", (1, 1, 2, 2, 2, 2, 2, 0, 0), None),
        ("two", (0, 3, 2, 1, 1, 1, 1, 1, 0), "other_depressive_syndrome"),
        ("one", (3, 1, 1, 1, 1, 1, 1, 1, 0), None),
    ],
)
def test_the_phq_9_algorithm(label: str, values: tuple[int, ...], found: str | None) -> None:
    result = score(instrument("phq9"), answers("phq9", *values))
    syndromes = [code for code in result.findings if code.endswith("_syndrome")]
    assert syndromes == ([found] if found else []), label


@pytest.mark.parametrize(("value", "act"), [(0, None), (1, Act.SAME_DAY), (3, Act.SAME_DAY)])
def test_any_thought_of_being_better_off_dead_is_acted_on_the_same_day(value: int, act: Act | None) -> None:
    """Also from a form that was left after that one question."""
    result = score(instrument("phq9"), {"q9": value})
    assert result.act is act
    assert result.total is None


def test_how_difficult_it_was_is_no_part_of_the_phq_9s_score() -> None:
    without = score(instrument("phq9"), answers("phq9", *[1] * 9))
    with_it = score(instrument("phq9"), answers("phq9", *[1] * 9, 3))
    assert without == with_it
    assert without.missing == ()


# --- C-SSRS -------------------------------------------------------------------------------------------------


def test_the_c_ssrs_goes_on_to_item_6_when_item_2_is_no() -> None:
    screener = instrument("cssrs_screener")
    asked_items = [item.code for item in asked(screener, {"q1": 1, "q2": 0, "q6_lifetime": 0})]
    assert asked_items == ["q1", "q2", "q6_lifetime"]
    assert [item.code for item in asked(screener, {"q2": 1})] == ["q1", "q2", "q3", "q4", "q5", "q6_lifetime"]


def test_one_question_follows_another() -> None:
    screener = instrument("cssrs_screener")
    given: Answers = {}
    order = []
    for value in (0, 1, 0, 0, 0, 1, 0):
        following = next_item(screener, given)
        assert following is not None
        order.append(following.code)
        given[following.code] = value
    assert order == ["q1", "q2", "q3", "q4", "q5", "q6_lifetime", "q6_recent"]
    assert next_item(screener, given) is None


@pytest.mark.parametrize(
    ("yes", "band", "act", "worrying", "flags"),
    [
        ((), None, None, (), ()),
        (("q1",), "low", None, (), ()),
        (("q1", "q2"), "low", None, (), ()),
        (("q1", "q2", "q3"), "moderate", Act.SAME_DAY, ("q3",), ()),
        (("q6_lifetime",), "moderate", Act.CHART_FLAG, (), ("q6_lifetime",)),
        (("q6_lifetime", "q6_recent"), "high", Act.IMMEDIATE, ("q6_recent",), ("q6_lifetime",)),
        (("q1", "q2", "q4"), "high", Act.IMMEDIATE, ("q4",), ()),
        (("q2", "q3", "q5"), "high", Act.IMMEDIATE, ("q5", "q3"), ()),
        (("q5",), "high", Act.IMMEDIATE, ("q5",), ()),  # on paper, although item 2 was no: never dropped
    ],
)
def test_the_c_ssrs_has_levels_and_acts_and_no_total(
    yes: tuple[str, ...], band: str | None, act: Act | None, worrying: tuple[str, ...], flags: tuple[str, ...]
) -> None:
    screener = instrument("cssrs_screener")
    result = score(screener, {item.code: int(item.code in yes) for item in screener.items})
    assert (result.total, result.band, result.act) == (None, band, act)
    assert (result.worrying, result.flags) == (worrying, flags)


@pytest.mark.parametrize(
    ("yes", "band", "act"),
    [
        ((), None, None),
        (("q2",), "low", None),
        (("q2", "q3"), "moderate", Act.SAME_DAY),
        (("q2", "q5"), "high", Act.IMMEDIATE),
        (("q6",), "high", Act.IMMEDIATE),
    ],
)
def test_behaviour_since_the_last_visit_is_recent_and_nothing_is_asked_of_a_lifetime(
    yes: tuple[str, ...], band: str | None, act: Act | None
) -> None:
    form = instrument("cssrs_since_last_visit")
    result = score(form, {item.code: int(item.code in yes) for item in form.items})
    assert (result.band, result.act, result.flags) == (band, act, ())
    assert all(item.recall is None for item in form.items)


def test_an_unanswered_item_2_leaves_the_worse_levels_open() -> None:
    """Nobody knows what items 3 to 5 would have been: the level is at least low, and may be worse."""
    result = score(instrument("cssrs_screener"), {"q1": 1, "q2": None, "q6_lifetime": 0})
    assert result.band == "low"
    assert result.undecided == ("high", "moderate")
    assert result.missing == ("q2",)


# --- CAPS-5 -------------------------------------------------------------------------------------------------


def caps5(severities: Answers, **others: int) -> Answers:
    """All symptoms absent but these; A and F met and some distress, but for `others`."""
    symptoms: Answers = {item.code: 0 for item in instrument("caps5").items if not item.optional}
    return symptoms | {"criterion_a": 1, "criterion_f": 1, "q23": 2, "q24": 0, "q25": 0} | severities | others


BARE = {"b1": 2, "c1": 2, "d1": 2, "d2": 2, "e1": 2, "e2": 2}


@pytest.mark.parametrize("lacking", [{"criterion_a": 0}, {"criterion_f": 0}, {"q23": 1}, {"c1": 1}])
def test_a_caps_5_diagnosis_needs_every_criterion(lacking: dict[str, int]) -> None:
    result = score(instrument("caps5"), caps5(dict(BARE)) | lacking)
    assert "diagnosis" not in result.findings


def test_remission_is_the_loss_of_the_diagnosis_and_at_most_11() -> None:
    caps = instrument("caps5")
    assert "remission" in score(caps, caps5({"b1": 4, "c1": 4, "d1": 3})).findings
    assert "remission" not in score(caps, caps5({"b1": 4, "c1": 4, "d1": 4})).findings  # 12
    assert "remission" not in score(caps, caps5(dict(BARE))).findings  # 12, and the diagnosis


def test_the_twenty_severities_alone_decide_no_diagnosis() -> None:
    only_symptoms = {
        code: value for code, value in caps5(dict(BARE)).items() if code[0] in "bcde" and code[1].isdigit()
    }
    result = score(instrument("caps5"), only_symptoms)
    assert result.total == 12
    assert result.missing == ()
    assert "diagnosis" in result.undecided


@pytest.mark.parametrize(("q30", "found"), [(1, False), (2, True)])
def test_the_dissociative_subtype_needs_one_of_two_items(q30: int, found: bool) -> None:
    result = score(instrument("caps5"), caps5(dict(BARE), q29=0, q30=q30))
    assert ("dissociative_subtype" in result.findings) is found


# --- MADRS, SDS, HAM-A, MEQ30, WHO-5, AUDIT, SUDS, by hand --------------------------------------------------


@pytest.mark.parametrize(
    ("rating", "act"),
    [(1, None), (2, Act.SAME_DAY), (3, Act.SAME_DAY), (4, Act.IMMEDIATE), (6, Act.IMMEDIATE)],
)
def test_suicidal_thoughts_in_the_madrs_are_acted_on(rating: int, act: Act | None) -> None:
    assert score(instrument("madrs"), {"q10": rating}).act is act


@pytest.mark.parametrize(
    ("label", "given", "scales"),
    [
        ("working", (1, 7, 5, 8), {"total": 20, "without_work": 13, "mean": Decimal("6.67")}),
        ("not working", (0, None, 5, 8), {"total": None, "without_work": 13, "mean": Decimal("6.5")}),
        ("work not answered", (1, None, 5, 8), {"total": None, "without_work": 13, "mean": None}),
        (
            "whether working not answered",
            (None, None, 5, 8),
            {"total": None, "without_work": 13, "mean": None},
        ),
        ("none", (1, 0, 0, 0), {"total": 0, "without_work": 0, "mean": 0}),
    ],
)
def test_the_sds_by_both_conventions(
    label: str, given: tuple[int | None, ...], scales: dict[str, object]
) -> None:
    assert dict(score(instrument("sds"), answers("sds", *given)).scales) == scales, label


def test_who_does_not_work_misses_nothing_in_the_sds() -> None:
    result = score(instrument("sds"), answers("sds", 0, None, 5, 4))
    assert result.missing == ()
    assert result.findings == ("impaired",)


def test_the_ham_a_is_psychic_and_somatic() -> None:
    given = answers("hama", 4, 3, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 2)
    assert dict(score(instrument("hama"), given).scales) == {"total": 13, "psychic": 10, "somatic": 3}


def meq(mystical: int, mood: int, time: int, words: int) -> Answers:
    """Each factor's items filled up to that sum."""
    factors = {"mystical": mystical, "positive_mood": mood, "transcendence": time, "ineffability": words}
    given: Answers = {}
    for scale in instrument("meq30").scales:
        left = factors.get(scale.code, 0)
        for item in scale.items if scale.code in factors else ():
            given[item] = min(left, 5)
            left -= min(left, 5)
    return given


@pytest.mark.parametrize(
    ("sums", "complete"),
    [
        ((45, 18, 18, 9), True),  # exactly 60% each
        ((44, 30, 30, 15), False),
        ((75, 17, 30, 15), False),
        ((75, 30, 17, 15), False),
        ((75, 30, 30, 8), False),
    ],
)
def test_a_complete_mystical_experience_is_60_percent_on_each_of_the_four(
    sums: tuple[int, int, int, int], complete: bool
) -> None:
    result = score(instrument("meq30"), meq(*sums))
    assert result.total == sum(sums)
    assert ("complete_mystical_experience" in result.findings) is complete


def test_the_factors_of_the_meq30_are_percentages_and_share_no_item() -> None:
    result = score(instrument("meq30"), meq(45, 20, 1, 5))
    assert dict(result.scales) == {
        "total": 71,
        "mystical": 60,
        "positive_mood": Decimal("66.67"),
        "transcendence": Decimal("3.33"),
        "ineffability": Decimal("33.33"),
    }
    factors = [scale.items for scale in instrument("meq30").scales if scale.code != "total"]
    assert sorted(item for items in factors for item in items) == sorted(
        i.code for i in instrument("meq30").items
    )


@pytest.mark.parametrize(
    ("raw", "findings"),
    [
        (7, ("poor_wellbeing", "screen_50", "depression_likely")),
        (8, ("poor_wellbeing", "screen_50")),
        (12, ("poor_wellbeing", "screen_50")),
        (13, ()),
    ],
)
def test_the_who_5_turns_at_13_of_25(raw: int, findings: tuple[str, ...]) -> None:
    result = score(instrument("who5"), adding_up_to("who5", raw))
    assert result.total == raw * 4
    assert result.findings == findings


@pytest.mark.parametrize(
    ("label", "given", "asked_items", "total"),
    [
        ("never drinks", {"q1": 0, "q9": 0, "q10": 2}, ["q1", "q9", "q10"], 2),
        (
            "little and light",
            {"q1": 2, "q2": 0, "q3": 0, "q9": 0, "q10": 0},
            ["q1", "q2", "q3", "q9", "q10"],
            2,
        ),
        ("heavier", {"q1": 2, "q2": 0, "q3": 1}, [f"q{n}" for n in range(1, 11)], None),
        ("not yet known", {"q1": 2, "q2": 0}, ["q1", "q2", "q3", "q9", "q10"], None),
    ],
)
def test_the_audit_skips_what_cannot_apply_and_counts_it_as_0(
    label: str, given: Answers, asked_items: list[str], total: int | None
) -> None:
    audit = instrument("audit")
    assert [item.code for item in asked(audit, given)] == asked_items, label
    assert score(audit, given).total == total


def test_the_suds_is_its_one_rating() -> None:
    assert score(instrument("suds"), {"distress": 7}).total == 7
    assert score(instrument("suds_100"), {"distress": 70}).total == 70
    assert score(instrument("suds"), {"distress": None}).total is None


@pytest.mark.parametrize(
    ("values", "worrying", "act"),
    [
        ((1, 1, 1, 0), (), None),
        ((0, 1, 1, 0), ("safe",), Act.IMMEDIATE),
        ((1, 0, 0, 0), (), None),
        ((1, 1, 1, 1), ("wants_call",), Act.CALL_BACK),
        ((0, 0, 0, 1), ("safe", "wants_call"), Act.IMMEDIATE),
    ],
)
def test_not_feeling_safe_or_wanting_a_call_is_acted_on(
    values: tuple[int, ...], worrying: tuple[str, ...], act: Act | None
) -> None:
    result = score(instrument("day_after_check_in"), answers("day_after_check_in", *values))
    assert (result.worrying, result.act) == (worrying, act)


@pytest.mark.parametrize(
    ("values", "worrying", "act"),
    [
        ((1, 0, 1, 0), (), None),
        ((1, 0, 0, 0), (), None),
        ((1, 1, 1, 0), ("difficulties",), Act.SAME_DAY),
        ((1, 0, 1, 1), ("wants_call",), Act.CALL_BACK),
        ((0, 1, 0, 1), ("safe", "difficulties", "wants_call"), Act.IMMEDIATE),
    ],
)
def test_what_is_hard_long_after_the_end_is_acted_on(
    values: tuple[int, ...], worrying: tuple[str, ...], act: Act | None
) -> None:
    result = score(instrument("long_term_check_in"), answers("long_term_check_in", *values))
    assert (result.worrying, result.act) == (worrying, act)


# --- change -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "before", "after", "seen"),
    [
        ("pcl5", 50, 46, {}),
        ("pcl5", 50, 45, {"reliable_5": True}),
        (
            "pcl5",
            50,
            35,
            {"reliable_5": True, "minimal_important_9": True, "meaningful_10": True, "reliable_15": True},
        ),
        (
            "pcl5",
            35,
            50,
            {"reliable_5": False, "minimal_important_9": False, "meaningful_10": False, "reliable_15": False},
        ),
        ("phq9", 20, 10, {"response_50": True, "meaningful_5": True}),
        ("phq9", 18, 9, {"response_50": True, "significant_50": True, "meaningful_5": True}),
        ("phq9", 10, 20, {"meaningful_5": False}),  # worse is never a response
        ("phq9", 0, 4, {}),  # no percent of nothing
        ("gad7", 12, 8, {"meaningful_4": True}),
        ("gad7", 12, 6, {"meaningful_4": True, "reliable_6": True}),
        ("madrs", 32, 17, {"response_25": True}),
        ("madrs", 32, 16, {"response_50": True, "response_25": True}),
        ("caps5", 40, 30, {"response_10": True}),
        ("caps5", 30, 21, {"response_30": True}),
    ],
)
def test_changes_are_seen_from_their_threshold_on(
    code: str, before: int, after: int, seen: dict[str, bool]
) -> None:
    one = instrument(code)
    found = changes_between(
        one, score(one, adding_up_to(code, before)), score(one, adding_up_to(code, after))
    )
    assert {each.change.code: each.improved for each in found} == seen
    assert all(each.difference == after - before for each in found)


def test_a_clinically_significant_change_ends_below_the_cut_and_began_above_it() -> None:
    pcl5 = instrument("pcl5")

    def significant(before: int, after: int) -> bool:
        found = changes_between(
            pcl5, score(pcl5, adding_up_to("pcl5", before)), score(pcl5, adding_up_to("pcl5", after))
        )
        return "significant_15" in {each.change.code for each in found}

    assert significant(50, 28)
    assert not significant(50, 29)
    assert not significant(28, 10)


def test_more_is_better_in_the_who_5() -> None:
    who5 = instrument("who5")
    low, high = (score(who5, adding_up_to("who5", raw)) for raw in (10, 13))
    assert [(each.improved, each.difference) for each in changes_between(who5, low, high)] == [(True, 12)]
    assert [each.improved for each in changes_between(who5, high, low)] == [False]


def test_scores_of_another_instrument_are_never_compared() -> None:
    with pytest.raises(BadInput):
        changes_between(
            instrument("phq9"),
            score(instrument("gad7"), adding_up_to("gad7", 10)),
            score(instrument("phq9"), adding_up_to("phq9", 10)),
        )


def test_no_change_is_seen_where_a_total_is_missing() -> None:
    phq9 = instrument("phq9")
    assert changes_between(phq9, score(phq9, adding_up_to("phq9", 20)), score(phq9, {"q1": 0})) == ()
