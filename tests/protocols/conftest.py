"""The clinic the protocol tests happen in. Imported late: the rule tests beside them do without Django."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.protocols.house import House


@pytest.fixture
def house(db: None) -> House:
    from tests.protocols.house import make_house

    return make_house()


@pytest.fixture
def mdma() -> str:
    library = Path(__file__).parents[2] / "protocols" / "library"
    return (library / "mdma_ptsd.yaml").read_text(encoding="utf-8")
