"""Review of a draft: sent, returned with a comment, approved by somebody who had no hand in it."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import Forbidden
from clinic.permissions import Permission
from protocols.models import ProtocolVersion, VersionReview
from protocols.operations.on_version import check_names, move_version, on_version, readable


def send_for_review(
    *, actor: Actor, version: ProtocolVersion, now: datetime, comment: str = ""
) -> ProtocolVersion:
    """From now on what the version says no longer changes: what is approved is what was read."""
    with on_version(actor=actor, version=version, permission=Permission.DRAFT_PROTOCOL) as draft:
        move_version(actor=actor, version=draft, action="send", now=now)
        check_names(draft, readable(draft))
        _keep(actor=actor, version=draft, step=VersionReview.Step.SENT, comment=comment, now=now)
        return draft


def return_version(*, actor: Actor, version: ProtocolVersion, comment: str, now: datetime) -> ProtocolVersion:
    """Back to a draft, with a comment. A reviewer asks for a change so; an author takes their draft back
    so."""
    with on_version(actor=actor, version=version, permission=Permission.DRAFT_PROTOCOL) as found:
        move_version(
            actor=actor,
            version=found,
            action="return",
            now=now,
            reason=comment,
            columns={"approved_by": None, "approved_at": None},
        )
        _keep(actor=actor, version=found, step=VersionReview.Step.RETURNED, comment=comment, now=now)
        return found


def approve_version(
    *, actor: Actor, version: ProtocolVersion, now: datetime, comment: str = ""
) -> ProtocolVersion:
    """Approve what was sent for review. Raises Forbidden for whoever had a hand in the draft."""
    with on_version(actor=actor, version=version, permission=Permission.PUBLISH_PROTOCOL) as found:
        if actor.person in found.author_ids:
            raise Forbidden(
                _("Whoever wrote a version cannot be the one who approves it."),
                code="author-approves",
                advice=_("Ask a colleague who may publish protocols."),
            )
        move_version(
            actor=actor,
            version=found,
            action="approve",
            now=now,
            columns={"approved_by_id": actor.person, "approved_at": now},
        )
        readable(found)
        _keep(actor=actor, version=found, step=VersionReview.Step.APPROVED, comment=comment, now=now)
        return found


def _keep(
    *, actor: Actor, version: ProtocolVersion, step: VersionReview.Step, comment: str, now: datetime
) -> None:
    VersionReview.objects.create(
        clinic_id=version.clinic_id,
        version=version,
        step=step,
        person_id=actor.person,
        at=now,
        comment=comment.strip(),
        digest=version.digest,
    )
