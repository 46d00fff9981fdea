"""What the exports say of every protocol of the library, and what comes back from them."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.rules.document import parse
from protocols.rules.exporting.fhir import ACCEPTABLE_RANGE, plan_definition
from protocols.rules.exporting.usdm import usdm_study
from protocols.rules.importing import NotAStudy, draft_from_usdm
from protocols.rules.schedule import schedule
from tests.support.laws import examples
from tests.support.library import CODES, protocol


def _action(plan: dict[str, Any], key: str) -> dict[str, Any]:
    return next(action for action in plan["action"] if action["id"] == key)


@pytest.mark.parametrize("code", CODES)
def test_every_action_has_its_own_id_and_hangs_on_one_that_is_there(code: str) -> None:
    plan = plan_definition(protocol(code))
    ids = [action["id"] for action in plan["action"]]
    assert len(ids) == len(set(ids))
    assert all(len(name) <= 64 for name in ids)
    related = {row["actionId"] for action in plan["action"] for row in action.get("relatedAction", ())}
    assert related
    assert related <= set(ids)


@pytest.mark.parametrize(
    ("code", "key", "relationship", "target", "low", "high"),
    [
        ("mdma_ptsd", "dosing.2", "after-start", (28, "d"), 21, 35),
        ("mdma_ptsd", "integration.1-at-dosing.3", "after-start", (1, "d"), 1, 1),
        ("mdma_ptsd", "contact.daily-at-dosing.1-no-7", "after-start", None, 7, 7),
        ("mdma_ptsd", "dosing.1", "after-end", (7, "d"), 1, 21),
        ("oregon_psilocybin", "form.disclosure", "before-start", None, 24, None),
        ("oregon_psilocybin", "contact.after-at-administration.1", "after-end", (24, "h"), 0, 72),
        ("esketamine_trd", "rems.monitoring-at-treatment.3", "after-start", (1, "d"), 0, 7),
        ("psilocybin_trd", "dosing.2", "after-start", (21, "d"), 18, 24),
        ("lsd_anxiety", "hama.week-16", "after-start", (112, "d"), 105, 119),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_window_is_told_as_a_distance_from_its_anchor(
    code: str, key: str, relationship: str, target: tuple[int, str] | None, low: int | None, high: int | None
) -> None:
    related = _action(plan_definition(protocol(code)), key)["relatedAction"][0]
    assert related["relationship"] == relationship
    told = related.get("offsetDuration")
    assert (None if told is None else (told["value"], told["code"])) == target
    (extension,) = related["extension"]
    assert extension["url"] == ACCEPTABLE_RANGE
    acceptable = extension["valueRange"]
    assert acceptable.get("low", {}).get("value") == low
    assert acceptable.get("high", {}).get("value") == high


def test_a_window_before_its_anchor_is_told_from_near_to_far() -> None:
    related = _action(plan_definition(protocol("oregon_psilocybin")), "preparation")["relatedAction"][0]
    assert related["relationship"] == "before-start"
    acceptable = related["extension"][0]["valueRange"]
    assert (acceptable["low"]["value"], acceptable["low"]["code"]) == (24, "h")
    assert (acceptable["high"]["value"], acceptable["high"]["code"]) == (90, "d")


def test_optional_treatment_is_marked_as_such_in_both_exports() -> None:
    again = _action(plan_definition(protocol("psilocybin_trd")), "dosing.3")
    assert "conditions" in again["description"]
    design = usdm_study(protocol("psilocybin_trd"))["study"]["versions"][0]["studyDesigns"][0]
    described = {row["name"]: row["description"] for row in design["encounters"]}
    assert described["dosing.2"] is None
    assert "conditions" in described["dosing.3"]


@pytest.mark.parametrize("code", CODES)
def test_the_same_definition_gives_the_same_study_with_unique_ids(code: str) -> None:
    study = usdm_study(protocol(code))
    assert study == usdm_study(protocol(code))
    ids: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("id"), str):
                ids.append(value["id"])
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    collect(study)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("code", CODES)
def test_an_exported_schedule_comes_back_as_a_draft_with_every_visit_and_its_window(code: str) -> None:
    definition = protocol(code)
    draft = draft_from_usdm(json.loads(json.dumps(usdm_study(definition))))
    back = parse(draft.document)
    visits = [
        item
        for item in schedule(definition)
        if item.minutes is not None or item.rule.code.startswith("contact")
    ]
    assert len(back.rules) == len(visits)
    for item, rule in zip(visits, back.rules, strict=True):
        (window,) = rule.windows  # type: ignore[union-attr]  # an import gives sessions only
        if item.target is not None and item.hangs_on is not None:
            assert window.target is not None, item.key
    assert draft.not_carried


def test_what_an_import_could_not_carry_is_named() -> None:
    draft = draft_from_usdm(usdm_study(protocol("mdma_ptsd")))
    told = "\n".join(draft.not_carried)
    assert "CAPS-5" in told
    assert "Eligibility criteria" in told
    assert "Interventions" in told
    assert "Cycles" in told


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


STUDY = pickle.dumps(usdm_study(protocol("lsd_anxiety")))


@settings(max_examples=examples(150), deadline=None)
@given(data=st.data())
def test_a_broken_study_gives_a_clear_refusal_or_a_draft_that_parses(data: st.DataObject) -> None:
    study = pickle.loads(STUDY)
    spots: list[tuple[Any, Any]] = []

    def collect(value: Any) -> None:
        inner = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for name, below in inner:
            spots.append((value, name))
            collect(below)

    collect(study)
    for _ in range(data.draw(st.integers(1, 4))):
        holder, name = spots[data.draw(st.integers(0, len(spots) - 1))]
        holder[name] = data.draw(_JSON)
    try:
        draft = draft_from_usdm(study)
    except NotAStudy as refusal:
        assert str(refusal).endswith(".")
    else:
        parse(draft.document)


@given(value=_JSON)
def test_anything_else_is_not_a_study(value: Any) -> None:
    with pytest.raises(NotAStudy):
        draft_from_usdm(value)
