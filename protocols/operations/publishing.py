"""Publishing and retiring versions. Enrols nobody and moves nobody from one version to another."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import Incomplete, NotNow
from clinic.models import Clinic
from clinic.permissions import Permission
from clinic.rules.wall_time import day_of
from protocols.models import ProtocolVersion, VersionStatus
from protocols.operations.on_version import check_names, move_version, on_version, readable
from protocols.queries.figures import open_figures
from protocols.queries.wordings import forms_without_text
from protocols.rules.definition import ProtocolDefinition
from protocols.rules.document import DocumentErrors, definition_to_document, parse


def publish_version(*, actor: Actor, version: ProtocolVersion, now: datetime) -> ProtocolVersion:
    """Publish an approved version, with the overlays that hold where the clinic is on that day. The version
    published before is retired: its courses go on under it.

    Raises Incomplete with every figure that no clinician of the clinic has answered for, and with every form
    sent to the patient whose wording the clinic has not loaded.
    """
    with on_version(actor=actor, version=version, permission=Permission.PUBLISH_PROTOCOL) as found:
        if found.status != VersionStatus.REVIEWED:
            raise NotNow(
                _("Only an approved version can be published."),
                code="not-approved",
                advice=_("Send it for review; somebody who did not write it approves it."),
            )
        written = readable(found)
        check_names(found, written)
        clinic, day = _where_and_when(found, now=now)
        check_whole(written, jurisdictions=clinic.jurisdictions, day=day)
        check_forms(written.in_jurisdictions(clinic.jurisdictions, day), clinic_id=clinic.pk)
        missing = open_figures(found)
        if missing:
            raise Incomplete(
                _("A clinician of the clinic has to answer for %(count)d figures first.")
                % {"count": len(missing)},
                code="figures-not-confirmed",
                advice=_("Confirm those that are unverified, and adopt those that are the clinic's choice."),
                data={
                    "figures": [{"path": path, "text": text, "needs": kind} for path, text, kind in missing]
                },
            )
        for before in ProtocolVersion.objects.filter(
            protocol_id=found.protocol_id, status=VersionStatus.PUBLISHED
        ):
            move_version(
                actor=actor,
                version=before,
                action="retire",
                now=now,
                reason=_("Version %(version)s was published.") % {"version": found.version},
                columns={"retired_at": now},
            )
        move_version(
            actor=actor,
            version=found,
            action="publish",
            now=now,
            columns={"published_at": now, "jurisdictions": list(clinic.jurisdictions), "laid_on": day},
        )
        return found


def _where_and_when(version: ProtocolVersion, *, now: datetime) -> tuple[Clinic, date]:
    clinic = Clinic.objects.get(pk=version.clinic_id)
    return clinic, day_of(now, clinic.zone_info)


def check_whole(written: ProtocolDefinition, *, jurisdictions: Collection[str], day: date) -> None:
    """Raises NotNow when the overlays that hold together on that day leave no whole protocol: each was read
    alone."""
    if len(written.overlays_on(jurisdictions, day)) < 2:
        return
    try:
        parse(definition_to_document(written.in_jurisdictions(jurisdictions, day)))
    except DocumentErrors as problem:
        raise NotNow(
            _("Laid over each other, the overlays that hold here leave no whole protocol."),
            code="overlays-do-not-fit",
            fields={"document": [str(error) for error in problem.errors]},
        ) from problem


def check_forms(definition: ProtocolDefinition, *, clinic_id: int) -> None:
    """Raises Incomplete when a patient would be sent a form that has no words here."""
    wordless = forms_without_text(clinic_id, definition)
    if wordless:
        raise Incomplete(
            _("The patient would be sent forms whose wording is not loaded here: %(instruments)s.")
            % {"instruments": ", ".join(sorted({instrument.code for _rule, instrument in wordless}))},
            code="forms-without-text",
            advice=_(
                "Load the wording that your licence lets you use on the page “Instruments”, or leave the "
                "reminder out, so that the form is filled in at the clinic."
            ),
            fields={
                "document": [
                    _("%(rule)s: %(instrument)s ships without its text, and none is loaded.")
                    % {"rule": rule.code, "instrument": instrument.code}
                    for rule, instrument in wordless
                ]
            },
        )


def retire_version(*, actor: Actor, version: ProtocolVersion, comment: str, now: datetime) -> ProtocolVersion:
    """No new course begins on it from now on, and why; those under way go on."""
    with on_version(actor=actor, version=version, permission=Permission.PUBLISH_PROTOCOL) as found:
        if found.status != VersionStatus.PUBLISHED:
            raise NotNow(_("Only a published version can be retired."), code="not-published")
        move_version(
            actor=actor,
            version=found,
            action="retire",
            now=now,
            reason=comment,
            columns={"retired_at": now},
        )
        return found
