"""Writing a draft of a protocol, and throwing one away."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, NotNow
from clinic.models import Clinic
from clinic.operations.events import record_event
from clinic.permissions import HouseSubject, Permission, require
from clinic.rules.wall_time import day_of
from protocols.models import UNPUBLISHED, Protocol, ProtocolVersion, VersionStatus
from protocols.operations.on_version import on_version
from protocols.queries.writers import writers_of
from protocols.rules.document import DocumentErrors, digest_of, parse


def load_protocol(
    *, actor: Actor, clinic: Clinic, text: str, now: datetime, reason: str = ""
) -> ProtocolVersion:
    """Keep a document as the draft of its protocol; an earlier draft of it gives way, and its authors stay
    authors, also if it was thrown away.

    Loading again what that version number already says changes nothing and returns that version.
    """
    with acting(actor):
        require(actor, Permission.DRAFT_PROTOCOL, HouseSubject(clinic_id=clinic.pk))
        person_id = actor.person
        try:
            definition = parse(text)
        except DocumentErrors as problem:
            raise BadInput(
                _("The document is not a protocol."),
                code="protocol-document",
                fields={"document": [str(error) for error in problem.errors]},
            ) from problem
        digest = digest_of(definition)
        protocol, _created = Protocol.objects.get_or_create(clinic=clinic, code=definition.code)
        protocol = Protocol.objects.select_for_update().get(pk=protocol.pk)
        known = protocol.versions.filter(version=definition.version).exclude(status__in=UNPUBLISHED).first()
        if known is not None:
            if known.digest == digest:
                return known
            raise NotNow(
                _("Version %(version)s of this protocol is published and can no longer change.")
                % {"version": definition.version},
                code="version-is-published",
                advice=_("Give the document a new version number."),
            )
        draft = protocol.versions.filter(status__in=UNPUBLISHED).first()
        if draft is None:
            draft = ProtocolVersion(clinic=clinic, protocol=protocol, author_ids=[])
        elif draft.digest == digest and draft.document == text:
            return draft
        elif draft.status != VersionStatus.DRAFT:
            raise NotNow(
                _("Version %(version)s is in review and does not change meanwhile.")
                % {"version": draft.version},
                code="in-review",
                advice=_("Return it with a comment first."),
            )
        draft.version = definition.version
        draft.document = text
        draft.digest = digest
        draft.jurisdictions = list(clinic.jurisdictions)
        draft.laid_on = day_of(now, clinic.zone_info)
        draft.author_id = person_id
        draft.author_ids = sorted({*draft.author_ids, *writers_of(protocol, digest=digest), person_id})
        draft.drafted_at = now
        draft.save()
        record_event(
            actor=actor,
            verb="protocol_drafted",
            subject=draft,
            occurred_at=now,
            now=now,
            data={"code": definition.code, "version": definition.version, "digest": digest},
            reason=reason,
        )
        return draft


def discard_draft(*, actor: Actor, version: ProtocolVersion, now: datetime, reason: str = "") -> None:
    """Throw a draft away, with what was said of it. Who wrote it stays an author of the next."""
    with on_version(actor=actor, version=version, permission=Permission.DRAFT_PROTOCOL) as draft:
        if draft.status != VersionStatus.DRAFT:
            raise NotNow(_("Only a draft can be thrown away."), code="not-a-draft")
        record_event(
            actor=actor,
            verb="protocol_draft_discarded",
            subject=draft,
            occurred_at=now,
            now=now,
            data={"version": draft.version, "digest": draft.digest},
            reason=reason,
        )
        draft.delete()
