"""Columns, constraints and indexes of what ought to happen: protocols, their versions, and what was said of
them on the way to being published."""

from __future__ import annotations

from protocols.models.legal import LegalBasis, LegalBasisKind
from protocols.models.reviews import FigureConfirmation, VersionReview
from protocols.models.versions import (
    UNPUBLISHED,
    Protocol,
    ProtocolVersion,
    ProtocolVersionQuerySet,
    VersionStatus,
)
from protocols.models.wordings import InstrumentWording

__all__ = [
    "UNPUBLISHED",
    "FigureConfirmation",
    "InstrumentWording",
    "LegalBasis",
    "LegalBasisKind",
    "Protocol",
    "ProtocolVersion",
    "ProtocolVersionQuerySet",
    "VersionReview",
    "VersionStatus",
]
