"""The house's nouns said in somebody's own words."""

from __future__ import annotations

import pytest

from clinic.rules.own_words import OwnWords

WORDS = OwnWords(
    {
        "patient": "Client",
        "therapist": "Facilitator",
        "coordinator": "Assistant",
        "dosing session": "Administration session",
        "clinic": "service center",
        "supervisor": "RN lead",
        "care team": "care team",
    }
)


@pytest.mark.parametrize(
    ("said", "own"),
    [
        ("Patients", "Clients"),
        ("The patient’s own words", "The client’s own words"),
        ("Lead therapist", "Lead facilitator"),
        ("Co-therapist", "Co-facilitator"),
        ("No dosing session after number", "No administration session after number"),
        ("Dosing sessions", "Administration sessions"),
        ("A coordinator finds somebody", "An assistant finds somebody"),
        ("Ask the supervisor", "Ask the RN lead"),
        ("The clinic’s choice", "The service center’s choice"),
        ("For outpatients", "For outpatients"),
        ("%(patient)s: not recorded", "%(patient)s: not recorded"),
        ("%(patients)d patients of {patient}", "%(patients)d clients of {patient}"),
        ("", ""),
    ],
)
def test_a_noun_is_replaced_in_every_form_and_a_placeholder_never(said: str, own: str) -> None:
    assert WORDS.in_text(said) == own


def test_what_is_called_the_same_is_left_as_it_is() -> None:
    assert not OwnWords({"patient": "Patient"})
    assert OwnWords({}).in_text("The patient") == "The patient"
