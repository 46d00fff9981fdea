"""The frame in which a version moves: its protocol locked, permission asked, one step of the table of moves,
and the event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import Incomplete, NotFound, NotNow
from clinic.operations.events import record_event
from clinic.permissions import HouseSubject, Permission, require
from clinic.rules.moves import move
from protocols.models import Protocol, ProtocolVersion
from protocols.queries.definitions import definition_as_written
from protocols.rules.definition import ProtocolDefinition
from protocols.rules.document import DocumentErrors, digest_of, parse
from protocols.rules.moves import VERSION_MOVES
from protocols.rules.renaming import names_lost


@contextmanager
def on_version(
    *, actor: Actor, version: ProtocolVersion, permission: Permission
) -> Iterator[ProtocolVersion]:
    """The version as it stands now. Its protocol is locked: what is done to one protocol is done one at a
    time."""
    with acting(actor):
        require(actor, permission, HouseSubject(clinic_id=version.clinic_id, author_id=version.author_id))
        Protocol.objects.select_for_update().get(pk=version.protocol_id)
        locked = ProtocolVersion.objects.select_for_update().filter(pk=version.pk).first()
        if locked is None:
            raise NotFound()
        yield locked


def move_version(
    *,
    actor: Actor,
    version: ProtocolVersion,
    action: str,
    now: datetime,
    reason: str = "",
    columns: Mapping[str, Any] | None = None,
) -> None:
    """Take one step of the table, with `columns` in the same UPDATE, and its event."""
    step = move(VERSION_MOVES, version.status, action)
    if step.needs_reason and not reason.strip():
        raise Incomplete(_("Say why."), fields={"comment": [_("In a few words; it stays on the record.")]})
    changed = {"status": step.to_status, **(columns or {})}
    for name, value in changed.items():
        setattr(version, name, value)
    version.save(update_fields=list(changed))
    record_event(
        actor=actor,
        verb=step.event,
        subject=version,
        occurred_at=now,
        now=now,
        data={"version": version.version, "digest": version.digest},
        reason=reason,
    )


def check_names(version: ProtocolVersion, definition: ProtocolDefinition) -> None:
    """Raises Incomplete when records made under an earlier version would no longer be found by name."""
    earlier = ProtocolVersion.objects.filter(
        protocol_id=version.protocol_id, published_at__isnull=False
    ).order_by("published_at")
    lost = names_lost(definition, [definition_as_written(one) for one in earlier])
    if lost:
        raise Incomplete(
            _("Some rules would lose what was recorded for them."),
            code="names-lost",
            fields={"document": [f"{code}: {words}" for code, words in lost]},
        )


def readable(version: ProtocolVersion) -> ProtocolDefinition:
    """What the version says, read afresh. Raises NotNow when it can no longer be read, or is not what its
    digest was made of."""
    try:
        definition = parse(version.document)
    except DocumentErrors as problem:
        # Written by an older release of the language: it must be put right before anybody is treated by it.
        raise NotNow(
            _("The document can no longer be read as a protocol."),
            code="protocol-document",
            fields={"document": [str(error) for error in problem.errors]},
        ) from problem
    if digest_of(definition) != version.digest:
        raise NotNow(
            _("The document is not what its digest was made of."),
            code="digest-differs",
            advice=_("Save it again as a draft."),
        )
    return definition
