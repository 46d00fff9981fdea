"""Whether the clinic may take somebody in under a protocol today: what allows it to, and whether the text it
published is the one that holds. Demo clinics need no legal basis: nobody in
them exists, and production refuses to start with one."""

from __future__ import annotations

from datetime import datetime

from clinic.errors import NotNow
from clinic.models import Clinic
from protocols.models import ProtocolVersion
from protocols.queries import definition_as_written, legal_spans


def require_legal_basis(*, version: ProtocolVersion, now: datetime) -> None:
    """Raises NotNow unless the clinic's own legal basis for the version's protocol is in force today, in the
    clinic's calendar."""
    clinic = Clinic.objects.get(pk=version.clinic_id)
    if clinic.is_demo:
        return
    today = now.astimezone(clinic.zone_info).date()
    spans = legal_spans([version.pk]).get(version.pk, ())
    if not any(from_on <= today and (until is None or today <= until) for from_on, until in spans):
        expired = any(from_on <= today for from_on, _until in spans)
        raise NotNow(
            "What allowed the clinic to follow this protocol is no longer in force."
            if expired
            else "The clinic has recorded nothing that allows it to follow this protocol.",
            code="legal-basis-expired" if expired else "no-legal-basis",
            advice="An administrator records the approval, permit or licence with its number and dates.",
        )


def require_text_in_force(*, version: ProtocolVersion, now: datetime) -> None:
    """Raises NotNow outside the days on which the protocol's text applies, and once another of its overlays
    holds where the clinic is than those it was published with (decision 0012). Whoever is in treatment goes
    on as before."""
    clinic = Clinic.objects.get(pk=version.clinic_id)
    today = now.astimezone(clinic.zone_info).date()
    written = definition_as_written(version)
    if not written.in_force.holds_on(today):
        raise NotNow(
            "The text of this protocol does not apply today.",
            code="text-not-in-force",
            advice="Publish the version that applies now.",
        )
    laid = () if version.laid_on is None else written.overlays_on(version.jurisdictions, version.laid_on)
    if written.overlays_on(clinic.jurisdictions, today) != laid:
        raise NotNow(
            "Since this version was published, other rules have come to hold here.",
            code="overlays-changed",
            advice="Publish the document again under a new version number; it is then what holds today.",
        )
