"""What has to be true of a clinic's messages before it may write to patients: a crisis line in each language,
and addresses that tell nothing."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connections

from clinic.rules.crisis_lines import without_a_line
from sessions.rules.discretion import telling_words

_CLINICS = """
SELECT clinic.slug, clinic.country, clinic.language, clinic.crisis_lines, clinic.emergency_number,
    clinic.reading_hours, clinic.reading_hours_in,
    ARRAY(SELECT DISTINCT language FROM therapy_sessions_wordingapproval approved
        WHERE approved.clinic_id = clinic.id)
FROM clinic_clinic clinic ORDER BY clinic.slug
"""


@register(Tags.database)
def crisis_lines_speak_every_language(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """A clinic has the emergency number of its country, and a crisis line there and its reading hours in each
    language in which it writes to patients."""
    if settings.CLINIC_MODE != "production":
        return []
    missing: dict[str, list[str]] = defaultdict(list)
    nowhere: list[str] = []
    no_emergency: list[str] = []
    no_hours: dict[str, list[str]] = {}
    for alias in databases or ():
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute(_CLINICS)
                rows = cursor.fetchall()
        except DatabaseError:  # Before the first migration, or one that is still to come.
            continue
        for slug, country, language, lines, emergency, hours, hours_in, approved in rows:
            known = _read(lines)
            if not emergency:
                no_emergency.append(slug)
            told = {*_read(hours_in), *([language] if hours else [])}
            no_hours[slug] = sorted({language, *approved} - told)
            if not country:
                nowhere.append(slug)
            missing[slug] = without_a_line(known, country=country, languages={language, *approved})
    return [
        *(
            Error(
                f"The clinic “{slug}” does not say in which country it is.",
                hint="The country decides which crisis line somebody is shown.",
                id="sessions.E001",
            )
            for slug in nowhere
        ),
        *(
            Error(
                f"The clinic “{slug}” has no crisis line in its country in: {', '.join(languages)}.",
                hint="Enter one with its country and language; patients are written to in these languages.",
                id="sessions.E002",
            )
            for slug, languages in missing.items()
            if languages
        ),
        *(
            Error(
                f"The clinic “{slug}” does not say which number is called in an emergency.",
                hint="It stands on every page a patient sees. Enter that of its country, such as 911 or 112.",
                id="sessions.E004",
            )
            for slug in no_emergency
        ),
        *(
            Error(
                f"The clinic “{slug}” does not say when what patients send is read, in: "
                f"{', '.join(languages)}.",
                hint="Enter the reading hours in each language; patients are written to in these.",
                id="sessions.E005",
            )
            for slug, languages in no_hours.items()
            if languages
        ),
    ]


def _read(column: Any) -> Any:
    """A raw cursor gives JSON as text."""
    return json.loads(column) if isinstance(column, str) else column


@register(Tags.security, deploy=True)
def addresses_tell_nothing(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """What stands in every message besides its words: where its link leads, and whom a mail comes from."""
    if settings.CLINIC_MODE != "production":
        return []
    shown = {"SITE_URL": settings.SITE_URL, "MAIL_FROM": settings.DEFAULT_FROM_EMAIL}
    return [
        Error(
            f"{name} tells what kind of care this is: {', '.join(one.found for one in found)}.",
            hint="It stands in every message, on a screen that others may see. Take a neutral name.",
            id="sessions.E003",
        )
        for name, value in shown.items()
        if (found := telling_words(value))
    ]
