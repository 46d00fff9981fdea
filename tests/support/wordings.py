"""The wording of an instrument that ships without its text, as a fictional clinic loads it."""

from __future__ import annotations

import yaml

from protocols.queries import instrument_of

CODE = "caps5"  # ships as structure: its wording is licensed


def wording(*, code: str = CODE, licence: str = "Fictional licence 7, until 2030", missing: str = "") -> str:
    instrument = instrument_of(code)
    items = {
        item.code: {"words": f"Our own question {number}"}
        for number, item in enumerate(instrument.items, start=1)
        if item.code != missing
    }
    return yaml.safe_dump(
        {
            "format": 1,
            "instrument": code,
            "version": instrument.version,
            "licence": licence,
            "instructions": "Please answer",
            "items": items,
        },
        sort_keys=False,
    )
