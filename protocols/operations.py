"""Drafting, publishing and retiring protocol versions. Enrols nobody and moves nobody from one version to
another."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Forbidden, NotNow
from clinic.models import Clinic
from clinic.operations.events import record_event
from clinic.permissions import HouseSubject, Permission, require
from protocols.models import Protocol, ProtocolVersion, VersionStatus
from protocols.rules.document import DocumentErrors, digest_of, parse


def load_protocol(*, actor: Actor, clinic: Clinic, text: str, now: datetime) -> ProtocolVersion:
    """Keep a document as the draft of its protocol; an earlier draft of it gives way.

    Loading again what that version number already says changes nothing and returns that version.
    """
    with acting(actor):
        require(actor, Permission.DRAFT_PROTOCOL, HouseSubject(clinic_id=clinic.pk))
        if actor.person_id is None:
            raise Forbidden()
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
        known = (
            protocol.versions.filter(version=definition.version).exclude(status=VersionStatus.DRAFT).first()
        )
        if known is not None:
            if known.digest == digest:
                return known
            raise NotNow(
                _("Version %(version)s of this protocol is published and can no longer change.")
                % {"version": definition.version},
                code="version-is-published",
                advice=_("Give the document a new version number."),
            )
        draft = protocol.versions.filter(status=VersionStatus.DRAFT).first()
        if draft is None:
            draft = ProtocolVersion(clinic=clinic, protocol=protocol)
        elif draft.digest == digest and draft.document == text:
            return draft
        draft.version = definition.version
        draft.document = text
        draft.digest = digest
        draft.author_id = actor.person_id
        draft.drafted_at = now
        draft.save()
        record_event(
            actor=actor,
            verb="protocol_drafted",
            subject=draft,
            occurred_at=now,
            now=now,
            data={"code": definition.code, "version": definition.version, "digest": digest},
        )
        return draft


def _locked(version: ProtocolVersion) -> ProtocolVersion:
    """The version as it stands now, its protocol locked: publishing and drafting of one protocol go one at a
    time."""
    Protocol.objects.select_for_update().get(pk=version.protocol_id)
    return ProtocolVersion.objects.select_for_update().get(pk=version.pk)


def publish_version(*, actor: Actor, version: ProtocolVersion, now: datetime) -> ProtocolVersion:
    """Approve a draft and publish it. The version published before is retired: its courses go on under it."""
    with acting(actor):
        subject = HouseSubject(clinic_id=version.clinic_id, author_id=version.author_id)
        require(actor, Permission.PUBLISH_PROTOCOL, subject)
        version = _locked(version)
        if version.author_id == actor.person_id or actor.person_id is None:
            raise Forbidden(
                _("Whoever wrote a version cannot be the one who approves it."),
                code="author-approves",
                advice=_("Ask a colleague who may publish protocols."),
            )
        if version.status != VersionStatus.DRAFT:
            raise NotNow(_("Only a draft can be published."), code="not-a-draft")
        try:
            parse(version.document)
        except DocumentErrors as problem:
            # Written by an older release of the language: it must be put right before anybody is treated by
            # it.
            raise NotNow(
                _("The document can no longer be read as a protocol."),
                code="protocol-document",
                fields={"document": [str(error) for error in problem.errors]},
            ) from problem
        for before in ProtocolVersion.objects.filter(
            protocol_id=version.protocol_id, status=VersionStatus.PUBLISHED
        ):
            _retire(actor=actor, version=before, now=now)
        version.status = VersionStatus.PUBLISHED
        version.approved_by_id = actor.person_id
        version.published_at = now
        version.save(update_fields=["status", "approved_by", "published_at"])
        record_event(
            actor=actor,
            verb="protocol_published",
            subject=version,
            occurred_at=now,
            now=now,
            data={"version": version.version, "digest": version.digest, "author": version.author_id},
        )
        return version


def retire_version(*, actor: Actor, version: ProtocolVersion, now: datetime) -> ProtocolVersion:
    """No new course begins on it from now on; those under way go on."""
    with acting(actor):
        require(actor, Permission.PUBLISH_PROTOCOL, HouseSubject(clinic_id=version.clinic_id))
        version = _locked(version)
        if version.status != VersionStatus.PUBLISHED:
            raise NotNow(_("Only a published version can be retired."), code="not-published")
        _retire(actor=actor, version=version, now=now)
        return version


def _retire(*, actor: Actor, version: ProtocolVersion, now: datetime) -> None:
    version.status = VersionStatus.RETIRED
    version.retired_at = now
    version.save(update_fields=["status", "retired_at"])
    record_event(
        actor=actor,
        verb="protocol_retired",
        subject=version,
        occurred_at=now,
        now=now,
        data={"version": version.version},
    )
