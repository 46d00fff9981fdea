"""The protocols of the library, each parsed once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from protocols.rules.definition import ProtocolDefinition
from protocols.rules.document import parse

LIBRARY = Path(__file__).parents[2] / "protocols" / "library"
CODES = (
    "mdma_ptsd",
    "psilocybin_ptsd",
    "psilocybin_trd",
    "oregon_psilocybin",
    "lsd_anxiety",
    "lsd_gad",
    "ketamine_ptsd",
    "esketamine_trd",
)


def text_of(code: str) -> str:
    return (LIBRARY / f"{code}.yaml").read_text(encoding="utf-8")


@cache
def protocol(code: str) -> ProtocolDefinition:
    return parse(text_of(code))
