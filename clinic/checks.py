"""What has to be true of an installation before it may serve patients, as Django system checks: the database
is new enough, the demo's clock and data are not in production, and every clinic says whom to ring in a
crisis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connections

from clinic.catalogs import uncompiled

OLDEST_POSTGRESQL = 16


@register(Tags.database)
def database_is_new_enough(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for alias in databases or ():
        version = connections[alias].cursor().connection.info.server_version
        if version < OLDEST_POSTGRESQL * 10_000:
            found.append(
                Error(
                    f"PostgreSQL {version // 10_000} is too old.",
                    hint=f"Use PostgreSQL {OLDEST_POSTGRESQL} or newer.",
                    id="clinic.E001",
                )
            )
    return found


@register(Tags.translation)
def catalogues_are_compiled(**_: Any) -> list[CheckMessage]:
    """Not compiled, an approved language would be English."""
    if settings.CLINIC_MODE != "production" or not (missing := uncompiled()):
        return []
    return [
        Error(
            f"The pages of patients are not compiled in: {', '.join(missing)}.",
            hint="Run `python -m clinic.catalogs`.",
            id="clinic.E010",
        )
    ]


@register(Tags.database)
def clinics_are_fit_for_patients(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Runs before and after migrations: while there is no table yet, there is no clinic either."""
    if settings.CLINIC_MODE != "production":
        return []
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if "clinic_clinic" not in connection.introspection.table_names():
            continue
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT slug, is_demo, crisis_lines = '[]'::jsonb, phone = '', concern_person_id IS NULL,"
                    " on_call_person_id IS NULL, text_sender = '' OR NOT EXISTS (SELECT"
                    " FROM clinic_membership m WHERE m.clinic_id = c.id AND m.person_id = c.on_call_person_id"
                    " AND m.text_number_confirmed_at IS NOT NULL)"
                    " FROM clinic_clinic c ORDER BY slug"
                )
                clinics = cursor.fetchall()
        except DatabaseError:  # A column that a pending migration will add.
            continue
        for slug, is_demo, without_lines, without_phone, without_ear, nobody_on_call, asleep in clinics:
            if is_demo:
                found.append(
                    Error(
                        f"The clinic “{slug}” is the demo's, with fictional people and an adjustable clock.",
                        hint="Start production with a database of its own.",
                        id="clinic.E002",
                    )
                )
            if without_lines or without_phone:
                found.append(
                    Error(
                        f"The clinic “{slug}” has no {'crisis lines' if without_lines else 'phone number'}.",
                        hint="Both stand on every page a patient sees; enter them before anyone is enrolled.",
                        id="clinic.E005",
                    )
                )
            if without_ear:
                found.append(
                    Warning(
                        f"The clinic “{slug}” names nobody who hears a patient's concern about their care.",
                        hint="Name somebody outside the care teams; until then it goes to a supervisor or an "
                        "administrator outside the patient's own.",
                        id="clinic.W003",
                    )
                )
            if nobody_on_call or asleep:
                found.append(
                    Warning(
                        f"The clinic “{slug}” names nobody who is on call."
                        if nobody_on_call
                        else f"Who is on call in the clinic “{slug}” can't be texted.",
                        hint="A mail at night wakes nobody: somebody on call confirms a number "
                        "(Texts to you), and the clinic has one of its own at the provider of texts.",
                        id="clinic.W004",
                    )
                )
    return found


@register(Tags.security, deploy=True)
def production_uses_nothing_of_the_demo(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """Settings refuse most of this already; the check also stands where someone sets them in another way."""
    found: list[CheckMessage] = []
    if settings.CLINIC_MODE != "production":
        found.append(
            Warning(
                f"CLINIC_MODE is {settings.CLINIC_MODE}.",
                hint="Only production refuses default secrets and an adjustable clock.",
                id="clinic.W002",
            )
        )
    if settings.SECRET_KEY == settings.DEMO_SECRET:
        found.append(Error("SECRET_KEY is the demo's, which everybody can read.", id="clinic.E003"))
    if not settings.SITE_URL.startswith("https://"):
        found.append(
            Error(
                "SITE_URL is not https.", hint="Patients' links would travel in the clear.", id="clinic.E004"
            )
        )
    return found


@register(Tags.database)
def second_factors_can_be_read(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    if not databases or "mfa_authenticator" not in connections["default"].introspection.table_names():
        return []
    # Imported here: checks are registered before the tables are known.
    from clinic.operations.second_factors import unreadable_second_factors

    count = unreadable_second_factors()
    if not count:
        return []
    return [
        Error(
            f"{count} second factors can't be read with any of SECOND_FACTOR_KEYS.",
            hint="Their owners can't sign in. Add the key that they were sealed with.",
            id="clinic.E006",
        )
    ]
