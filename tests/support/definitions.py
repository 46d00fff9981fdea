"""The protocol of the library, parsed once, for tests of the rules."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from protocols.rules.definition import ProtocolDefinition
from protocols.rules.document import parse

_LIBRARY = Path(__file__).parents[2] / "protocols" / "library"


@cache
def mdma() -> ProtocolDefinition:
    """MDMA-assisted therapy for PTSD: nothing else in the library exercises as many kinds."""
    return parse((_LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8"))
