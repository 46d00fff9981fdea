"""Taking a whole document up in one go: written, answered for, approved and published, each by the person who
may. For the command line and for a clinic's first day; pages take the steps one at a time."""

from __future__ import annotations

from datetime import datetime

from clinic.actors import Actor, acting
from clinic.models import Clinic
from protocols.models import ProtocolVersion, VersionStatus
from protocols.operations.drafting import load_protocol
from protocols.operations.figures import confirm_figures
from protocols.operations.publishing import publish_version
from protocols.operations.reviewing import approve_version, send_for_review
from protocols.queries.figures import open_figures


def adopt_protocol(
    *, author: Actor, clinician: Actor | None, approver: Actor, clinic: Clinic, text: str, now: datetime
) -> ProtocolVersion:
    """The published version of that document. `clinician` answers for every figure that is not read in a
    published source; without one, only a document that has no such figure is published."""
    with acting(author):
        version = load_protocol(actor=author, clinic=clinic, text=text, now=now)
        if version.status == VersionStatus.DRAFT:
            version = send_for_review(actor=author, version=version, now=now)
        if clinician is not None:
            missing = {(path, text) for path, text, _kind in open_figures(version)}
            if missing:
                confirm_figures(actor=clinician, version=version, figures=missing, now=now)
        if version.status == VersionStatus.IN_REVIEW:
            version = approve_version(actor=approver, version=version, now=now)
        if version.status == VersionStatus.REVIEWED:
            version = publish_version(actor=approver, version=version, now=now)
        return version
