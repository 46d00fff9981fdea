"""In which protocol's words a page is said and a request answered, by what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import models

from clinic.actors import Actor
from clinic.rules.own_words import OwnWords
from protocols.queries import own_words_of, own_words_of_house
from sessions.models import (
    Course,
    CourseRequirement,
    DeviationRecord,
    FactRecord,
    SessionBooking,
    SessionRecord,
    StaffTask,
)

# What an address names, and the course it belongs to.
_OF_A_COURSE: Mapping[str, type[models.Model]] = {
    "booking": SessionBooking,
    "fact": FactRecord,
    "held": SessionRecord,
    "record": SessionRecord,
    "deviation": DeviationRecord,
    "requirement": CourseRequirement,
    "task": StaffTask,
}


def own_words(actor: Actor, named: Mapping[str, Any]) -> OwnWords:
    """`named` is what the address names. Two small queries at most; says nothing of the course but how
    its protocol speaks, so it asks for no permission: the page itself does."""
    version_id = _version_of(actor.clinic_id, named)
    return own_words_of_house(clinic_id=actor.clinic_id) if version_id is None else own_words_of(version_id)


def _version_of(clinic_id: int, named: Mapping[str, Any]) -> int | None:
    if isinstance(course := named.get("course"), UUID):
        found = Course.every.filter(clinic_id=clinic_id, public_id=course)
        return found.values_list("protocol_version_id", flat=True).first()
    for name, model in _OF_A_COURSE.items():
        if isinstance(public_id := named.get(name), UUID):
            rows = model._default_manager.filter(clinic_id=clinic_id, public_id=public_id)
            return rows.values_list("course__protocol_version_id", flat=True).first()
    return None
