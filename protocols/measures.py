"""Entry checks for vital signs, read once from the library. Clinical limits are the protocol's, not these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

import yaml

Range = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`possible`: outside it is a typing slip. `usual`: outside it needs a second look. Both inclusive, in
    `unit`."""

    unit: str
    possible: Range
    usual: Range


@cache
def measures() -> Mapping[str, Measure]:
    document = yaml.safe_load(
        (Path(__file__).parent / "library" / "measures.yaml").read_text(encoding="utf-8")
    )
    return {
        name: Measure(
            unit=row["unit"],
            possible=(Decimal(str(row["possible"][0])), Decimal(str(row["possible"][1]))),
            usual=(Decimal(str(row["usual"][0])), Decimal(str(row["usual"][1]))),
        )
        for name, row in document.items()
    }
