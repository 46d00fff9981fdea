"""The wording of an instrument that ships without its text, as a fictional clinic loads it."""

from __future__ import annotations

import yaml

from protocols.queries import instrument_of

CODE = "caps5"  # ships as structure: its wording is licensed


SAID = {"en": ("Please answer", "Our own question"), "de": ("Bitte antworten Sie", "Unsere Frage")}


def wording(
    *,
    code: str = CODE,
    licence: str = "Fictional licence 7, until 2030",
    missing: str = "",
    language: str = "en",
) -> str:
    """In German its answers have words too, which in English the structure has."""
    instrument = instrument_of(code)
    above, question = SAID[language]
    items: dict[str, dict[str, object]] = {
        item.code: {"words": f"{question} {number}"}
        | (
            {"options": {one.value: f"Antwort {one.value}" for one in item.options}}
            if language != "en"
            else {}
        )
        for number, item in enumerate(instrument.items, start=1)
        if item.code != missing
    }
    return yaml.safe_dump(
        {
            "format": 1,
            "instrument": code,
            "version": instrument.version,
            **({"language": language} if language != "en" else {}),
            "licence": licence,
            "instructions": above,
            "items": items,
        },
        sort_keys=False,
    )
