"""What is done with protocols: drafted, reviewed, answered for, published, retired."""

from __future__ import annotations

from protocols.operations.adopting import adopt_protocol
from protocols.operations.drafting import discard_draft, load_protocol
from protocols.operations.figures import confirm_figures
from protocols.operations.legal import record_legal_basis, revoke_legal_basis
from protocols.operations.publishing import publish_version, retire_version
from protocols.operations.reviewing import approve_version, return_version, send_for_review

__all__ = [
    "adopt_protocol",
    "approve_version",
    "confirm_figures",
    "discard_draft",
    "load_protocol",
    "publish_version",
    "record_legal_basis",
    "retire_version",
    "return_version",
    "revoke_legal_basis",
    "send_for_review",
]
