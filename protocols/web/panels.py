"""What other houses add to a version's page: who is treated by it, what moving to it would change.

This house knows no courses; whoever does registers a panel when the application starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clinic.actors import Actor
from protocols.models import ProtocolVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A heading, sentences, and links (words, address) to go on with."""

    title: str
    lines: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()


_panels: list[Callable[[Actor, ProtocolVersion], Panel | None]] = []


def register(panel: Callable[[Actor, ProtocolVersion], Panel | None]) -> None:
    """`panel` gives what it has to say of a version to this actor, or None."""
    _panels.append(panel)


def panels(actor: Actor, version: ProtocolVersion) -> list[Panel]:
    return [found for panel in _panels if (found := panel(actor, version)) is not None]
