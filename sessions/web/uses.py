"""Who is treated by a version of a protocol: a panel on its page."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic.actors import Actor
from clinic.permissions import HouseSubject, Permission, allows
from protocols.models import ProtocolVersion
from protocols.web.panels import Panel
from sessions.queries.uses import uses_of


def who_uses_it(actor: Actor, version: ProtocolVersion) -> Panel | None:
    found = uses_of(actor, version)
    lines = [
        ngettext(
            "%(count)d patient in treatment follows this version.",
            "%(count)d patients in treatment follow this version.",
            found.here,
        )
        % {"count": found.here}
    ]
    if found.elsewhere:
        lines.append(
            ngettext(
                "%(count)d follows another version of it.",
                "%(count)d follow another version of it.",
                found.elsewhere,
            )
            % {"count": found.elsewhere}
        )
    links: tuple[tuple[str, str], ...] = ()
    if found.elsewhere and allows(actor, Permission.MOVE_VERSION, HouseSubject(clinic_id=actor.clinic_id)):
        address = reverse("sessions:version_preview", args=(version.clinic.slug, version.protocol.public_id))
        links = ((_("What moving them would change"), f"{address}?version={version.version}"),)
    return Panel(title=_("Who it is used for"), lines=tuple(lines), links=links)
