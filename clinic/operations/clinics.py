"""What a clinic sets for itself: its number, its crisis lines, its quiet hours, its own answer hour; and
which records are co-signed, and how soon."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput
from clinic.languages import NAMES
from clinic.models import Clinic
from clinic.operations.changes import look_again, refuse_unfit
from clinic.operations.events import record_change
from clinic.permissions import HouseSubject, Permission, require

# A slug stands in every address ever mailed; a zone decides every window of every course.
FIXED = frozenset({"id", "public_id", "slug", "zone", "is_demo"})
REVIEW_SETTINGS = frozenset({"review_within_days", "reviewed_kinds"})

_known: dict[str, tuple[str, ...]] = {}


def register_known(setting: str, values: Sequence[str]) -> None:
    """What a list among the settings may hold. Other apps say so from their `ready()`: the house knows no
    kinds of session. Registering a setting again replaces it."""
    _known[setting] = tuple(values)


def known(setting: str) -> tuple[str, ...]:
    return _known.get(setting, ())


def change_clinic(*, actor: Actor, settings: Mapping[str, Any], now: datetime, reason: str) -> Clinic:
    """Set these fields of the actor's clinic (name → value). What was reckoned with the old ones is looked at
    again by the next tick. Raises BadInput with a message per field."""
    with acting(actor):
        require(actor, Permission.MANAGE_CLINIC, HouseSubject(clinic_id=actor.clinic_id))
        return _set(
            actor, settings, fixed=FIXED & set(settings), verb="clinic_changed", now=now, reason=reason
        )


def change_review_settings(
    *, actor: Actor, settings: Mapping[str, Any], now: datetime, reason: str
) -> Clinic:
    """The same for what a supervisor sets too: whether and how soon a signed session is co-signed, and of
    which kinds."""
    with acting(actor):
        require(actor, Permission.CHANGE_REVIEW_SETTINGS, HouseSubject(clinic_id=actor.clinic_id))
        others = set(settings) - REVIEW_SETTINGS
        return _set(actor, settings, fixed=others, verb="review_settings_changed", now=now, reason=reason)


def _set(
    actor: Actor,
    settings: Mapping[str, Any],
    *,
    fixed: Collection[str],
    verb: str,
    now: datetime,
    reason: str,
) -> Clinic:
    if fixed:
        raise BadInput(fields={name: [_("This is never changed.")] for name in sorted(fixed)})
    _only_known(settings)
    clinic = Clinic.objects.select_for_update(no_key=True).get(pk=actor.clinic_id)
    if settings.get("language", clinic.language) not in {*NAMES, clinic.language}:
        raise BadInput(fields={"language": [_("Choose from the list.")]})
    for name, value in settings.items():
        setattr(clinic, name, value)
    try:
        clinic.full_clean()
    except ValidationError as error:
        raise BadInput(fields=error.message_dict) from error
    refuse_unfit(clinic, changed=settings.keys())
    clinic.save(update_fields=list(settings))
    record_change(
        actor=actor,
        verb=verb,
        subject=clinic,
        now=now,
        data=dict.fromkeys(sorted(settings), True),
        reason=reason,
    )
    look_again(clinic_id=clinic.pk, now=now)
    return clinic


def _only_known(settings: Mapping[str, Any]) -> None:
    """A misspelt word would quietly choose nothing."""
    wrong = {}
    for name in sorted(set(settings) & set(_known)):
        strange = sorted(set(settings[name]) - set(_known[name]))
        if strange:
            wrong[name] = [
                _("Not known here: %(strange)s. Known: %(known)s.")
                % {"strange": ", ".join(strange), "known": ", ".join(_known[name])}
            ]
    if wrong:
        raise BadInput(fields=wrong)
