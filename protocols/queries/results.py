"""The published results that come with the product, by their protocol's code."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from protocols.rules.results import PublishedResult, results_of

_RESULTS = Path(__file__).parents[1] / "library" / "results"


@cache
def published_results(protocol: str) -> tuple[PublishedResult, ...]:
    """None for a protocol of which nothing was found."""
    found = [
        results_of(yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(_RESULTS.glob("*.yaml"))
    ]
    return tuple(result for one in found if one.protocol == protocol for result in one.results)
