"""The tables of the house."""

from __future__ import annotations

from clinic.models.absences import Absence, Deputy, Handover
from clinic.models.clinics import Clinic, ReviewSettings
from clinic.models.clock import ClockOffset, ClockReading
from clinic.models.credentials import Credential, CredentialKind
from clinic.models.events import Event
from clinic.models.messages import (
    Channel,
    Message,
    MessageAttempt,
    MessageLog,
    MessageReport,
    MessageState,
)
from clinic.models.people import Membership, NumberCode, Person
from clinic.models.reasons import ChangeReason
from clinic.models.resources import Resource, Room
from clinic.models.rows import ClinicRow, WallTimeField

__all__ = [
    "Absence",
    "ChangeReason",
    "Channel",
    "Clinic",
    "ClinicRow",
    "ClockOffset",
    "ClockReading",
    "Credential",
    "CredentialKind",
    "Deputy",
    "Event",
    "Handover",
    "Membership",
    "Message",
    "MessageAttempt",
    "MessageLog",
    "MessageReport",
    "MessageState",
    "NumberCode",
    "Person",
    "Resource",
    "ReviewSettings",
    "Room",
    "WallTimeField",
]
