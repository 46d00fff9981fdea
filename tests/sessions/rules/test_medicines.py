"""How a medicine of the chart is matched with what a protocol washes out: a near miss never passes a gate in
silence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from protocols.rules.definition import Block, MedicineRule, Move, ProtocolDefinition, WashoutRule
from sessions.rules.facts import MedicineListed
from sessions.rules.gates import Gate
from sessions.rules.medicines import Reading, readings
from sessions.rules.sentences import SENTENCES
from tests.sessions.rules.test_twenty_features import DAY, HOUR, PRESCRIBER, START, Course, day_of
from tests.support.definitions import away, common, dosing, made_of, window
from tests.support.library import protocol

WASHOUT = WashoutRule(
    **common(
        "washout", per="dosing", blocks=(Block(move=Move.START_SESSION, rule="dosing", override=PRESCRIBER),)
    ),
    washouts={"ssri": away("14 d"), "fluoxetine": away("35 d"), "st_johns_wort": away("21 d")},
)
DECLARED = (
    MedicineRule(code="ssri", words={"en": "SSRIs"}, names=("sertraline", "paroxetine")),
    MedicineRule(code="fluoxetine", words={"en": "Fluoxetine"}, names=("Prozac",)),
    MedicineRule(code="st_johns_wort", words={"en": "St John's wort"}, names=("hypericum",)),
)

# (the name on the chart, the classes ticked, the washouts that it must keep and how sure that is)
CHART: list[tuple[str, tuple[str, ...], dict[str, Reading]]] = [
    ("Fluoxetine", (), {"fluoxetine": Reading.ITSELF}),
    ("FLUOXÉTINE", ("ssri",), {"fluoxetine": Reading.ITSELF}),
    ("St John's wort", (), {"st_johns_wort": Reading.ITSELF}),
    ("St. John’s-Wort", (), {"st_johns_wort": Reading.ITSELF}),
    ("st  johns  wort", (), {"st_johns_wort": Reading.ITSELF}),
    ("Hypericum 300 mg", (), {"st_johns_wort": Reading.NAMED}),
    ("Prozac", (), {"fluoxetine": Reading.NAMED}),
    ("Prozac", ("ssri",), {"fluoxetine": Reading.NAMED, "ssri": Reading.NAMED}),
    ("Fluoxetine hydrochloride 20 mg", (), {"fluoxetine": Reading.NAMED}),
    ("Sertraline", (), {"ssri": Reading.NAMED}),
    ("Something new", ("ssri",), {"ssri": Reading.NAMED}),
    ("Something new", ("SSRI",), {"ssri": Reading.NAMED}),
    ("Something new", ("ssris",), {"ssri": Reading.PERHAPS}),
    ("Fluoxetin", ("ssri",), {"ssri": Reading.NAMED, "fluoxetine": Reading.PERHAPS}),
    ("Floxetine 20mg", (), {"fluoxetine": Reading.PERHAPS}),
    ("Setraline", (), {"ssri": Reading.PERHAPS}),
    ("Saint Johns wort", (), {"st_johns_wort": Reading.PERHAPS}),
    ("Ibuprofen", (), {}),
    ("Lithium", ("snri",), {}),
    ("", (), {}),
]


@pytest.mark.parametrize(
    ("name", "classes", "kept"), CHART, ids=[f"{name} {' '.join(classes)}" for name, classes, _ in CHART]
)
def test_a_medicine_is_matched_with_what_a_protocol_names(
    name: str, classes: tuple[str, ...], kept: dict[str, Reading]
) -> None:
    medicine = MedicineListed(name=name, classes=frozenset(classes), dose="", last_taken_on=None)
    assert readings(medicine, WASHOUT.washouts, DECLARED) == kept


def listed(
    name: str, *classes: str, last_taken_on: date | None = None, cleared: bool = False
) -> MedicineListed:
    return MedicineListed(
        name=name,
        classes=frozenset(classes),
        dose="",
        last_taken_on=last_taken_on,
        washout_cleared=cleared,
    )


def course() -> Course:
    definition: ProtocolDefinition = made_of(dosing(1, window(opens="0 d", closes="90 d")), WASHOUT)
    return Course(replace(definition, medicines=DECLARED))


def gate(one: Course, at: datetime) -> Gate | None:
    return one.closed(at, Move.START_SESSION, "dosing.1").get("washout@dosing.1")


@pytest.mark.parametrize(
    ("name", "days", "code"),
    [
        pytest.param("Fluoxetin", 20, "perhaps_not_clear", id="a slip, past the class's time"),
        pytest.param("Fluoxetin", 34, "perhaps_not_clear", id="a slip, a day too soon"),
        pytest.param("Fluoxetin", 35, None, id="a slip, past the longest time that it may need"),
        pytest.param("St John's wort", 20, "not_clear", id="another way of writing it, a day too soon"),
        pytest.param("St John's wort", 21, None, id="another way of writing it"),
        pytest.param("Sertraline", 13, "not_clear", id="by the names of its class, unticked"),
        pytest.param("Sertraline", 14, None, id="by the names of its class, in time"),
        pytest.param("Ibuprofen", 0, None, id="what the protocol does not name"),
    ],
)
def test_a_near_miss_closes_a_washout_gate_until_the_longest_time_it_may_need(
    name: str, days: int, code: str | None
) -> None:
    one = course()
    one.add(START, listed(name, last_taken_on=day_of(START)))
    found = gate(one, START + days * DAY)
    assert (found.code if found else None) == code


def test_a_near_miss_says_what_it_may_be_and_is_opened_by_a_correction_or_the_prescriber() -> None:
    one = course()
    one.add(START, listed("Setralin"))
    closed = gate(one, START + DAY)
    assert closed is not None and closed.override == PRESCRIBER
    assert [row.limit for row in closed.evidence] == ["perhaps ssri 14 d"]
    assert "written almost like" in SENTENCES[closed.code]
    one.add(START + DAY, listed("Setralin", cleared=True))
    assert gate(one, START + DAY + HOUR) is None


def test_a_medicine_listed_again_in_another_spelling_is_the_same_medicine() -> None:
    one = course()
    one.add(START, listed("St John's wort"))
    assert gate(one, START + 30 * DAY) is not None
    one.add(START + DAY, listed("ST. JOHNS WORT", last_taken_on=day_of(START)))
    assert gate(one, START + 30 * DAY) is None


@pytest.mark.parametrize("code", ["mdma_ptsd", "psilocybin_ptsd", "psilocybin_trd", "lsd_anxiety"])
def test_what_a_library_protocol_washes_out_is_found_by_the_names_it_gives(code: str) -> None:
    definition = protocol(code)
    rule = next(one for one in definition.rules if isinstance(one, WashoutRule))
    codes = {*rule.washouts, *rule.half_lives}
    assert {medicine.code for medicine in definition.medicines} == codes
    for medicine in definition.medicines:
        for name in (medicine.code.replace("_", " ").title(), *medicine.names):
            found = readings(listed(name), codes, definition.medicines)
            assert found.get(medicine.code, Reading.PERHAPS) > Reading.PERHAPS, (name, found)
